"""Exact arithmetic and comparison on known, partly known and unknown numbers.

Unknown in, unknown out. Intervals are followed by interval arithmetic: every completion of what is
missing lies inside the result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from engine.values import Interval, Numeric, Truth

__all__ = ["arithmetic", "ceiling", "compare", "distance", "extremum", "hull", "interval", "magnitude", "negate"]

End = Fraction | float


def _ends(value: Fraction | Interval) -> tuple[End, End]:
    return (value.low, value.high) if isinstance(value, Interval) else (value, value)


def interval(low: End, high: End) -> Numeric:
    """The number between two ends: exact where they meet, unknown where nothing is known."""
    if isinstance(low, Fraction) and low == high:
        return low
    if low == -math.inf and high == math.inf:
        return None
    return Interval(low, high)


def _product(a: End, b: End) -> End:
    return Fraction(0) if a == 0 or b == 0 else a * b


def arithmetic(op: str, left: Numeric, right: Numeric) -> Numeric:
    """`+ - * /`; division by zero, or by what may be zero, is unknown."""
    if left is None or right is None:
        return None
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        match op:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case _:
                return left / right if right else None
    (a, b), (c, d) = _ends(left), _ends(right)
    corners: list[End | None]
    match op:
        case "+":
            return interval(a + c, b + d)
        case "-":
            return interval(a - d, b - c)
        case "*":
            corners = [_product(x, y) for x in (a, b) for y in (c, d)]
        case _:
            if c <= 0 <= d:
                return None
            corners = [_quotient(x, y) for x in (a, b) for y in (c, d)]
            if any(corner is None for corner in corners):
                return None
    known: list[End] = [corner for corner in corners if corner is not None]
    return interval(_least(known), -_least([-corner for corner in known]))


def _least(ends: Sequence[End]) -> End:
    least = ends[0]
    for end in ends[1:]:
        least = min(least, end)
    return least


def _quotient(a: End, b: End) -> End | None:
    if isinstance(b, float):
        return None if isinstance(a, float) else Fraction(0)
    return a / b


def negate(value: Numeric) -> Numeric:
    """`-value`."""
    if isinstance(value, Interval):
        return interval(-value.high, -value.low)
    return None if value is None else -value


def magnitude(value: Numeric) -> Numeric:
    """`abs(value)`."""
    if not isinstance(value, Interval):
        return None if value is None else abs(value)
    low, high = value.low, value.high
    if low <= 0 <= high:
        return interval(Fraction(0), -_least((low, -high)))
    return interval(low, high) if low > 0 else interval(-high, -low)


def _up(end: End) -> End:
    return end if isinstance(end, float) else Fraction(math.ceil(end))


def ceiling(value: Numeric) -> Numeric:
    """`ceil(value)`."""
    if isinstance(value, Interval):
        return interval(_up(value.low), _up(value.high))
    return None if value is None else Fraction(math.ceil(value))


def extremum(op: str, values: Sequence[Numeric]) -> Numeric:
    """`min` or `max`; unknown when any operand is."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    ends = [_ends(value) for value in known]
    lows, highs = [low for low, _ in ends], [high for _, high in ends]
    if op == "min":
        return interval(_least(lows), _least(highs))
    return interval(-_least([-low for low in lows]), -_least([-high for high in highs]))


def hull(left: Numeric, right: Numeric) -> Numeric:
    """The smallest interval around two numbers: the value of an undecided choice."""
    if left is None or right is None:
        return None
    (a, b), (c, d) = _ends(left), _ends(right)
    return interval(_least((a, c)), -_least((-b, -d)))


def compare(op: str, left: Numeric, right: Numeric) -> Truth:
    """A comparison; True or False when every completion agrees, else unknown."""
    if left is None or right is None:
        return None
    (a, b), (c, d) = _ends(left), _ends(right)
    match op:
        case "<":
            return _decided(b < c, a >= d)
        case "<=":
            return _decided(b <= c, a > d)
        case ">":
            return _decided(a > d, b <= c)
        case ">=":
            return _decided(a >= d, b < c)
        case "==":
            return _decided(a == b == c == d, b < c or d < a)
        case _:
            return _decided(b < c or d < a, a == b == c == d)


def _decided(holds: bool, fails: bool) -> Truth:
    return True if holds else False if fails else None


def distance(left: Numeric, right: Numeric) -> Fraction | None:
    """The distance of two known numbers."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return abs(left - right)
    return None
