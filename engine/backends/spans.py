"""Intervals, in the few rows of a block whose numbers are no single values.

A choice whose test is open lies between its sides, and what is computed from it between what its ends give:
`engine.numbers` in columns. Only rows in which `Numbers` says nothing are looked at, each expression once. What bounds
of facts, members or anything but arithmetic leave open is not said here either.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from engine.backends import rationals
from engine.backends.compute import Numbers
from engine.backends.rationals import Rational, Rows, Whole
from engine.backends.vectors import FALSE, TRUE, UNKNOWN, Mask, Truths
from engine.check.ir import Arithmetic, Choice, Expr, FactRef, Operator

__all__ = ["Spans"]

_NOTHING = rationals.unknown()


@dataclass(frozen=True, slots=True)
class _Span:
    """The ends of numbers in some rows, one object where they are the same; `doubt`: rows where they are not said.

    INVARIANT (one each): numerators and doubts have one entry per row, those of constants too.
    """

    low: Rational
    high: Rational
    doubt: Mask

    def exact(self) -> bool:
        return self.low is self.high

    def at(self, rows: Rows) -> _Span:
        low = self.low.at(rows)
        return _Span(low, low if self.exact() else self.high.at(rows), self.doubt[rows])


class Spans:
    """The intervals of one block, beside its numbers."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._kept: dict[int, tuple[Rows, _Span]] = {}

    def compare(self, op: Operator, left: Expr, right: Expr, rows: Rows) -> tuple[Truths, Mask]:
        """The truth in some rows of a comparison other than of equality, and those in which it is not said."""
        a, b = self._at(left, rows), self._at(right, rows)
        # One of these is the pair of ends that is least likely to hold, the other the likeliest.
        first, _ = rationals.compare(op, a.low, b.high)
        second, _ = rationals.compare(op, a.high, b.low)
        return np.where(first == second, first, np.uint8(UNKNOWN)), a.doubt | b.doubt

    def _at(self, expr: Expr, rows: Rows) -> _Span:
        """The numbers of an expression in some rows, ascending."""
        found, nowhere = self._numbers.of(expr), np.zeros(len(rows), dtype=bool)
        if found.doubt is None or not found.doubt.any():
            return _ends(found.at(rows), nowhere)
        own, span = self._doubtful(expr)
        if np.array_equal(own, rows):
            return span
        # Which of the doubtful rows are asked for, and where among these.
        place = np.minimum(np.searchsorted(rows, own), len(rows) - 1)
        asked = (rows[place] == own).nonzero()[0]
        place, span, rest = place[asked], span.at(asked), _ends(found.at(rows), nowhere)
        nowhere[place] = span.doubt
        low = rationals.put(span.low, place, rest.low, len(rows))
        if span.exact() and rest.exact():
            return _Span(low, low, nowhere)
        return _Span(low, rationals.put(span.high, place, rest.high, len(rows)), nowhere)

    def _doubtful(self, expr: Expr) -> tuple[Rows, _Span]:
        """The rows in which the numbers of an expression say nothing, and what is found there."""
        key = id(expr)
        if key not in self._kept:
            doubt = self._numbers.of(expr).doubt
            assert doubt is not None
            rows = np.broadcast_to(doubt, self._numbers.block.size).nonzero()[0]
            self._kept[key] = rows, self._found(expr, rows)
        return self._kept[key]

    def _found(self, expr: Expr, rows: Rows) -> _Span:
        match expr:
            case FactRef():
                spec = self._numbers.program.facts[expr.name]
                # Rows that sent it are not in doubt, so these derive it.
                if spec.derive is not None and spec.at_least is None and spec.at_most is None:
                    return self._at(spec.derive, rows)
            case Choice() if id(expr.test) in self._numbers.plan.row_of:
                test = self._numbers.truths[self._numbers.plan.row_of[id(expr.test)]][rows]
                return _chosen(test, self._at(expr.then, rows), self._at(expr.otherwise, rows))
            case Arithmetic():
                return _arithmetic(expr.op, self._at(expr.left, rows), self._at(expr.right, rows))
            case _:
                pass
        nothing = Rational.whole(np.full(len(rows), np.nan), 0.0)
        return _Span(nothing, nothing, np.ones(len(rows), dtype=bool))


def _ends(found: Rational, doubt: Mask) -> _Span:
    """Numbers as they stand in a column: one value each, or the ends of a count."""

    def end(part: Whole) -> Rational:
        each = part if part.size == len(doubt) else np.full(len(doubt), part[0], dtype=part.dtype)
        return Rational(each, each, found.den, found.scale, found.top, found.below)

    low = end(found.num)
    return _Span(low, low if found.high is found.num else end(found.high), doubt)


def _chosen(test: Truths, then: _Span, other: _Span) -> _Span:
    """What a test chooses, and the least that holds both sides where it is open."""
    sure, open_ = test == TRUE, (test == UNKNOWN).nonzero()[0]
    doubt = np.where(sure, then.doubt, np.where(test == FALSE, other.doubt, then.doubt | other.doubt))
    low = high = rationals.choose(sure, then.low, other.low)
    if not (then.exact() and other.exact()):
        high = rationals.choose(sure, then.high, other.high)
    if len(open_):
        lows, highs = [then.low.at(open_), other.low.at(open_)], [then.high.at(open_), other.high.at(open_)]
        low = rationals.put(rationals.extremum("min", lows), open_, low, len(test))
        high = rationals.put(rationals.extremum("max", highs), open_, high, len(test))
    return _Span(low, high, doubt)


def _arithmetic(op: str, a: _Span, b: _Span) -> _Span:
    doubt = a.doubt | b.doubt
    if a.exact() and b.exact():
        found = rationals.arithmetic(op, a.low, b.low)
        return _Span(found, found, doubt)
    if op == "+":
        return _Span(rationals.arithmetic(op, a.low, b.low), rationals.arithmetic(op, a.high, b.high), doubt)
    if op == "-":
        return _Span(rationals.arithmetic(op, a.low, b.high), rationals.arithmetic(op, a.high, b.low), doubt)
    if op == "/" and not np.any(b.high.num < 0):
        low, high = _over(a.low, b.high, b.low, len(doubt)), _over(a.high, b.low, b.high, len(doubt))
    else:
        corners = [rationals.arithmetic(op, x, y) for x, y in product(_distinct(a), _distinct(b))]
        low, high = rationals.extremum("min", corners), rationals.extremum("max", corners)
    if op == "/":
        # What may be zero divides nothing.
        across = np.asarray((b.low.num <= 0) & (b.high.num >= 0), dtype=bool).nonzero()[0]
        low = rationals.put(_NOTHING, across, low, len(doubt))
        high = rationals.put(_NOTHING, across, high, len(doubt))
    return _Span(low, high, doubt)


def _over(a: Rational, divisor: Rational, of_negative: Rational, size: int) -> Rational:
    """Numbers over one end of what lies above zero, those that lie below zero over the other."""
    rows = np.asarray(a.num < 0, dtype=bool).nonzero()[0]
    return rationals.arithmetic("/", a, rationals.put(of_negative.at(rows), rows, divisor, size))


def _distinct(span: _Span) -> tuple[Rational, ...]:
    return (span.low,) if span.exact() else (span.low, span.high)
