"""Exact arithmetic and comparison on known, partly known and unknown numbers.

Unknown in, unknown out. Intervals are followed by interval arithmetic: every completion of what is
missing lies inside the result. Irrational roots are compared on their squares; arithmetic takes them as the
narrow interval that they lie in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from engine.values import Interval, Numeric, Root, Truth

__all__ = [
    "arithmetic",
    "ceiling",
    "compare",
    "distance",
    "extremum",
    "hull",
    "interval",
    "magnitude",
    "negate",
    "spread",
]

End = Fraction | Root | float
Rational = Fraction | float


def _ends(value: Fraction | Root | Interval) -> tuple[End, End]:
    return (value.low, value.high) if isinstance(value, Interval) else (value, value)


def spread(value: Fraction | Root | Interval) -> tuple[Rational, Rational]:
    """Rational or open ends with the value between them."""
    low, high = _ends(value)
    return low.between()[0] if isinstance(low, Root) else low, high.between()[1] if isinstance(high, Root) else high


def interval(low: End, high: End) -> Numeric:
    """The number between two ends: exact where they meet, unknown where nothing is known."""
    if not isinstance(low, float) and low == high:
        return low
    if low == -math.inf and high == math.inf:
        return None
    return Interval(low, high)


def _product(a: Rational, b: Rational) -> Rational:
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
    (a, b), (c, d) = spread(left), spread(right)
    corners: list[Rational | None]
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
    return interval(_least(known), _most(known))


def _least(ends: Sequence[End]) -> End:
    least = ends[0]
    for end in ends[1:]:
        least = end if end < least else least
    return least


def _most(ends: Sequence[End]) -> End:
    most = ends[0]
    for end in ends[1:]:
        most = end if end > most else most
    return most


def _opposite(end: End) -> End:
    return Root(end.square, not end.negative) if isinstance(end, Root) else -end


def _quotient(a: Rational, b: Rational) -> Rational | None:
    if isinstance(b, float):
        return None if isinstance(a, float) else Fraction(0)
    return a / b


def negate(value: Numeric) -> Numeric:
    """`-value`."""
    if value is None:
        return None
    low, high = _ends(value)
    return interval(_opposite(high), _opposite(low))


def magnitude(value: Numeric) -> Numeric:
    """`abs(value)`."""
    if value is None:
        return None
    low, high = _ends(value)
    if low > 0:
        return value
    if high < 0:
        return negate(value)
    return interval(Fraction(0), _most((_opposite(low), high)))


def _up(end: End) -> End:
    return end if isinstance(end, float) else Fraction(math.ceil(end))


def ceiling(value: Numeric) -> Numeric:
    """`ceil(value)`."""
    if value is None:
        return None
    low, high = _ends(value)
    return interval(_up(low), _up(high))


def extremum(op: str, values: Sequence[Numeric]) -> Numeric:
    """`min` or `max`; unknown when any operand is."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    ends = [_ends(value) for value in known]
    pick = _least if op == "min" else _most
    return interval(pick([low for low, _ in ends]), pick([high for _, high in ends]))


def hull(left: Numeric, right: Numeric) -> Numeric:
    """The smallest interval around two numbers: the value of an undecided choice."""
    if left is None or right is None:
        return None
    (a, b), (c, d) = _ends(left), _ends(right)
    return interval(_least((a, c)), _most((b, d)))


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
    """The distance of two known numbers; where it is irrational, its nearest float."""
    if left is None or right is None or isinstance(left, Interval) or isinstance(right, Interval):
        return None
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return abs(left - right)
    if left == right:
        return Fraction(0)
    bits = 128
    while True:
        (a, b), (c, d) = _near(left, bits), _near(right, bits)
        near, far = max(a - d, c - b), max(b - c, d - a)
        if near > 0 and float(near) == float(far):
            return Fraction(float(near))
        bits *= 2


def _near(value: Fraction | Root, bits: int) -> tuple[Fraction, Fraction]:
    return value.between(bits) if isinstance(value, Root) else (value, value)
