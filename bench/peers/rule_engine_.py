"""rule-engine: one `Rule` per rule over a dict."""

from __future__ import annotations

import rule_engine

from bench.peers.infix import Words, verdict
from bench.peers.polarity import Outcomes
from bench.peers.saying import Record

__all__ = ["NAME", "PACKAGE", "RuleEngine"]

NAME, PACKAGE = "rule-engine", "rule-engine"
_WORDS = Words(absolute="$abs", least="$min", greatest="$max")


class RuleEngine:
    """Parsed rules."""

    def __init__(self, rules: list[Outcomes]) -> None:
        context = rule_engine.Context(default_value=None)
        self.rules = [rule_engine.Rule(self.say(rule), context=context) for rule in rules]

    @staticmethod
    def say(rule: Outcomes) -> str:
        """One rule. Raises CannotSay."""
        return verdict(rule, _WORDS)

    def prepare(self, record: Record) -> Record:
        """As it is."""
        return record

    def judge(self, record: Record) -> str:
        """The codes of one record."""
        return "".join([rule.evaluate(record) for rule in self.rules])
