"""The values of expressions for one record: facts, logic, exact numbers, time.

Unknown is None; a partly known number is an `Interval`. Values of periodic facts are those of a period index `at`.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from typing import Any, assert_never, cast

from engine import numbers
from engine.backends import timeline
from engine.backends.base import Context
from engine.check.ir import (
    Abs,
    Aggregate,
    AllOf,
    AnyOf,
    Arithmetic,
    AsOf,
    AtLeast,
    Baseline,
    Ceil,
    Choice,
    Compare,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    FactSpec,
    InDivision,
    ItemOf,
    Known,
    Negate,
    Not,
    OneOf,
    ParameterRef,
    Passes,
    Previous,
    Program,
    Trend,
    WindowTotal,
    YearsSince,
)
from engine.check.walk import facts_of
from engine.facts import Facts, FactValue
from engine.values import Interval, Numeric, Truth, exact, shortest

__all__ = ["Value", "Values", "plain"]

Value = bool | Fraction | Interval | date | str | None

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Values(ABC):
    """One record under one program on one day. Values are those of the period index `at`."""

    def __init__(self, program: Program, facts: Facts, context: Context) -> None:
        self.program = program
        self.facts = facts
        self.context = context
        self.window: tuple[int, int] | None = None
        self.kept: dict[tuple[int, int | None], Value] = {}

    # --- facts --------------------------------------------------------------------------------

    def series(self, name: str) -> dict[int, FactValue]:
        """The given values of a periodic fact by period, without those that begin after the day."""
        period = self.program.facts[name].period
        assert period is not None
        on = self.context.on
        if name in self.facts.keyed:
            return {i: v for i, v in self.facts.keyed[name].items() if period.begun(i, on)}
        if name in self.facts.plain:
            last = period.last_finished(on)
            assert last is not None
            return {last: self.facts.plain[name]}
        derive = self.program.facts[name].derive
        if derive is None:
            return {}
        sources = [f for f in facts_of(derive) if self.program.facts[f].period == period]
        given = [set(self.series(f)) for f in sources]
        common = set.intersection(*given) if given else set()
        found = {i: self.value(derive, i) for i in sorted(common)}
        return {i: plain(v) for i, v in found.items() if v is not None and not isinstance(v, Interval)}

    def given(self, name: str, at: int | None) -> FactValue | None:
        """The sent value of a fact, of period `at` where it is periodic; None when missing."""
        if self.program.facts[name].period is None:
            return self.facts.plain.get(name)
        return None if at is None else self.series(name).get(at)

    def fact(self, name: str, at: int | None) -> Value:
        """The value of a fact: as sent, else derived, else bounded by other facts, else unknown."""
        spec = self.program.facts[name]
        sent = self.given(name, at)
        if sent is not None:
            return _typed(sent)
        if spec.derive is not None:
            derived = self.value(spec.derive, at)
            if derived is not None:
                return derived
        if spec.at_least is not None or spec.at_most is not None:
            return self._bounded(spec, at)
        return None

    def _bounded(self, spec: FactSpec, at: int | None) -> Numeric:
        low: Fraction | float = float("-inf")
        high: Fraction | float = float("inf")
        for limit, side in ((spec.at_least, "low"), (spec.at_most, "high")):
            value = cast(Numeric, self.value(limit, at)) if limit is not None else None
            if value is None:
                continue
            ends = (value.low, value.high) if isinstance(value, Interval) else (value, value)
            if side == "low":
                low = ends[0]
            else:
                high = ends[1]
        return numbers.interval(low, high) if low <= high else None

    def items(self, fact: str, at: int | None) -> dict[str, bool]:
        sent = self.given(fact, at)
        return dict(cast(dict[str, bool], sent)) if sent is not None else {}

    # --- expressions --------------------------------------------------------------------------

    def value(self, expr: Expr, at: int | None) -> Value:
        """The value of any expression; None is unknown."""
        match expr:
            case Constant():
                return expr.value
            case FactRef():
                return self.fact(expr.name, at)
            case AllOf() | AnyOf() | AtLeast() | Not() | Choice() | Compare() | OneOf():
                key = (id(expr), at)
                if key not in self.kept:
                    self.kept[key] = self._logic(expr, at)
                return self.kept[key]
            case Arithmetic() | Negate() | Abs() | Ceil() | Extremum() | YearsSince():
                key = (id(expr), at)
                if key not in self.kept:
                    self.kept[key] = self._numeric(expr, at)
                return self.kept[key]
            case Previous() | WindowTotal() | Trend() | Baseline():
                return self._over_time(expr, at)
            case CountOf():
                items = self.items(expr.fact, at)
                ticked = sum(items.values())
                unknown = len(expr.items) - len(items)
                return numbers.interval(Fraction(ticked), Fraction(ticked + unknown)) if items else None
            case ItemOf():
                return self.items(expr.fact, at).get(expr.item)
            case Known():
                return (
                    self.fact(expr.fact, at) is not None
                    if not self._is_checklist(expr.fact)
                    else bool(self.items(expr.fact, at))
                )
            case AsOf():
                return self.context.on
            case InDivision():
                return any(code in self.context.path for code in expr.codes)
            case ParameterRef():
                return self.context.parameters.get(expr.id)
            case Passes():
                return self.passed(expr.rule)
            case Aggregate():
                return None
            case _:
                assert_never(expr)

    def _is_checklist(self, fact: str) -> bool:
        return self.program.facts[fact].type_name == "checklist"

    def _truths(self, operands: Sequence[Expr], at: int | None) -> list[Truth]:
        return [cast(Truth, self.value(o, at)) for o in operands]

    def _logic(self, expr: AllOf | AnyOf | AtLeast | Not | Choice | Compare | OneOf, at: int | None) -> Value:
        match expr:
            case AllOf():
                truths = self._truths(expr.operands, at)
                return False if False in truths else None if None in truths else True
            case AnyOf():
                truths = self._truths(expr.operands, at)
                return True if True in truths else None if None in truths else False
            case AtLeast():
                truths = self._truths(expr.operands, at)
                holds = sum(t is True for t in truths)
                possible = holds + sum(t is None for t in truths)
                return True if holds >= expr.n else False if possible < expr.n else None
            case Not():
                truth = cast(Truth, self.value(expr.operand, at))
                return None if truth is None else not truth
            case Choice():
                return self._choice(expr, at)
            case OneOf():
                option = self.value(expr.operand, at)
                return None if option is None else option in expr.options
            case Compare():
                return self._compare(expr, at)

    def _choice(self, expr: Choice, at: int | None) -> Value:
        test = cast(Truth, self.value(expr.test, at))
        if test is not None:
            return self.value(expr.then if test else expr.otherwise, at)
        then, otherwise = self.value(expr.then, at), self.value(expr.otherwise, at)
        if expr.boolean:
            return then if then == otherwise else None
        return numbers.hull(cast(Numeric, then), cast(Numeric, otherwise))

    def _compare(self, expr: Compare, at: int | None) -> Truth:
        left, right = self.value(expr.left, at), self.value(expr.right, at)
        if expr.kind == "number":
            return numbers.compare(expr.op, cast(Numeric, left), cast(Numeric, right))
        if left is None or right is None:
            return None
        if expr.kind == "grade":
            return _ORDER[expr.op](expr.ranks.index(cast(str, left)), expr.ranks.index(cast(str, right)))
        return _ORDER[expr.op](left, right)

    def _numeric(self, expr: Arithmetic | Negate | Abs | Ceil | Extremum | YearsSince, at: int | None) -> Numeric:
        match expr:
            case Arithmetic():
                left, right = self.value(expr.left, at), self.value(expr.right, at)
                if isinstance(left, date) and isinstance(right, date):
                    return Fraction((left - right).days)
                if isinstance(left, date) or isinstance(right, date):
                    return None
                return numbers.arithmetic(expr.op, cast(Numeric, left), cast(Numeric, right))
            case Negate():
                return numbers.negate(cast(Numeric, self.value(expr.operand, at)))
            case Abs():
                return numbers.magnitude(cast(Numeric, self.value(expr.operand, at)))
            case Ceil():
                return numbers.ceiling(cast(Numeric, self.value(expr.operand, at)))
            case Extremum():
                return numbers.extremum(expr.op, [cast(Numeric, self.value(o, at)) for o in expr.operands])
            case YearsSince():
                day = cast(date | None, self.value(expr.operand, at))
                if day is None:
                    return None
                on = self.context.on
                return Fraction(on.year - day.year - ((on.month, on.day) < (day.month, day.day)))

    def _over_time(self, expr: Previous | WindowTotal | Trend | Baseline, at: int | None) -> Value:
        if isinstance(expr, Baseline):
            return expr.value
        if isinstance(expr, Previous):
            return None if at is None else self.fact(expr.fact, at - 1)
        window = self.window
        assert window is not None
        spec = self.program.facts[expr.fact]
        series = {i: exact(cast(float, v)) for i, v in self.series(expr.fact).items()}
        if isinstance(expr, WindowTotal):
            return timeline.window_total(spec, series, window, self.context.on)
        return timeline.trend(expr.op, spec, series, window, self.context.on)

    @abstractmethod
    def passed(self, rule: str) -> Truth:
        """The truth of `passes("rule")`; whoever judges rules says it."""


def _typed(sent: FactValue) -> Value:
    """A sent value as the evaluator computes with it. A checklist is read item by item."""
    if isinstance(sent, bool | str | date):
        return sent
    if isinstance(sent, int | float):
        return exact(sent)
    return None


def plain(value: bool | Fraction | date | str) -> FactValue:
    """A value as it would be sent."""
    return shortest(value) if isinstance(value, Fraction) else value
