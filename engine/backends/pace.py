"""The straight line from a plan's baseline to its target, and where a value stands beside it. Exact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction

from engine.check.ir import Compare, Constant, FactRef, Rule, mirrored
from engine.verdicts import Pace, Verdict

__all__ = ["pace_of"]


def pace_of(rule: Rule, verdict: Verdict, on: date, due: date | None, read: Callable[[FactRef], object]) -> Pace | None:
    """The pace of a rule that is not yet due, None where there is no line.

    There is one when the requirement compares one fact with a figure, the rule gives the fact's baseline, and
    the deadline is a date of the text behind the baseline's. `due` is that date; `read` gives the fact's
    value, no Fraction when it is not known exactly. Before the first day of the line it stands at the
    baseline, behind the last at the target.
    """
    if verdict is not Verdict.NOT_YET_DUE or not rule.baselines or rule.due is None or due is None:
        return None
    if rule.due.on is None and not rule.due.table:
        return None
    single = _single(rule)
    if single is None:
        return None
    fact, op, target = single
    start = next(((value, at) for name, value, at in rule.baselines if name == fact.name), None)
    actual = read(fact)
    if start is None or start[1] >= due or not isinstance(actual, Fraction):
        return None
    baseline, at = start
    passed = Fraction((min(max(on, at), due) - at).days, (due - at).days)
    expected = baseline + (target - baseline) * passed
    return Pace(baseline, at, target, due, expected, actual, _ahead(op, actual, expected, target))


def _single(rule: Rule) -> tuple[FactRef, str, Fraction] | None:
    """The fact, the comparison as read from the fact, and the figure."""
    match rule.require:
        case Compare(op, FactRef() as fact, Constant(Fraction() as target), "number") if op != "!=":
            return fact, op, target
        case Compare(op, Constant(Fraction() as target), FactRef() as fact, "number") if op != "!=":
            return fact, mirrored(op), target
        case _:
            return None


def _ahead(op: str, actual: Fraction, expected: Fraction, target: Fraction) -> bool:
    """At least as far as the line; for an exact figure at least as near to it."""
    match op:
        case ">" | ">=":
            return actual >= expected
        case "<" | "<=":
            return actual <= expected
        case _:
            return abs(target - actual) <= abs(target - expected)
