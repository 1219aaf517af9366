"""Aggregates over members for many containers at once: one pass over columns of members, added up by container.

It answers what `engine.rollup.aggregates` answers. Counts, and sums and shares of decimals, are exact whole numbers;
a mean or a coefficient of variation is a float with a bound of its error. `doubt` marks containers whose answer is
not said here; whoever asks has them computed exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import numbers
from engine.backends import rationals
from engine.backends.rationals import Rational, either
from engine.backends.vectors import FALSE, TRUE, UNKNOWN, Floats, Mask, Truths, three_valued
from engine.values import Value

__all__ = ["Amounts", "Measure", "Places", "Segments", "count", "cv", "every", "lowest", "mean", "share", "total"]

Places = npt.NDArray[np.intp]

_SAFE = 2.0**53
_STEP = 2.0**-52
_CARE = 8.0
"""How far each bound of a float's error is stretched: the bounds below leave out terms of higher order."""


class Segments:
    """Which members belong to which of `rows` containers: `of` gives the row of each one's, ascending.

    `sizes`: how many members each container has.
    """

    def __init__(self, of: Places, rows: int) -> None:
        self.of = of
        self.rows = rows
        self.sizes: Floats = np.bincount(of, minlength=rows).astype(float)

    def total(self, values: Floats) -> Floats:
        """Sums by container; exact for whole numbers below 2^53."""
        return np.bincount(self.of, values, self.rows).astype(float, copy=False)

    def any(self, mask: Mask) -> Mask:
        """Containers with a member in a mask."""
        found = np.zeros(self.rows, dtype=bool)
        found[self.of[mask]] = True
        return found

    def least(self, values: Floats, where: Mask) -> Floats:
        """The least value by container over the members in a mask; infinite where there is none."""
        found = np.full(self.rows, np.inf)
        np.minimum.at(found, self.of[where], values[where])
        return found


@dataclass(frozen=True, slots=True)
class Amounts:
    """Numbers of members: `low` and `high` are whole, times `10^-scale`, and differ where a number is open.

    NaN knows no bound. `near` are floats, a few steps away at most; of what is no decimal, or too large, they are all
    there is. `doubt`: members whose number is not said here.
    """

    low: Floats | None
    high: Floats | None
    scale: int
    near: Floats
    doubt: Mask

    @classmethod
    def of(cls, given: Rational, members: int, bounds: tuple[Fraction, Fraction] | None) -> Amounts:
        """Of the first `members` of a block. `bounds`: where an unknown number must lie, if that is known."""
        doubts = given.doubts()
        doubt = np.zeros(members, dtype=bool) if doubts is None else np.array(_first(doubts, members))
        num = _first(given.num, members)
        den = None if given.den is None else _first(given.den, members)
        below = 10.0**given.scale if den is None else den.astype(float) * 10.0**given.scale
        near = num.astype(float) / below
        if den is not None or num.dtype == object:
            return cls(None, None, 0, near, doubt)
        low = high = num
        unknown = np.isnan(num) & ~doubt
        if bounds is not None and unknown.any():
            ends = [end * 10**given.scale for end in bounds]
            if all(end.denominator == 1 for end in ends):
                low, high = (np.where(unknown, float(end), num) for end in ends)
            else:
                doubt = doubt | unknown
        return cls(low, high, given.scale, near, doubt)

    def times(self, other: Amounts, op: str) -> Amounts:
        """The product (`*`) or quotient (`/`) as floats, for what needs no more; division by zero is unknown."""
        factor = other.near if op == "*" else np.where(other.near == 0, np.nan, 1.0) / other.near
        return Amounts(None, None, 0, self.near * factor, self.doubt | other.doubt)


