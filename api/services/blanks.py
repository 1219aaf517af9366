"""What a plan says of a record that tells it nothing.

Most records leave many rules without any of their facts. Such a rule says the same for every record of
the same day and place, so its finding is made once and kept.
"""

from __future__ import annotations

from api.services import judge
from engine.backends.base import Context
from engine.check.ir import Program
from engine.check.walk import with_sources
from engine.facts import Facts
from engine.verdicts import Finding

__all__ = ["Blank", "facts_by_rule"]

_NOTHING = Facts()


def facts_by_rule(program: Program) -> list[frozenset[str]]:
    """For each rule all facts that its finding can depend on: also through derivations and other rules."""

    def closure(index: int, seen: frozenset[int]) -> set[str]:
        rule = program.rules[index]
        found = set(with_sources(rule.needs, program.facts))
        for other in (program.index[id_] for id_ in rule.passes):
            if other not in seen:
                found |= closure(other, seen | {other})
        return found

    return [frozenset(closure(i, frozenset({i}))) for i in range(len(program.rules))]


class Blank:
    """The findings of a record without facts, on one day, in one place, made when first wanted.

    Safe to share between threads: a lost race only makes a finding twice.
    """

    def __init__(self, program: Program, context: Context) -> None:
        self._record = next(judge.judge(program, [_NOTHING], [context]))
        self._findings: list[Finding | None] = [None] * len(program.rules)

    def signature(self, index: int) -> tuple[object, ...] | None:
        """As of any record; see `Explainer.signature`."""
        return self._record.signature(index)

    def finding(self, index: int) -> Finding:
        """The finding of a rule."""
        found = self._findings[index]
        if found is None:
            found = self._findings[index] = self._record.finding(index)
        return found
