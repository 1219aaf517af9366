"""What every back end is given and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Protocol

from engine.check.ir import Due, Program, Rule
from engine.facts import Facts
from engine.verdicts import DueState, Outcome, Reason

__all__ = ["Backend", "Context", "ParameterValue", "add_years", "deadline", "due_state", "excluded"]

ParameterValue = bool | Fraction | date


@dataclass(frozen=True, slots=True)
class Context:
    """The day, the place and the parameters of an evaluation.

    `path`: the record's division and everything above it, nearest first (`Divisions.path`).
    """

    on: date
    path: tuple[str, ...]
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)


class Backend(Protocol):
    """A back end judges one record by a program. It says what it refuses; none swallows it."""

    def evaluate(self, program: Program, facts: Facts, context: Context) -> Outcome:
        """All findings, in rule order."""
        ...


def excluded(program: Program, rule: Rule, context: Context) -> Reason | None:
    """Why a rule does not apply whatever the facts say, or None."""
    if program.jurisdiction is not None and program.jurisdiction not in context.path:
        return "outside_jurisdiction"
    starts = max((d for d in (program.starts, rule.starts) if d is not None), default=None)
    if starts is not None and context.on < starts:
        return "before_start"
    if rule.until is not None and context.on > rule.until:
        return "after_end"
    if any(needed not in context.parameters for needed in rule.parameters):
        return "parameter_off"
    if rule.due is not None and rule.due.table and deadline(rule.due, context) is None:
        return "division_not_named"
    return None


def deadline(due: Due, context: Context) -> date | None:
    """The deadline as far as the text alone gives it: a date, or the division's row of a table."""
    if due.table:
        rows = dict(due.table)
        return next((rows[code] for code in context.path if code in rows), None)
    return due.on


def add_years(day: date, years: int) -> date:
    """The same day some years later; 29 February falls back to the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def due_state(due: Due | None, context: Context, anchor: date | None) -> tuple[DueState, date | None, bool]:
    """What an unmet requirement means today, the deadline if there is one, and whether `anchor` is wanted.

    `anchor` is the value of the fact that `due.after` names, None while unknown.
    """
    if due is None or due.unstated:
        return DueState.LATE, None, False
    day = deadline(due, context)
    if due.after is not None and anchor is not None:
        assert due.years is not None
        day = add_years(anchor, due.years)
        if due.latest is not None:
            day = min(day, due.latest)
    if day is not None:
        return (DueState.OPEN if context.on <= day else DueState.LATE), day, False
    if due.earliest is not None and context.on <= due.earliest:
        return DueState.OPEN, due.latest, False
    if due.latest is not None and context.on > due.latest:
        return DueState.LATE, due.latest, False
    return DueState.UNSURE, due.latest, due.after is not None
