"""Exact arithmetic and comparison on known, partly known and unknown numbers.

Unknown in, unknown out. Intervals are followed by interval arithmetic: every completion of what is
missing lies inside the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
    known = [corner for corner in corners if corner is not None]
    return interval(min(known), max(known))


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
        return interval(Fraction(0), max(-low, high))
    return interval(min(abs(low), abs(high)), max(abs(low), abs(high)))


def _up(end: End) -> End:
    return end if isinstance(end, float) else Fraction(math.ceil(end))


def ceiling(value: Numeric) -> Numeric:
    """`ceil(value)`."""
    if isinstance(value, Interval):
        return interval(_up(value.low), _up(value.high))
    return None if value is None else Fraction(math.ceil(value))


def extremum(op: str, values: Sequence[Numeric]) -> Numeric:
    """`min` or `max`; unknown when any operand is."""
    pick: Callable[[Sequence[End]], End] = min if op == "min" else max
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    ends = [_ends(value) for value in known]
    return interval(pick([low for low, _ in ends]), pick([high for _, high in ends]))


def hull(left: Numeric, right: Numeric) -> Numeric:
    """The smallest interval around two numbers: the value of an undecided choice."""
    if left is None or right is None:
        return None
    (a, b), (c, d) = _ends(left), _ends(right)
    return interval(min(a, c), max(b, d))


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
