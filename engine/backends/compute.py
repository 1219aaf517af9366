"""Numeric expressions over a block → vectors with error bounds."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np

from engine.backends import vectors
from engine.backends.base import Context
from engine.backends.columns import Block
from engine.backends.plan import Plan, plain_constant
from engine.backends.vectors import TRUE, UNKNOWN, Floats, Mask, Truths, Vector
from engine.check.ir import (
    Abs,
    Arithmetic,
    AsOf,
    Ceil,
    Choice,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    FactSpec,
    Negate,
    ParameterRef,
    YearsSince,
)

__all__ = ["Numbers"]


class Numbers:
    """The numbers of one block, each distinct expression computed once.

    `truths` is the block's truth matrix, which choices between numbers read.
    """

    def __init__(self, plan: Plan, block: Block, truths: Truths, context: Context, size: int) -> None:
        self.plan = plan
        self.program = plan.program
        self.block = block
        self.truths = truths
        self.on = context.on
        self.parameters = context.parameters
        self.size = size
        self._kept: dict[int, Vector] = {}

    def _constant(self, value: object) -> Vector:
        if value is None or isinstance(value, str | bool):
            return Vector.exact(np.full(1, np.nan))
        assert isinstance(value, Fraction | date)
        plain = plain_constant(value)
        if plain is not None:
            return Vector.exact(np.full(1, plain))
        assert isinstance(value, Fraction)
        near = np.full(1, float(value))
        return Vector(near, near, np.abs(near) * 2.0**-52)

    def of(self, expr: Expr) -> Vector:
        """The vector of a numeric, date or category expression; a constant's has one entry."""
        key = id(expr)
        if key not in self._kept:
            self._kept[key] = self._compute(expr)
        return self._kept[key]

    def _compute(self, expr: Expr) -> Vector:
        match expr:
            case Constant():
                return self._constant(expr.value)
            case ParameterRef():
                return self._constant(self.parameters.get(expr.id))
            case AsOf():
                return self._constant(self.on)
            case FactRef():
                return self.fact(self.program.facts[expr.name])
            case Arithmetic():
                return vectors.arithmetic(expr.op, self.of(expr.left), self.of(expr.right))
            case Negate():
                inner = self.of(expr.operand)
                return Vector(-inner.high, -inner.low, inner.error, inner.doubts())
            case Abs():
                inner = self.of(expr.operand)
                size = np.abs(inner.low)
                return Vector(size, size, inner.error, inner.doubts())
            case Ceil():
                return vectors.ceiling(self.of(expr.operand))
            case Extremum():
                return vectors.extremum(expr.op, [self.of(o) for o in expr.operands])
            case YearsSince():
                return self._years_since(self.of(expr.operand))
            case CountOf():
                rows = self.block.truths[list(self.plan.layout.items[expr.fact].values())]
                unknown = (rows != UNKNOWN).any(axis=0)
                low = np.where(unknown, (rows == TRUE).sum(axis=0), np.nan)
                return Vector(low, np.where(unknown, (rows >= UNKNOWN).sum(axis=0), np.nan))
            case Choice():
                return self._choice(expr)
            case _:
                # `previous` of plain values, member aggregates: unknown.
                return Vector.exact(np.full(1, np.nan))

    def fact(self, spec: FactSpec) -> Vector:
        """A fact as sent, else derived, else bounded by others."""
        sent = self.block.numbers[self.plan.layout.numbers[spec.name]]
        if spec.derive is None and spec.at_least is None and spec.at_most is None:
            return Vector.exact(sent)
        missing = np.isnan(sent)
        low, high = sent, sent
        error: Floats | None = None
        doubt: Mask | None = None
        if spec.derive is not None:
            derived = self.wide(self.of(spec.derive))
            low = np.where(missing, derived.low, sent)
            high = np.where(missing, derived.high, sent)
            error = np.where(missing, derived.errors(), np.abs(sent) * 2.0**-52)
            inner = derived.doubts()
            doubt = None if inner is None else inner & missing
        if spec.at_least is not None or spec.at_most is not None:
            # Bounds make intervals; whoever needs one in this row is answered by the reference.
            unknown = np.isnan(low)
            bounded = np.zeros(self.size, dtype=bool)
            for limit in (spec.at_least, spec.at_most):
                if limit is not None:
                    vector = self.wide(self.of(limit))
                    bounded |= ~np.isnan(vector.low)
                    inner = vector.doubts()
                    bounded |= inner if inner is not None else False
            bounded &= unknown
            doubt = bounded if doubt is None else doubt | bounded
        return Vector(low, high, error, doubt)

    def wide(self, vector: Vector) -> Vector:
        """A vector of a constant, spread over the block."""
        if vector.low.shape == (self.size,):
            return vector
        low, high = np.broadcast_to(vector.low, self.size), np.broadcast_to(vector.high, self.size)
        error = None if vector.error is None else np.broadcast_to(vector.error, self.size)
        doubt = None if vector.doubt is None else np.broadcast_to(vector.doubt, self.size)
        return Vector(low, high, error, doubt)

    def _choice(self, expr: Choice) -> Vector:
        """A choice of numbers; rows whose test is open are left to the reference."""
        if id(expr.test) not in self.plan.row_of:
            whole = np.full(self.size, np.nan)
            return Vector(whole, whole, None, np.ones(self.size, dtype=bool))
        test = self.truths[self.plan.row_of[id(expr.test)]]
        then, other = self.wide(self.of(expr.then)), self.wide(self.of(expr.otherwise))
        holds = test == TRUE
        result = np.where(holds, then.low, other.low)
        error = np.where(holds, then.errors(), other.errors())
        doubt = np.where(holds, _no(then.doubts(), self.size), _no(other.doubts(), self.size))
        doubt |= test == UNKNOWN
        return Vector(result, result, error, doubt)

    def _years_since(self, days: Vector) -> Vector:
        known = ~np.isnan(days.low)
        ordinals = np.where(known, days.low, 1).astype(np.int64)
        stamps = (ordinals - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
        months = stamps.astype("datetime64[M]").astype(np.int64)
        years, month = months // 12 + 1970, months % 12 + 1
        day = (stamps - stamps.astype("datetime64[M]")).astype(np.int64) + 1
        before = (self.on.month * 100 + self.on.day) < month * 100 + day
        whole = np.where(known, self.on.year - years - before, np.nan)
        return Vector(whole, whole, np.zeros_like(whole))


def _no(doubt: Mask | None, size: int) -> Mask:
    return np.zeros(size, dtype=bool) if doubt is None else doubt
