"""Which period a rule reads, and what running, finished and missing periods mean.

The semantics of DESIGN's "Time", once, for the reference back end: `judge` is given an evaluation
that can tell the truth of a rule at any period.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Protocol

from engine import numbers
from engine.backends.base import Context
from engine.check.ir import FactSpec, Program, Rule
from engine.values import Interval, Numeric, Root, Truth
from engine.verdicts import DueState, Reason, Verdict, decide

__all__ = ["Judged", "judge", "trend", "window_total"]


class Evaluator(Protocol):
    """What `judge` asks of an evaluation."""

    program: Program
    context: Context

    def touched(self, name: str) -> set[int]:
        """The periods of which a periodic fact, or a source of it, is given."""
        ...

    def periods(self, name: str) -> set[int]:
        """The period indexes of which a periodic fact is given, none of the future."""
        ...

    def truths(self, rule: Rule, at: int | None) -> tuple[Truth, Truth]:
        """(applies, requirement) at a period."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, the period it was read at, and the periods whose facts are missing."""

    verdict: Verdict
    at: int | None = None
    reason: Reason | None = None
    missing_at: tuple[int | None, ...] = ()
    notices: tuple[str, ...] = ()


def judge(evaluation: Evaluator, rule: Rule, state: DueState, due: date | None) -> Judged:
    """The verdict of a rule that is in force, on the day of the evaluation."""
    if rule.window is not None and rule.whole_window:
        return _whole_window(evaluation, rule)
    if rule.window is not None:
        return _each_of_window(evaluation, rule, rule.window)
    given = _given(evaluation, rule)
    if not given:
        return _at(evaluation, rule, None, state)
    return _newest(evaluation, rule, given, state, due)


def _given(evaluation: Evaluator, rule: Rule) -> list[int]:
    """The periods given for all periodic facts of the rule, oldest first.

    Where no period is given for all of them, the newest that is given for any, or for what one derives from: what is
    given then may still decide (a condition that is false), and the others are missing at that period.
    """
    if not rule.periodic:
        return []
    given = [evaluation.periods(name) for name in rule.periodic]
    common = set.intersection(*given)
    if common:
        return sorted(common)
    some = set.union(*(evaluation.touched(name) for name in rule.periodic))
    return [max(some)] if some else []


def _at(evaluation: Evaluator, rule: Rule, at: int | None, state: DueState) -> Judged:
    return Judged(decide(*evaluation.truths(rule, at), state), at, missing_at=(at,))


def _before_start(evaluation: Evaluator, rule: Rule, at: int) -> bool:
    """True when the period ended before the rule, or its plan, began."""
    assert rule.period is not None
    starts = [day for day in (evaluation.program.starts, rule.starts) if day is not None]
    return bool(starts) and rule.period.end(at) < max(starts)


def _newest(evaluation: Evaluator, rule: Rule, given: list[int], state: DueState, due: date | None) -> Judged:
    period = rule.period
    assert period is not None
    if due is not None and state is DueState.LATE:
        at_due = next((i for i in given if period.covers(i, due)), None)
        if at_due is not None and not _before_start(evaluation, rule, at_due):
            judged = _running(evaluation, rule, given, at_due, state)
            if judged.verdict is not Verdict.NON_COMPLIANT:
                return judged
            for later in (i for i in given if i > at_due):
                if decide(*evaluation.truths(rule, later), state) is Verdict.COMPLIANT:
                    return Judged(Verdict.COMPLIANT, later, notices=("met_late",))
            return judged
    at = given[-1]
    if _before_start(evaluation, rule, at):
        return Judged(Verdict.NOT_APPLICABLE, at, "before_start")
    return _running(evaluation, rule, given, at, state)


def _running(evaluation: Evaluator, rule: Rule, given: list[int], at: int, state: DueState) -> Judged:
    """The verdict at a period; while it runs, unmet is T unless the last finished one given fails."""
    assert rule.period is not None
    judged = _at(evaluation, rule, at, state)
    if judged.verdict is not Verdict.NON_COMPLIANT or rule.period.finished(at, evaluation.context.on):
        return judged
    finished = [i for i in given if i < at and rule.period.finished(i, evaluation.context.on)]
    if finished and not _before_start(evaluation, rule, finished[-1]):
        last = _at(evaluation, rule, finished[-1], state)
        if last.verdict is Verdict.NON_COMPLIANT:
            return last
    return Judged(Verdict.NOT_YET_DUE, at)


def _each_of_window(evaluation: Evaluator, rule: Rule, window: tuple[int, int]) -> Judged:
    """Every period inside must hold: a finished failed one makes N, a finished missing one U, else T."""
    period, on = rule.period, evaluation.context.on
    assert period is not None
    missing: list[int | None] = []
    open_at: int | None = None
    met_at: int | None = None
    applied = False
    for at in range(window[0], window[1] + 1):
        if _before_start(evaluation, rule, at):
            continue
        applies, requirement = evaluation.truths(rule, at)
        if applies is False:
            continue
        applied = True
        if not period.finished(at, on):
            open_at = at if open_at is None else open_at
        elif applies and requirement is False:
            return Judged(Verdict.NON_COMPLIANT, at)
        elif applies and requirement:
            met_at = at
        else:
            missing.append(at)
    if missing:
        return Judged(Verdict.INSUFFICIENT_DATA, missing_at=tuple(missing))
    if open_at is not None:
        return Judged(Verdict.NOT_YET_DUE, open_at)
    return Judged(Verdict.COMPLIANT, met_at) if applied else Judged(Verdict.NOT_APPLICABLE, None, "out_of_scope")


def _whole_window(evaluation: Evaluator, rule: Rule) -> Judged:
    """`total`, `rises`, `never_falls`: one truth for the window; unknown while it runs is T."""
    assert rule.period is not None
    assert rule.window is not None
    applies, requirement = evaluation.truths(rule, None)
    if requirement is None and applies:
        on = evaluation.context.on
        periods = range(rule.window[0], rule.window[1] + 1)
        given = set.intersection(*(evaluation.periods(name) for name in rule.periodic))
        if all(i in given for i in periods if rule.period.finished(i, on)) and not rule.period.finished(
            rule.window[1], on
        ):
            return Judged(Verdict.NOT_YET_DUE)
    return Judged(decide(applies, requirement, DueState.LATE), missing_at=(None,))


Known = Fraction | Root | Interval


def window_total(spec: FactSpec, series: Mapping[int, Known], window: tuple[int, int], on: date) -> Numeric:
    """The sum over a window. Periods without a value can add anything within the fact's bounds."""
    assert spec.period is not None
    least = spec.bounds[0] if spec.bounds is not None and spec.bounds[0] < 0 else Fraction(0)
    total: Numeric = Fraction(0)
    for i in range(window[0], window[1] + 1):
        value = series.get(i)
        if value is None or not spec.period.finished(i, on):
            # What a running period has by now may grow; where a fact can be negative, it may also fall.
            floor = value if value is not None and least == 0 else least
            value = Interval(numbers.spread(floor)[0], math.inf)
        total = numbers.arithmetic("+", total, value)
    return total


def trend(op: str, spec: FactSpec, series: Mapping[int, Known], window: tuple[int, int], on: date) -> Truth:
    """`rises` or `never_falls` between neighbouring finished periods of a window."""
    assert spec.period is not None
    unknown = False
    for i in range(window[0], window[1]):
        holds = None
        if spec.period.finished(i + 1, on):
            holds = numbers.compare("<" if op == "rises" else "<=", series.get(i), series.get(i + 1))
        if holds is False:
            return False
        unknown |= holds is None
    return None if unknown else True
