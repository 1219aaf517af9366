"""Numeric expressions over a block → exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Protocol

import numpy as np

from engine.backends import rationals
from engine.backends.base import Context
from engine.backends.columns import Block, sent_in
from engine.backends.plan import Plan
from engine.backends.rationals import Rational, Rows, either
from engine.backends.vectors import TRUE, UNKNOWN, Floats, Mask, Truths
from engine.check.ir import (
    Abs,
    Aggregate,
    Arithmetic,
    AsOf,
    Baseline,
    Ceil,
    Choice,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    FactSpec,
    Negate,
    Operator,
    ParameterRef,
    YearsSince,
    mirrored,
)
from engine.rollup.columns import Measure

__all__ = ["Numbers"]


class RolledNumbers(Protocol):
    """Aggregates over the members of a block's records."""

    def measure(self, aggregate: Aggregate) -> Measure:
        """An aggregate for every row of the block."""
        ...


class Numbers:
    """The numbers of one block, each distinct expression computed once.

    `truths` is the block's truth matrix, which choices between numbers read. Dates are day numbers, categories and
    grades the places of their options.
    """

    def __init__(
        self, plan: Plan, block: Block, truths: Truths, context: Context, members: RolledNumbers | None = None
    ) -> None:
        self.plan = plan
        self.program = plan.program
        self.block = block
        self.truths = truths
        self.on = context.on
        self.parameters = context.parameters
        self.members = members
        self._kept: dict[int, Rational] = {}
        self._facts: dict[str, Rational] = {}

    @staticmethod
    def _constant(value: object) -> Rational:
        match value:
            case Fraction():
                return rationals.constant(value)
            case date():
                return rationals.constant(Fraction(value.toordinal()))
            case _:
                return rationals.unknown()

    def of(self, expr: Expr) -> Rational:
        """The numbers of a numeric, date or category expression; those of a constant have one entry."""
        key = id(expr)
        if key not in self._kept:
            self._kept[key] = self._compute(expr)
        return self._kept[key]

    def of_rows(self, expr: Expr, rows: Rows) -> Rational:
        """The same in some rows, without computing others where nobody has yet."""
        if isinstance(expr, FactRef) and id(expr) not in self._kept:
            spec = self.program.facts[expr.name]
            if spec.derive is None and spec.at_least is None and spec.at_most is None:
                return self.sent(spec, rows)
        return self.of(expr).at(rows)

    def _compute(self, expr: Expr) -> Rational:
        match expr:
            case Constant():
                return self._constant(expr.value)
            case ParameterRef():
                return self._constant(self.parameters.get(expr.id))
            case AsOf():
                return self._constant(self.on)
            case Baseline():
                return self._constant(expr.value)
            case FactRef():
                return self.fact(self.program.facts[expr.name])
            case Arithmetic():
                return rationals.arithmetic(expr.op, self.of(expr.left), self.of(expr.right))
            case Negate():
                return rationals.negative(self.of(expr.operand))
            case Abs():
                return rationals.magnitude(self.of(expr.operand))
            case Ceil():
                return rationals.ceiling(self.of(expr.operand))
            case Extremum():
                return rationals.extremum(expr.op, [self.of(o) for o in expr.operands])
            case YearsSince():
                return self._years_since(self.of(expr.operand))
            case CountOf():
                rows = self.block.truths[list(self.plan.layout.items[expr.fact].values())]
                given = (rows != UNKNOWN).any(axis=0)
                low = np.where(given, (rows == TRUE).sum(axis=0), np.nan)
                high = np.where(given, (rows >= UNKNOWN).sum(axis=0), np.nan)
                return Rational(low, high, None, 0, float(len(rows)))
            case Choice():
                return self._choice(expr)
            case Aggregate() if self.members is not None:
                return self.members.measure(expr).rational()
            case _:
                # `previous` of plain values, aggregates without members: unknown.
                return rationals.unknown()

    def sent(self, spec: FactSpec, rows: Rows | None = None) -> Rational:
        """What was sent for a fact, by all rows or some."""
        column: Floats = self.block.numbers[self.plan.layout.numbers[spec.name]]
        if rows is not None:
            column = column[rows]
        most = self.plan.most[spec.name]
        if spec.type_name in ("number", "percent"):
            return rationals.decimals(column, self.plan.places[spec.name], most)
        return Rational.whole(column, most)

    def fact(self, spec: FactSpec) -> Rational:
        """A fact as sent, else derived, else bounded by others."""
        if spec.name not in self._facts:
            self._facts[spec.name] = self._fact(spec)
        return self._facts[spec.name]

    def _fact(self, spec: FactSpec) -> Rational:
        if spec.derive is None:
            found = self.sent(spec)
        else:
            # Few send what can be derived.
            rows = sent_in(self.plan.layout, self.block, spec.name).nonzero()[0]
            found = rationals.put(self.sent(spec, rows), rows, self.of(spec.derive), self.block.size)
        if spec.at_least is not None or spec.at_most is not None:
            # Bounds make intervals; whoever needs one in this row is answered by the reference.
            bounded = np.zeros(self.block.size, dtype=bool)
            for limit in (spec.at_least, spec.at_most):
                if limit is not None:
                    bound = self.of(limit)
                    doubts = bound.doubts()
                    bounded |= bound.known() if doubts is None else bound.known() | doubts
            bounded &= ~found.known()
            found = Rational(
                found.num, found.high, found.den, found.scale, found.top, found.below, either(found.doubt, bounded)
            )
        return found

    def compare(self, op: Operator, left: Expr, right: Expr) -> tuple[Truths, Mask | None]:
        """The truth of a comparison of numbers, and the rows where it is not said.

        A choice whose test is open lies between its sides: it is above a number when both of them are. So
        comparisons are carried into choices, and no interval is needed.
        """
        for side, other, seen in ((left, right, op), (right, left, mirrored(op))):
            rolled = self._rolled(side)
            if rolled is not None:
                return self._compare_rolled(rolled, seen, other)
        if op in ("==", "!="):
            return rationals.compare(op, self.of(left), self.of(right))
        if isinstance(left, Choice):
            return self._either_side(left, lambda side: self.compare(op, side, right))
        if isinstance(right, Choice):
            return self._either_side(right, lambda side: self.compare(op, left, side))
        if isinstance(left, FactRef):
            spec = self.program.facts[left.name]
            if isinstance(spec.derive, Choice) and spec.at_least is None and spec.at_most is None:
                sent = self.sent(spec)
                truth, doubt = rationals.compare(op, sent, self.of(right))
                derived, derived_doubt = self.compare(op, spec.derive, right)
                known = sent.known()
                return np.where(known, truth, derived), _where(known, doubt, derived_doubt)
        return rationals.compare(op, self.of(left), self.of(right))

    def rolled(self, expr: Expr) -> Measure | None:
        """The measure of a number that is rolled up from members and nothing else."""
        spec = self._rolled(expr)
        if spec is None or self.members is None or spec.name not in self.plan.layout.numbers:
            return None
        assert isinstance(spec.derive, Aggregate)
        measure = self.members.measure(spec.derive)
        return None if measure.ranks is not None else measure

    def _rolled(self, expr: Expr) -> FactSpec | None:
        """The fact that an expression is, where that is rolled up from members and nothing else."""
        if self.members is None or not isinstance(expr, FactRef):
            return None
        spec = self.program.facts[expr.name]
        return spec if isinstance(spec.derive, Aggregate) and spec.at_least is None and spec.at_most is None else None

    def _compare_rolled(self, spec: FactSpec, op: Operator, other: Expr) -> tuple[Truths, Mask | None]:
        """As sent, else as rolled up: bounds and floats that are near decide most comparisons."""
        assert self.members is not None
        assert isinstance(spec.derive, Aggregate)
        against, sent = self.of(other), self.sent(spec)
        truth, doubt = rationals.compare(op, sent, against)
        rolled, rolled_doubt = self.members.measure(spec.derive).compare(op, against)
        known = sent.known()
        return np.where(known, truth, rolled), _where(known, doubt, rolled_doubt)

    def _either_side(
        self, choice: Choice, compared: Callable[[Expr], tuple[Truths, Mask | None]]
    ) -> tuple[Truths, Mask | None]:
        (then, then_doubt), (other, other_doubt) = compared(choice.then), compared(choice.otherwise)
        test = self.truths[self.plan.row_of[id(choice.test)]]
        open_ = test == UNKNOWN
        truth = np.where(test == TRUE, then, other)
        truth = np.where(open_ & (then != other), np.uint8(UNKNOWN), truth)
        doubt = _where(test == TRUE, then_doubt, other_doubt)
        return truth, either(doubt, None if then_doubt is None else then_doubt & open_)

    def _choice(self, expr: Choice) -> Rational:
        """A choice of numbers; rows whose test is open and whose sides are not are left to the reference."""
        if id(expr.test) not in self.plan.row_of:
            whole = np.full(self.block.size, np.nan)
            return Rational(whole, whole, None, 0, 0.0, 1.0, np.ones(self.block.size, dtype=bool))
        test = self.truths[self.plan.row_of[id(expr.test)]]
        then, other = self.of(expr.then), self.of(expr.otherwise)
        found = rationals.choose(test == TRUE, then, other)
        open_ = (test == UNKNOWN).nonzero()[0]
        if not len(open_):
            return found
        # Either may be meant: an interval, which is unknown only where one of the two is.
        whole = np.full(len(open_), np.nan)
        nothing = Rational(whole, whole, None, 0, 0.0, 1.0, _said(then.at(open_)) & _said(other.at(open_)))
        return rationals.put(nothing, open_, found, self.block.size)

    def _years_since(self, days: Rational) -> Rational:
        known = days.known()
        ordinals = np.where(known, days.num, 1).astype(np.int64)
        stamps = (ordinals - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
        months = stamps.astype("datetime64[M]").astype(np.int64)
        years, month = months // 12 + 1970, months % 12 + 1
        day = (stamps - stamps.astype("datetime64[M]")).astype(np.int64) + 1
        before = (self.on.month * 100 + self.on.day) < month * 100 + day
        return Rational.whole(np.where(known, self.on.year - years - before, np.nan))


def _where(mask: Mask, then: Mask | None, other: Mask | None) -> Mask | None:
    """Doubts of one vector in the rows of a mask, of another elsewhere."""
    if then is None and other is None:
        return None
    nowhere = np.zeros(1, dtype=bool)
    return np.where(mask, nowhere if then is None else then, nowhere if other is None else other)


def _said(numbers: Rational) -> Mask:
    """Rows with a value, or with one that the reference can say."""
    doubts = numbers.doubts()
    return numbers.known() if doubts is None else numbers.known() | doubts
