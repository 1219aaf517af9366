"""Float64 vectors that know how wrong they may be.

A vector holds a block of numbers, NaN where unknown. `error` bounds the distance to the exact value
(None: the floats stand for their own shortest decimals, in their order). `doubt` marks rows that
float64 cannot decide at all; whoever compares recomputes those rows exactly. The band is scaled to the
operands, since subtraction cancels. NaN and overflow are expected: callers hold `np.errstate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "FALSE",
    "TRUE",
    "UNKNOWN",
    "Floats",
    "Mask",
    "Truths",
    "Vector",
    "arithmetic",
    "ceiling",
    "compare",
    "extremum",
    "three_valued",
]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Truths = npt.NDArray[np.uint8]

FALSE, UNKNOWN, TRUE = 0, 1, 2

_ROUNDING = 2.0**-52
"""At least twice the relative error of one float64 operation, so that the sums below are safe too."""
_TINY = 1e-290
"""Covers underflow in products and quotients."""


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers of a block, known to lie in `[low, high]`; `high is low` where there are no intervals."""

    low: Floats
    high: Floats
    error: Floats | None = None
    doubt: Mask | None = None

    @classmethod
    def exact(cls, values: Floats) -> Vector:
        """Floats that stand for their own shortest decimals."""
        return cls(values, values)

    def errors(self) -> Floats:
        """The bound, also of a vector of plain decimals: half a step of float64 at most."""
        return np.abs(self.low) * _ROUNDING if self.error is None else self.error

    def doubts(self) -> Mask | None:
        """Rows that arithmetic cannot take: doubtful ones and intervals."""
        if self.high is self.low:
            return self.doubt
        wide: Mask = self.low != self.high
        wide &= ~(np.isnan(self.low) & np.isnan(self.high))
        return wide if self.doubt is None else wide | self.doubt


def _either(a: Mask | None, b: Mask | None) -> Mask | None:
    if a is None:
        return b
    return a if b is None else a | b


def arithmetic(op: str, a: Vector, b: Vector) -> Vector:
    """`+ - * /`. Division by an exact zero is unknown; by what may be zero, doubtful."""
    doubt = _either(a.doubts(), b.doubts())
    x, y, ex, ey = a.low, b.low, a.errors(), b.errors()
    match op:
        case "+" | "-":
            result = x + y if op == "+" else x - y
            error = ex + ey + np.abs(result) * _ROUNDING
        case "*":
            result = x * y
            error = np.abs(x) * ey + np.abs(y) * ex + ex * ey + np.abs(result) * _ROUNDING + _TINY
        case _:
            zero = (y == 0) & (ey == 0)
            unsure = (np.abs(y) <= ey) & ~zero
            result = np.where(zero, np.nan, x / y)
            error = (ex + np.abs(result) * ey) / (np.abs(y) - ey) + np.abs(result) * _ROUNDING + _TINY
            doubt = _either(doubt, unsure)
    # An exact zero below is unknown for good; whatever else leaves float64 is settled exactly.
    overflow = ~(np.isfinite(result) & np.isfinite(error)) & ~(np.isnan(x) | np.isnan(y))
    if op == "/":
        overflow &= ~((y == 0) & (ey == 0))
    if overflow.any():
        doubt = _either(doubt, overflow)
    return Vector(result, result, error, doubt)


def ceiling(a: Vector) -> Vector:
    """`ceil`; rows within the error of a whole number are doubtful."""
    doubt = a.doubts()
    if a.error is not None:
        doubt = _either(doubt, np.abs(a.low - np.rint(a.low)) <= a.error)
    result = np.ceil(a.low)
    return Vector(result, result, np.zeros_like(result), doubt)


def extremum(op: str, vectors: list[Vector]) -> Vector:
    """`min` or `max`; unknown when any operand is."""
    pick: Callable[[Any, Any], Any] = np.minimum if op == "min" else np.maximum
    low, doubt = vectors[0].low, vectors[0].doubts()
    plain = all(v.error is None for v in vectors)
    error = None if plain else vectors[0].errors()
    for vector in vectors[1:]:
        low = pick(low, vector.low)
        doubt = _either(doubt, vector.doubts())
        if error is not None:
            error = np.maximum(error, vector.errors())
    return Vector(low, low, error, doubt)


def three_valued(holds: Mask, fails: Mask) -> Truths:
    """TRUE where something holds, FALSE where it fails, else UNKNOWN."""
    return (UNKNOWN + holds.astype(np.int8) - fails.astype(np.int8)).astype(np.uint8)


def compare(op: str, a: Vector, b: Vector) -> tuple[Truths, Mask | None]:
    """The truth of a comparison, and the rows that must be recomputed exactly.

    NaN compares false with everything, so an unknown side falls to UNKNOWN by itself.
    """
    x, xx, y, yy = a.low, a.high, b.low, b.high
    match op:
        case "<":
            holds, fails = xx < y, x >= yy
        case "<=":
            holds, fails = xx <= y, x > yy
        case ">":
            holds, fails = x > yy, xx <= y
        case ">=":
            holds, fails = x >= yy, xx < y
        case "==":
            holds, fails = (x == yy) & (xx == y), (xx < y) | (yy < x)
        case _:
            holds, fails = (xx < y) | (yy < x), (x == yy) & (xx == y)
    truth = three_valued(holds, fails)
    doubt = _either(a.doubt, b.doubt)
    if a.error is not None or b.error is not None:
        near = np.abs(x - y) <= a.errors() + b.errors()
        doubt = _either(doubt, near)
    return truth, doubt
