"""Exact numbers of a block: fractions of whole numbers, column by column.

A value is `num / (den · 10^scale)`. As long as nothing exceeds 2^53 the whole numbers stand in float64, where sums and
products of them are exact; beyond that the arrays hold Python's integers. Nothing is ever rounded, so a fact
exactly on its limit needs no second look. Unknown is NaN in `num` or `den`. Callers hold `np.errstate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import inf, isnan, nan
from operator import add, mul, sub
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.backends import vectors
from engine.backends.vectors import Floats, Mask, Truths, three_valued

__all__ = [
    "Rational",
    "Rows",
    "Whole",
    "arithmetic",
    "ceiling",
    "choose",
    "compare",
    "constant",
    "decimals",
    "either",
    "extremum",
    "magnitude",
    "negative",
    "put",
    "unknown",
]

Whole = npt.NDArray[Any]
"""Whole numbers and NaN: float64, or Python's integers."""

Rows = npt.NDArray[np.intp]

_ONE = np.ones(1)
_SAFE = 2.0**53
_APART = 2.0**51
_SURE = 1e15
"""Up to here a float has one decimal only: no two of 15 digits share one."""
_NEAR = 1e7
"""Bounds up to here are taken as they are: products of what they allow stay whole numbers of float64."""
_DIGITS = (0, 1, 2, 3, 4, 6, 9)
"""Numbers of decimal places that are tried for a column before each value is looked at by itself."""
_EXACT_POWERS = 22
"""The largest power of ten that a float holds exactly."""
_POWERS = 308
"""The largest power of ten that a float can hold."""
_SCALES = 40
"""Most decimal places of a constant; one that needs more keeps its denominator."""


@dataclass(frozen=True, slots=True)
class Rational:
    """Numbers of a block. An interval has other ends in `high`; arithmetic does not take intervals.

    `top` and `below` bound the sizes of `num` (and `high`) and of `den` (None: 1), which is never negative.
    `doubt` marks rows whose value is not said here: bounds of other facts, open choices, arithmetic on intervals.
    """

    num: Whole
    high: Whole
    den: Whole | None
    scale: int
    top: float
    below: float = 1.0
    doubt: Mask | None = None
    kept: list[Floats] = field(default_factory=list, compare=False)

    @classmethod
    def whole(cls, values: Whole, most: float = inf) -> Rational:
        """Whole numbers, none further from zero than `most`."""
        return cls(values, values, None, 0, most if most <= _NEAR else _largest(values))

    def at(self, rows: Rows) -> Rational:
        """The numbers of some rows."""

        def taken(part: Whole) -> Whole:
            return part if part.size == 1 else part[rows]

        num = taken(self.num)
        high = num if self.high is self.num else taken(self.high)
        den, doubt = (None if part is None else taken(part) for part in (self.den, self.doubt))
        return Rational(num, high, den, self.scale, self.top, self.below, doubt)

    def nearest(self) -> Floats | None:
        """The floats nearest to the numbers: exact parts, divided once. None where floats do not hold the parts."""
        if not self.kept:
            if self.num.dtype != float or self.top >= _SAFE or self.scale > _EXACT_POWERS:
                return None
            below = self.below * 10.0**self.scale
            if self.den is None:
                self.kept.append(self.num if self.scale == 0 else self.num / 10.0**self.scale)
            elif self.den.dtype == float and below < _SAFE:
                self.kept.append(self.num / (self.den if self.scale == 0 else self.den * 10.0**self.scale))
            else:
                return None
        return self.kept[0]

    def told(self) -> list[float | None] | None:
        """The numbers as `engine.values.shortest` shows them, None where unknown; None if floats hold them not."""
        nearest = self.nearest()
        if nearest is None:
            return None
        below = _ONE if self.den is None else self.den
        whole = np.fmod(self.num, below * 10.0**self.scale) == 0
        sizes = np.broadcast_shapes(nearest.shape, whole.shape)
        pairs = zip(np.broadcast_to(nearest, sizes).tolist(), np.broadcast_to(whole, sizes).tolist(), strict=True)
        return [None if isnan(v) else int(v) if is_whole else v for v, is_whole in pairs]

    def doubts(self) -> Mask | None:
        """Rows that arithmetic cannot take: doubtful ones and intervals."""
        if self.high is self.num:
            return self.doubt
        return either(self.doubt, _mask(self.num != self.high) & ~(_missing(self.num) & _missing(self.high)))

    def known(self) -> Mask:
        """Rows that have a value, or an interval, here."""
        found = ~_missing(self.num)
        return found if self.den is None else found & ~_missing(self.den)


