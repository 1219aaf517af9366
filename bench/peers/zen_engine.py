"""GoRules ZEN: all rules in one compiled expression that answers a list, given a record as a dict."""

from __future__ import annotations

import zen

from bench.peers.infix import Words, verdict
from bench.peers.polarity import Outcomes
from bench.peers.saying import Record

__all__ = ["NAME", "PACKAGE", "Zen"]

NAME, PACKAGE = "GoRules ZEN", "zen-engine"
_WORDS = Words(absolute="abs", up="ceil")


class Zen:
    """Compiled rules."""

    def __init__(self, rules: list[Outcomes]) -> None:
        self.expression = zen.compile_expression("[" + ", ".join(self.say(rule) for rule in rules) + "]")

    @staticmethod
    def say(rule: Outcomes) -> str:
        """One rule. Raises CannotSay."""
        return verdict(rule, _WORDS)

    def prepare(self, record: Record) -> Record:
        """As it is: null and absent are the same to ZEN, so what is unknown is left out."""
        return {name: value for name, value in record.items() if value is not None}

    def judge(self, record: Record) -> str:
        """The codes of one record."""
        return "".join(self.expression.evaluate(record))