def _first(values: npt.NDArray[Any], members: int) -> npt.NDArray[Any]:
    return np.broadcast_to(values, (members,)) if values.shape == (1,) else values[:members]


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate for every container: a truth, ranks of a grade, exact numbers, or floats that are near.

    `low` and `high` are the ends of what is open, the same object where nothing is; NaN is unknown.
    """

    doubt: Mask
    truth: Truths | None = None
    ranks: tuple[Floats, Floats] | None = None
    low: Rational | None = None
    high: Rational | None = None
    near: Floats | None = None
    error: Floats | None = None

    def doubtful(self, rows: Mask) -> Measure:
        """The same with more rows in doubt."""
        return replace(self, doubt=self.doubt | rows)

    def rational(self) -> Rational:
        """The number for arithmetic, or the place of a grade; whatever is open or near only is in doubt."""
        if self.ranks is not None:
            low, high = self.ranks
            places = np.where(low == high, low, np.nan)
            return Rational(places, places, None, 0, 2.0**10, 1.0, self.doubt | (low < high))
        if self.low is None:
            assert self.near is not None
            # Known, but not as a whole number: in doubt whatever is made of it.
            whole = _unless(np.zeros(len(self.near)), np.isnan(self.near))
            return Rational(whole, whole, None, 0, 0.0, 1.0, self.doubt | ~np.isnan(self.near))
        assert self.high is not None
        doubt = self.doubt
        if self.high is not self.low:
            doubt = doubt | (rationals.compare("<", self.low, self.high)[0] == TRUE)
        return replace(self.low, doubt=either(self.low.doubt, doubt))

    def settled(self) -> Mask:
        """Rows whose answer is known exactly, here or to whoever computes it; those in doubt are not among them."""
        if self.truth is not None:
            found = self.truth != UNKNOWN
        elif self.ranks is not None:
            found = self.ranks[0] == self.ranks[1]
        elif self.near is not None:
            found = ~np.isnan(self.near)
        else:
            assert self.low is not None
            assert self.high is not None
            found = rationals.compare("==", self.low, self.high)[0] == TRUE
        return np.asarray(found & ~self.doubt)

    def value(self, row: int) -> tuple[bool, Value]:
        """Whether the answer of a row is said here exactly, and what it is; None is unknown."""
        if self.doubt[row] or self.ranks is not None:
            return False, None
        if self.truth is not None:
            return True, {FALSE: False, TRUE: True}.get(int(self.truth[row]))
        if self.low is None or self.high is None:
            assert self.near is not None
            return bool(np.isnan(self.near[row])), None
        low, high = _end(self.low, self.low.num, row), _end(self.high, self.high.high, row)
        return True, None if low is None or high is None else numbers.interval(low, high)

    def compare(self, op: str, other: Rational) -> tuple[Truths, Mask]:
        """The truth of a comparison with other numbers, and the rows where it is not said."""
        if self.near is not None:
            return self._compare_near(op, other)
        assert self.low is not None
        assert self.high is not None
        truth, doubt = rationals.compare(op, self.low, other)
        if self.high is not self.low:
            if op in ("==", "!="):
                above = rationals.compare(">", self.low, other)[0] == TRUE
                below = rationals.compare("<", self.high, other)[0] == TRUE
                both = rationals.compare("==", self.high, other)[0]
                one = truth if op == "==" else TRUE - truth
                equal = three_valued((one == TRUE) & (both == TRUE), above | below)
                truth = equal if op == "==" else TRUE - equal
            else:
                second, more = rationals.compare(op, self.high, other)
                truth, doubt = np.where(truth == second, truth, np.uint8(UNKNOWN)), either(doubt, more)
        return truth, self.doubt if doubt is None else self.doubt | doubt

    def _compare_near(self, op: str, other: Rational) -> tuple[Truths, Mask]:
        assert self.near is not None
        assert self.error is not None
        num = other.num.astype(float)
        den = 1.0 if other.den is None else other.den.astype(float)
        limit = num / den / 10.0**other.scale
        apart = self.near - limit
        band = self.error + np.abs(limit) * (4 * _STEP)
        doubts = other.doubts()
        doubt = self.doubt | ((np.abs(apart) <= band) & ~np.isnan(apart))
        if doubts is not None:
            doubt = doubt | (doubts & ~np.isnan(self.near))
        below, above = apart < -band, apart > band
        match op:
            case "<" | "<=":
                return three_valued(below, above), doubt
            case ">" | ">=":
                return three_valued(above, below), doubt
            case "==":
                return three_valued(np.zeros_like(below), below | above), doubt
            case _:
                return three_valued(below | above, np.zeros_like(below)), doubt


def _end(of: Rational, ends: npt.NDArray[Any], row: int) -> Fraction | None:
    num, den = ends[row], 1 if of.den is None else of.den[row]
    return None if np.isnan(num) or np.isnan(den) else Fraction(int(num), int(den) * 10**of.scale)


def _nowhere(segments: Segments) -> Mask:
    return np.zeros(segments.rows, dtype=bool)


def _unless(values: Floats, unknown: Mask) -> Floats:
    return np.where(unknown, np.nan, values)


def _exact(low: Floats, high: Floats, scale: int, doubt: Mask) -> Measure:
    size = float(max(np.fmax.reduce(np.abs(low), initial=0.0), np.fmax.reduce(np.abs(high), initial=0.0)))
    if size >= _SAFE:
        unknown = np.full(len(low), np.nan)
        found = Rational(unknown, unknown, None, 0, 0.0)
        return Measure(doubt | ~np.isnan(low), low=found, high=found)
    same = np.array_equal(low, high, equal_nan=True)
    found = Rational(low, low if same else high, None, scale, size)
    return Measure(doubt, low=found, high=found)


def count(segments: Segments, counted: Truths) -> Measure:
    """How many surely count, and how many may."""
    nobody = segments.sizes == 0
    sure, may = (segments.total(mask.astype(float)) for mask in (counted == TRUE, counted != FALSE))
    return _exact(_unless(sure, nobody), _unless(may, nobody), 0, _nowhere(segments))


def every(segments: Segments, counted: Truths, holds: Truths) -> Measure:
    """False where one counts and fails, true where nothing is open."""
    fails = segments.any((counted == TRUE) & (holds == FALSE))
    open_ = segments.any((counted != FALSE) & (holds != TRUE))
    return Measure(_nowhere(segments), truth=three_valued(~open_ & (segments.sizes > 0), fails))


def lowest(segments: Segments, counted: Truths, ranks: Floats, best: int) -> Measure:
    """Ends of the lowest rank; unknown where perhaps nobody counts or it may be any."""
    unknown = np.isnan(ranks)
    low, high = np.where(unknown, 0.0, ranks), np.where(unknown, float(best), ranks)
    most = segments.least(high, counted == TRUE)
    least = np.minimum(most, segments.least(low, counted != FALSE))
    nothing = np.isinf(most) | ((least == 0) & (most == best) & (best > 0))
    return Measure(_nowhere(segments), ranks=(_unless(least, nothing), _unless(most, nothing)))


def total(segments: Segments, counted: Truths, amounts: Amounts) -> Measure:
    """A member that may count adds nothing or its number."""
    nobody = segments.sizes == 0
    may = counted != FALSE
    doubt = segments.any(may & amounts.doubt)
    if amounts.low is None or amounts.high is None:
        return _near_total(segments, counted, amounts, doubt)
    unsure = counted == UNKNOWN
    low = np.where(may, np.where(unsure, np.minimum(amounts.low, 0), amounts.low), 0.0)
    high = np.where(may, np.where(unsure, np.maximum(amounts.high, 0), amounts.high), 0.0)
    lacking = segments.any(np.isnan(low)) & ~doubt
    # Without bounds on a member, or with one in doubt, the exact answer may still have one open end.
    low, high = np.nan_to_num(low), np.nan_to_num(high)
    sums = [_unless(segments.total(ends), nobody | doubt | lacking) for ends in (low, high)]
    return _exact(sums[0], sums[1], amounts.scale, doubt | lacking)


def _near_total(segments: Segments, counted: Truths, amounts: Amounts, doubt: Mask) -> Measure:
    open_ = segments.any((counted == UNKNOWN) | ((counted == TRUE) & np.isnan(amounts.near)))
    sure = counted == TRUE
    near = segments.total(np.where(sure, np.nan_to_num(amounts.near), 0.0))
    size = segments.total(np.where(sure, np.nan_to_num(np.abs(amounts.near)), 0.0))
    sizes = segments.sizes
    return Measure(doubt | open_, near=_unless(near, sizes == 0), error=size * (sizes + 8) * (_CARE * _STEP))


def share(segments: Segments, counted: Truths, holds: Truths, weights: Amounts | None) -> Measure:
    """100·Σw·c/Σw between its extremes; see `engine.rollup.aggregates`."""
    may, sure = counted != FALSE, counted == TRUE
    doubt = _nowhere(segments)
    if weights is None:
        light = heavy = np.ones(len(counted))
    elif weights.low is None or weights.high is None:
        return _undecided(segments)
    else:
        doubt = segments.any(may & (weights.doubt | np.isnan(weights.low)))
        light, heavy = np.nan_to_num(weights.low), np.nan_to_num(weights.high)

    def add(values: Floats, mask: Mask) -> Floats:
        return segments.total(np.where(mask, values, 0.0))

    floor = add(light, sure)
    unknown = (floor == 0) | segments.any(may & (light < 0))
    most, under_most = add(heavy, may & (holds != FALSE)), add(light, sure & (holds == FALSE))
    least, under_least = add(light, sure & (holds == TRUE)), add(heavy, may & (holds != TRUE))
    size = float(np.max(most + under_least, initial=0.0))
    if size * 100 >= _SAFE:
        return _undecided(segments)

    def ratio(top: Floats, rest: Floats) -> Rational:
        num, den = 100 * top, _unless(top + rest, unknown)
        return Rational(num, num, den, 0, 100 * size, size)

    low = ratio(least, under_least)
    same = np.array_equal(least, most) and np.array_equal(under_least, under_most)
    return Measure(doubt, low=low, high=low if same else ratio(most, under_most))


def _undecided(segments: Segments) -> Measure:
    nothing = Rational(np.full(segments.rows, np.nan), np.full(segments.rows, np.nan), None, 0, 0.0)
    nothing = replace(nothing, high=nothing.num)
    return Measure(segments.sizes > 0, low=nothing, high=nothing)


def mean(segments: Segments, counted: Truths, amounts: Amounts, weights: Amounts | None) -> Measure:
    """Σw·x/Σw, unknown where a member that may count is open."""
    x, w, sizes, unknown, doubt = _pairs(segments, counted, amounts, weights)
    everybody = segments.total(w)
    doubt |= segments.any(w < 0)
    value = segments.total(w * x) / everybody
    slack = (sizes + 8) * (_CARE * _STEP)
    error = slack * (segments.total(np.abs(w * x)) / everybody + np.abs(value))
    return Measure(doubt, near=_unless(value, unknown | (everybody == 0)), error=error)


def cv(segments: Segments, counted: Truths, amounts: Amounts, per: Amounts) -> Measure:
    """S/X of amounts per pupil; see `engine.rollup.aggregates.cv`.

    By Minkowski's inequality S moves by no more than the weighted root mean square of the errors of the terms under
    it, which bounds the error however small S is.
    """
    x, pupils, sizes, unknown, doubt = _pairs(segments, counted, amounts, per)
    sure = counted == TRUE
    doubt |= segments.any(pupils < 0)
    unknown |= segments.any(sure & (pupils == 0))
    slack = (sizes + 8) * (_CARE * _STEP)
    everybody = segments.total(pupils)
    amount, size = segments.total(x), segments.total(np.abs(x))
    average = amount / everybody
    each = np.where(pupils > 0, x / np.where(pupils > 0, pupils, 1.0), 0.0)
    of = segments.of
    parts = pupils / everybody[of]
    spread = np.sqrt(segments.total(parts * (each - average[of]) ** 2))
    # The error of the average itself, which is no more than relative while nothing cancels.
    off = slack * (size / everybody)
    moved = np.sqrt(segments.total(parts * (slack[of] * np.abs(each) + off[of]) ** 2))
    value = spread / average
    error = (moved + slack * spread) / np.abs(average) + np.abs(value) * (off / np.abs(average) + slack)
    doubt |= (np.abs(average) <= off) & (size > 0)
    return Measure(doubt, near=_unless(value, unknown | (everybody == 0) | (size == 0)), error=error)


def _pairs(
    segments: Segments, counted: Truths, amounts: Amounts, weights: Amounts | None
) -> tuple[Floats, Floats, Floats, Mask, Mask]:
    """Numbers and weights of counted members (0 for others), sizes, containers that are unknown, and in doubt."""
    may, sure = counted != FALSE, counted == TRUE
    ones = np.ones(len(counted))
    near = ones if weights is None else weights.near
    missing = may & (np.isnan(amounts.near) | np.isnan(near) | ~sure)
    hidden = may & amounts.doubt if weights is None else may & (amounts.doubt | weights.doubt)
    doubt = segments.any(hidden)
    unknown = segments.any(missing & ~hidden) | (segments.sizes == 0)
    x = np.where(sure, np.nan_to_num(amounts.near), 0.0)
    return x, np.where(sure, np.nan_to_num(near), 0.0), segments.sizes, unknown, doubt