def either(a: Mask | None, b: Mask | None) -> Mask | None:
    """Rows that are in one of two masks."""
    if a is None:
        return b
    return a if b is None else a | b


def _mask(found: Any) -> Mask:
    """What a comparison found; of Python's integers it comes as objects."""
    return np.asarray(found, dtype=bool)


def _missing(values: Whole) -> Mask:
    return _mask(values != values)  # noqa: PLR0124 - NaN alone differs from itself, and isnan refuses Python's integers


def _said(values: Whole) -> Whole:
    """Without NaN where that is an object: NumPy passes over a float that is NaN, but stops at such an object."""
    return values[~_missing(values)] if values.dtype == object else values


def _largest(values: Whole) -> float:
    try:
        return float(np.fmax.reduce(abs(_said(values)), initial=0.0))
    except OverflowError:
        return inf


def _integers(values: Whole) -> Whole:
    """The same numbers as Python's integers."""
    if values.dtype == object:
        return values
    return np.array([v if isnan(v) else int(v) for v in values.tolist()], dtype=object)


def _exactly(op: Callable[[Any, Any], Any], x: Whole, y: Whole) -> Whole:
    """A sum or product in Python's integers."""
    x, y = _integers(x), _integers(y)
    try:
        found: Whole = op(x, y)
    except OverflowError:
        # NaN beside an integer that no float can hold.
        found = np.frompyfunc(lambda a, b: op(a, b) if a == a and b == b else nan, 2, 1)(x, y)  # noqa: PLR0124 - NaN differs from itself
    return found


def _product(x: Whole, y: Whole, size: float) -> Whole:
    return x * y if size < _SAFE and x.dtype == y.dtype == float else _exactly(mul, x, y)


def _put(x: Whole, rows: Rows, y: Whole, size: int) -> Whole:
    """`x` in some rows, else `y`, never floats and integers in one column."""
    if x.dtype != y.dtype:
        x, y = _integers(x), _integers(y)
    found: Whole = y.copy() if y.size == size else np.full(size, y[0], dtype=y.dtype)
    found[rows] = x
    return found


def _shifted(values: Whole, places: int, top: float) -> tuple[Whole, float]:
    """Times a power of ten."""
    if places == 0:
        return values, top
    size = top * (10.0**places if places <= _POWERS else inf)
    if size < _SAFE and values.dtype == float:
        return values * 10.0**places, size
    return _exactly(mul, values, np.array([10**places], dtype=object)), size


