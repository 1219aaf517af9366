"""common-expression-language (CEL in Rust): all rules in one program that answers a list."""

from __future__ import annotations

import cel

from bench.peers.infix import Words, verdict
from bench.peers.polarity import Outcomes
from bench.peers.saying import Record

__all__ = ["NAME", "PACKAGE", "Cel"]

NAME, PACKAGE = "CEL", "common-expression-language"
_WORDS = Words(both="&&", either="||")


class Cel:
    """A compiled program."""

    def __init__(self, rules: list[Outcomes]) -> None:
        self.program = cel.compile("[" + ", ".join(self.say(rule) for rule in rules) + "]")

    @staticmethod
    def say(rule: Outcomes) -> str:
        """One rule. Raises CannotSay."""
        return verdict(rule, _WORDS)

    def prepare(self, record: Record) -> Record:
        """As it is: a name that is not there would be an error, null is not."""
        return record

    def judge(self, record: Record) -> str:
        """The codes of one record."""
        return "".join(self.program.execute(record))
