"""Verdicts, their reasons, findings and outcomes: what every back end returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from fractions import Fraction
from typing import Literal

import msgspec

from engine.values import Truth

__all__ = ["BY_SEVERITY", "CODES", "DueState", "Finding", "Outcome", "Pace", "Reason", "Verdict", "decide", "overall"]


class Verdict(Enum):
    """The five verdicts; the value is the name on the wire, `letter` the one-letter code."""

    letter: str

    COMPLIANT = "compliant", "C"
    NON_COMPLIANT = "non_compliant", "N"
    NOT_YET_DUE = "not_yet_due", "T"
    NOT_APPLICABLE = "not_applicable", "X"
    INSUFFICIENT_DATA = "insufficient_data", "U"

    def __new__(cls, name: str, letter: str) -> Verdict:
        """The member; only `name` is its value."""
        member = object.__new__(cls)
        member._value_ = name
        member.letter = letter
        return member


CODES: dict[str, Verdict] = {verdict.letter: verdict for verdict in Verdict}

Reason = Literal[
    "out_of_scope",
    "other_subject",
    "outside_jurisdiction",
    "division_not_named",
    "before_start",
    "after_end",
    "parameter_off",
]


class DueState(Enum):
    """What an unmet requirement means on the day."""

    LATE = 0
    """A continuous duty, or the deadline has passed: non-compliant."""
    OPEN = 1
    """The deadline lies ahead: not yet due."""
    UNSURE = 2
    """Between the ends of an unclear deadline, or its anchor is unknown: insufficient data."""


def decide(applies: Truth, requirement: Truth, due: DueState) -> Verdict:
    """The verdict table of a rule whose start, place and parameters allow one.

    `applies` unknown is insufficient data whatever the requirement says.
    """
    if applies is False:
        return Verdict.NOT_APPLICABLE
    if applies is None or requirement is None:
        return Verdict.INSUFFICIENT_DATA
    if requirement:
        return Verdict.COMPLIANT
    match due:
        case DueState.LATE:
            return Verdict.NON_COMPLIANT
        case DueState.OPEN:
            return Verdict.NOT_YET_DUE
        case DueState.UNSURE:
            return Verdict.INSUFFICIENT_DATA


BY_SEVERITY = (
    Verdict.NOT_APPLICABLE,
    Verdict.COMPLIANT,
    Verdict.NOT_YET_DUE,
    Verdict.INSUFFICIENT_DATA,
    Verdict.NON_COMPLIANT,
)
"""From what says nothing to what decides an outcome."""

_SEVERITY = {verdict: severity for severity, verdict in enumerate(BY_SEVERITY)}


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """A subject's outcome: N, else U, else T, else C, else X. The caller leaves advisory rules out."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.NOT_APPLICABLE)


class Pace(msgspec.Struct, frozen=True):
    """Where the straight line from the plan's own baseline to the target stands on the day of the evaluation.

    `baseline` is the figure of day `at`, `target` that of day `due`; `expected_today` lies between them.
    `actual` is the value that was read. `ahead` is true on the line too: nothing is behind.
    """

    baseline: Fraction
    at: date
    target: Fraction
    due: date
    expected_today: Fraction
    actual: Fraction
    ahead: bool


class Finding(msgspec.Struct, frozen=True):
    """The explained verdict of one rule for one record.

    `actual`: the known facts that the requirement reads, as sent. `gap`: the distance to the limit
    of a single comparison, in the unit of its sides, else None. `missing`: the unknown facts under
    the undecided nodes (`fact@period` where other periods of it were given). `due` is the resolved
    deadline where the rule has one. `pace` stands beside `not_yet_due` where the rule gives a baseline of
    the single fact that it compares with a figure, and a date.
    """

    rule: int
    verdict: Verdict
    reason: Reason | None = None
    actual: tuple[tuple[str, object], ...] = ()
    gap: Fraction | None = None
    due: date | None = None
    period: str | None = None
    missing: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All verdicts of one record, in rule order.

    INVARIANT (stable order): `findings[i].rule == i`, so back ends compare equal.
    """

    findings: tuple[Finding, ...]

    @property
    def codes(self) -> str:
        """One letter per rule."""
        return "".join(f.verdict.letter for f in self.findings)