@lru_cache(maxsize=4_096)
def constant(value: Fraction) -> Rational:
    """One number for all rows."""
    scale = next((n for n in range(_SCALES) if 10**n % value.denominator == 0), None)
    if scale is not None:
        num = _single(value.numerator * (10**scale // value.denominator))
        return Rational(num, num, None, scale, float(abs(num[0])))
    num, den = _single(value.numerator), _single(value.denominator)
    return Rational(num, num, den, 0, float(abs(num[0])), float(den[0]))


def unknown() -> Rational:
    """No number in any row."""
    num = np.full(1, np.nan)
    return Rational(num, num, None, 0, 0.0)


def _single(value: int) -> Whole:
    return np.array([float(value)]) if abs(value) < _SAFE else np.array([value], dtype=object)


def decimals(column: npt.NDArray[np.float64], places: int, most: float = inf) -> Rational:
    """A column of numbers as sent, none further from zero than `most`; `places`: likely number of decimal places.

    `k / 10^n` is divided once and correctly, so where it gives back the very float, that is what its text shows.
    """
    given = np.count_nonzero(column == column)  # noqa: PLR0124 - NaN alone differs from itself
    for digits in (places, *(d for d in _DIGITS if d > places)):
        shifted = np.rint(column * 10.0**digits) if digits else np.rint(column)
        top = most * 10.0**digits
        if top > _NEAR:
            top = _largest(shifted)
        if top <= _SURE and np.count_nonzero((shifted / 10.0**digits if digits else shifted) == column) == given:
            return Rational(shifted, shifted, None, digits, top, kept=[column])
    texts = [None if isnan(v) else Decimal(repr(v)) for v in column.tolist()]
    exponents = [-int(d.as_tuple().exponent) for d in texts if d is not None]
    scale = max([0, *exponents])
    integers = np.array([np.nan if d is None else int(d.scaleb(scale)) for d in texts], dtype=object)
    return Rational(integers, integers, None, scale, _largest(integers))


def _alike(a: Rational, b: Rational) -> tuple[Whole, float, Whole, float, int]:
    """Both numerators with one power of ten below, their sizes, and that power."""
    scale = max(a.scale, b.scale)
    x, size_x = _shifted(a.num, scale - a.scale, a.top)
    y, size_y = _shifted(b.num, scale - b.scale, b.top)
    return x, size_x, y, size_y, scale


def _times(values: Whole, size: float, den: Whole | None, below: float) -> tuple[Whole, float]:
    return (values, size) if den is None else (_product(values, den, size * below), size * below)


def _common(a: Rational, b: Rational) -> tuple[Whole, float, Whole, float, Whole | None, float, int]:
    """Both numerators over one denominator, their sizes, the denominator, its size, and the power of ten."""
    x, size_x, y, size_y, scale = _alike(a, b)
    if a.den is b.den:
        return x, size_x, y, size_y, a.den, a.below, scale
    x, size_x = _times(x, size_x, b.den, b.below)
    y, size_y = _times(y, size_y, a.den, a.below)
    if a.den is None or b.den is None:
        return x, size_x, y, size_y, b.den if a.den is None else a.den, max(a.below, b.below), scale
    below = a.below * b.below
    return x, size_x, y, size_y, _product(a.den, b.den, below), below, scale


def _sum(x: Whole, y: Whole, size: float, sign: int) -> Whole:
    if not (size < _SAFE and x.dtype == y.dtype == float):
        return _exactly(add if sign > 0 else sub, x, y)
    return x + y if sign > 0 else x - y


def arithmetic(op: str, a: Rational, b: Rational) -> Rational:
    """`+ - * /`; division by zero is unknown."""
    doubt = either(a.doubts(), b.doubts())
    match op:
        case "+" | "-":
            x, size_x, y, size_y, den, below, scale = _common(a, b)
            num = _sum(x, y, size_x + size_y, 1 if op == "+" else -1)
            return Rational(num, num, den, scale, size_x + size_y, below, doubt)
        case "*":
            num = _product(a.num, b.num, a.top * b.top)
            if a.den is None or b.den is None:
                den = b.den if a.den is None else a.den
            else:
                den = _product(a.den, b.den, a.below * b.below)
            return Rational(num, num, den, a.scale + b.scale, a.top * b.top, a.below * b.below, doubt)
        case _:
            return _quotient(a, b, doubt)


def _quotient(a: Rational, b: Rational, doubt: Mask | None) -> Rational:
    num, top = _times(a.num, a.top, b.den, b.below)
    den, below = _times(b.num, b.top, a.den, a.below)
    if a.scale < b.scale:
        num, top = _shifted(num, b.scale - a.scale, top)
    else:
        den, below = _shifted(den, a.scale - b.scale, below)
    least = _least(den)
    if least < 0:
        num = num * np.where(_mask(den < 0), -1, 1)
        den = abs(den)
    if least <= 0:
        den = np.where(_mask(den == 0), np.nan, den)
    return Rational(num, num, den, 0, top, below, doubt)


def _least(values: Whole) -> float:
    try:
        return float(np.fmin.reduce(_said(values), initial=inf))
    except OverflowError:
        # An integer that no float holds may be below zero.
        return -inf


def negative(a: Rational) -> Rational:
    """`-a`."""
    if a.high is a.num:
        num = high = -a.num
    else:
        num, high = -a.high, -a.num
    return Rational(num, high, a.den, a.scale, a.top, a.below, a.doubt)


def magnitude(a: Rational) -> Rational:
    """`abs(a)`."""
    num = abs(a.num)
    return Rational(num, num, a.den, a.scale, a.top, a.below, a.doubts())


def ceiling(a: Rational) -> Rational:
    """`ceil(a)`.

    Both parts are whole and below 2^53, so a quotient that is not whole is further from the next whole number than
    rounding can carry it.
    """
    den, below = a.den, a.below
    if a.scale:
        den, below = _shifted(np.ones(1) if den is None else den, a.scale, below)
    if den is None:
        num = a.num
    elif a.num.dtype == den.dtype == float:
        num = np.ceil(a.num / den)
    else:
        num = _exactly(lambda n, d: -(-n // d), a.num, den)
    return Rational(num, num, None, 0, a.top, 1.0, a.doubts())


def extremum(op: str, operands: Sequence[Rational]) -> Rational:
    """`min` or `max`; unknown when any operand is."""
    found = operands[0]
    for other in operands[1:]:
        found = _one_of(op, found, other)
    return found


def _one_of(op: str, a: Rational, b: Rational) -> Rational:
    x, size_x, y, size_y, den, below, scale = _common(a, b)
    if x.dtype == y.dtype == float:
        # What is unknown stays so: NaN beside anything is NaN.
        num: Whole = np.minimum(x, y) if op == "min" else np.maximum(x, y)
    else:
        second = _mask(y < x) if op == "min" else _mask(y > x)
        num = np.where(_missing(x) | _missing(y), np.nan, np.where(second, _integers(y), _integers(x)))
    return Rational(num, num, den, scale, max(size_x, size_y), below, either(a.doubts(), b.doubts()))


def choose(where: Mask, a: Rational, b: Rational) -> Rational:
    """`a` in the rows of a mask, else `b`, intervals and doubts included."""
    rows = where.nonzero()[0]
    # Writing the rarer of both into the other is quicker than choosing in every row.
    if 2 * len(rows) > where.size:
        a, b, rows = b, a, (~where).nonzero()[0]
    return put(a.at(rows), rows, b, where.size)


def put(a: Rational, rows: Rows, b: Rational, size: int) -> Rational:
    """The numbers `a` in so many rows as they are, else `b`, intervals and doubts included."""
    if not len(rows):
        return b
    scale = max(a.scale, b.scale)
    x, size_x = _shifted(a.num, scale - a.scale, a.top)
    y, size_y = _shifted(b.num, scale - b.scale, b.top)
    num = high = _put(x, rows, y, size)
    if a.high is not a.num or b.high is not b.num:
        x_high, y_high = (_shifted(r.high, scale - r.scale, r.top)[0] for r in (a, b))
        high = _put(x_high, rows, y_high, size)
    den = None
    if a.den is not None or b.den is not None:
        den = _put(_ONE if a.den is None else a.den, rows, _ONE if b.den is None else b.den, size)
    doubt = None
    if a.doubt is not None or b.doubt is not None:
        doubt = np.zeros(size, dtype=bool) if b.doubt is None else np.array(np.broadcast_to(b.doubt, size))
        doubt[rows] = False if a.doubt is None else a.doubt
    return Rational(num, high, den, scale, max(size_x, size_y), max(a.below, b.below), doubt)


def _apart(a: Rational, b: Rational) -> bool:
    """True when numbers that are not equal have nearest floats that are not equal either.

    Rounding keeps the order, so the nearest floats of two numbers compare like these, unless both are the same float.
    `n/d` and `p/r` are at least `1/(d·r)` apart, numbers with one nearest float at most `2^-52` of themselves: not both
    where `d·p < 2^52`.
    """
    if a.high is not a.num or b.high is not b.num or max(a.scale, b.scale) > _EXACT_POWERS:
        return False
    return min(a.below * 10.0**a.scale * b.top, b.below * 10.0**b.scale * a.top) < _APART


def compare(op: str, a: Rational, b: Rational) -> tuple[Truths, Mask | None]:
    """The truth of a comparison, and the rows where it is not said. What is unknown compares false with everything."""
    if _apart(a, b):
        left, right = a.nearest(), b.nearest()
        if left is not None and right is not None:
            return vectors.compare(op, left, right), either(a.doubt, b.doubt)
    x, _, y, _, _, _, scale = _common(a, b)
    xx, yy = x, y
    if a.high is not a.num:
        xx = _times(*_shifted(a.high, scale - a.scale, a.top), b.den if a.den is not b.den else None, b.below)[0]
    if b.high is not b.num:
        yy = _times(*_shifted(b.high, scale - b.scale, b.top), a.den if a.den is not b.den else None, a.below)[0]
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
            holds, fails = _mask(x == yy) & _mask(xx == y), _mask(xx < y) | _mask(yy < x)
        case _:
            holds, fails = _mask(xx < y) | _mask(yy < x), _mask(x == yy) & _mask(xx == y)
    if a.den is b.den and a.den is not None:
        # Not multiplied by it, so where it is unknown nothing has said so yet.
        known = ~_missing(a.den)
        holds, fails = _mask(holds) & known, _mask(fails) & known
    return three_valued(_mask(holds), _mask(fails)), either(a.doubt, b.doubt)
