"""What an aggregate over members comes to, exactly, and between which bounds while something is open.

A member may be open in three ways: whether it counts (`where`), what it says (a condition, number or
grade), and what it weighs. Each is taken as free of the others.

INVARIANT (bounds are reached): both ends of every answer are reached by some completion of what is open, and
no completion lies outside; where a completion would leave the measure undefined, the answer is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from engine import numbers
from engine.values import GradeRange, Numeric, Root, Truth, Value, root, settled

__all__ = ["Rolled", "Row", "cv", "cv_of", "roll_up"]

End = Fraction | float
_ONE = Fraction(1)
_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Row:
    """What an aggregate reads of one member; which of `holds`, `number`, `ranks` depends on the aggregate.

    `counted`: the truth of `where`. `number` and `weight` may be intervals in which an unknown value must lie;
    None knows no bound. `ranks`: the lowest and highest rank that a grade may have.
    """

    counted: Truth
    holds: Truth = None
    number: Numeric = None
    ranks: tuple[int, int] | None = None
    weight: Numeric = _ONE


@dataclass(frozen=True, slots=True)
class Rolled:
    """The answer, and how it came about.

    `counted`: members that surely count. `open`: the places of members whose missing facts leave the answer
    open. `failing`: the places of counted members that fail the condition. `workings`: sums over what is sure.
    """

    value: Value = None
    counted: int = 0
    open: tuple[int, ...] = ()
    failing: tuple[int, ...] = ()
    workings: Mapping[str, Numeric] = field(default_factory=dict)


def roll_up(
    op: str, rows: Sequence[Row], *, partly: bool = False, unseen: Numeric = None, grades: Sequence[str] = ()
) -> Rolled:
    """An aggregate over the members that were sent; over none at all it is unknown.

    `partly`: there may be more members than `rows`. `unseen`: between what the number of such a member must
    lie. `grades`: the options of a grade from worst to best.
    """
    if not rows:
        return Rolled()
    measure = _MEASURES[op]
    known = [row for row in rows if row.counted is not False]
    value, workings = measure(known, partly, unseen, grades)
    complete = _COMPLETE[op]
    open_ = () if settled(value) else tuple(i for i, row in enumerate(rows) if not complete(row))
    failing = tuple(i for i, r in enumerate(rows) if r.counted and r.holds is False) if op in ("share", "every") else ()
    return Rolled(value, sum(row.counted is True for row in rows), open_, failing, workings)


Measured = tuple[Value, Mapping[str, Numeric]]


def _count(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    sure = sum(row.counted is True for row in rows)
    return numbers.interval(Fraction(sure), math.inf if partly else Fraction(len(rows))), {}


def _sum(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    """A member that may count adds nothing or its number."""
    low: End = _ZERO
    high: End = _ZERO
    sure = _ZERO
    for row in rows:
        least, most = _ends(row.number)
        if row.counted is None:
            least, most = min(_ZERO, least), max(_ZERO, most)
        elif isinstance(row.number, Fraction):
            sure += row.number
        low, high = low + least, high + most
    if partly:
        least, most = _ends(unseen)
        low, high = (low if least >= 0 else -math.inf), (high if most <= 0 else math.inf)
    return numbers.interval(low, high), {"sum": sure}


def _share(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    """100·Σw·c/Σw. It rises with the weight of every member that holds and falls with that of every other.

    So the highest share counts whoever may hold at the most weight and the rest as lightly as it can, the
    lowest the reverse. Members not sent could move it anywhere.
    """
    sure = [row for row in rows if row.counted]
    workings = {
        "numerator": _total(row.weight for row in sure if row.holds),
        "denominator": _total(row.weight for row in sure),
    }
    weights = [_ends(row.weight) for row in rows]
    if partly or any(low < 0 or high == math.inf for low, high in weights):
        return None, workings
    floor, tops, rests = _ZERO, [_ZERO, _ZERO], [_ZERO, _ZERO]
    for row, (light, heavy) in zip(rows, weights, strict=True):
        assert isinstance(light, Fraction)
        assert isinstance(heavy, Fraction)
        if row.counted:
            floor += light
        # The highest share …
        if row.holds is not False:
            tops[0] += heavy
        elif row.counted:
            rests[0] += light
        # … and the lowest.
        if row.holds is not True:
            rests[1] += heavy
        elif row.counted:
            tops[1] += light
    if floor == 0:
        return None, workings
    most, least = (100 * top / (top + rest) for top, rest in zip(tops, rests, strict=True))
    return numbers.interval(least, most), workings


def _every(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    if any(row.counted and row.holds is False for row in rows):
        return False, {}
    return (None if partly or any(row.holds is not True for row in rows) else True), {}


def _lowest(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    best = len(grades) - 1
    ranks = [(row, row.ranks or (0, best)) for row in rows]
    high = min((most for row, (_, most) in ranks if row.counted), default=None)
    if high is None:
        return None, {}
    low = 0 if partly else min(high, *(least for _, (least, _) in ranks))
    if low == high:
        return grades[low], {}
    return (None if (low, high) == (0, best) else GradeRange(low, high)), {}


def _mean(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    pairs = _pairs(rows, partly)
    if pairs is None:
        return None, {}
    weights = sum((weight for _, weight in pairs), _ZERO)
    total = sum((number * weight for number, weight in pairs), _ZERO)
    return (total / weights if weights else None), {"sum": total, "weights": weights}


def _cv(rows: Sequence[Row], partly: bool, unseen: Numeric, grades: Sequence[str]) -> Measured:
    pairs = _pairs(rows, partly)
    return (None, {}) if pairs is None else cv(pairs)


def cv(pairs: Sequence[tuple[Fraction, Fraction]]) -> Measured:
    """The weighted coefficient of variation of (amount xᵢ, pupils Pᵢ), of population form, with its workings.

    X = Σxᵢ/ΣPᵢ, S = √(Σ (Pᵢ/ΣP)·(xᵢ/Pᵢ − X)²), cv = S/X, kept as the root of an exact square. Unknown where
    X or ΣP is 0 or a member has no pupils. Source: the national measures for 县域义务教育优质均衡 (2017),
    which print the formula.
    """
    return cv_of([(x.numerator, x.denominator, p.numerator, p.denominator) for x, p in pairs])


def cv_of(parts: Sequence[tuple[int, int, int, int]]) -> Measured:
    """The same of (numerator, denominator) of each amount and of its pupils."""
    weights = total_of([(p, q) for _, _, p, q in parts])
    total = total_of([(x, y) for x, y, _, _ in parts])
    workings: dict[str, Numeric] = {"sum": total, "weights": weights}
    squares = squares_of(parts)
    if weights == 0 or squares is None:
        return None, workings
    mean = total / weights
    # Σ (P/ΣP)·(x/P − X)² = Σ x²/P / ΣP − X²
    variance = squares / weights - mean * mean
    workings["mean"] = mean
    if variance < 0:
        return None, workings
    workings["deviation"] = root(variance)
    if mean == 0:
        return None, workings
    return root(variance / (mean * mean), negative=mean < 0), workings


def squares_of(parts: Sequence[tuple[int, int, int, int]]) -> Fraction | None:
    """Σ (x/y)² / (p/q), None where a p is 0."""
    if any(p == 0 for _, _, p, _ in parts):
        return None
    return total_of([(x * x * q, y * y * p) for x, y, p, q in parts])


def total_of(terms: Sequence[tuple[int, int]]) -> Fraction:
    """The sum of numerators over denominators, reduced once: a reduction at each step costs more than all else."""
    below = math.lcm(*(d for _, d in terms))
    return Fraction(sum([n * (below // d) for n, d in terms]), below)


def _pairs(rows: Sequence[Row], partly: bool) -> list[tuple[Fraction, Fraction]] | None:
    """Numbers and weights, or None when a member is open: no bound is told for a mean or a deviation."""
    if partly:
        return None
    found: list[tuple[Fraction, Fraction]] = []
    for row in rows:
        if not (row.counted and isinstance(row.number, Fraction) and isinstance(row.weight, Fraction)):
            return None
        found.append((row.number, row.weight))
    return found


def _ends(value: Numeric) -> tuple[End, End]:
    """Rational ends with the number between them, infinite where nothing is known."""
    if value is None:
        return -math.inf, math.inf
    return numbers.spread(value)


def _total(weights: Iterable[Numeric]) -> Numeric:
    total: Numeric = _ZERO
    for weight in weights:
        total = numbers.arithmetic("+", total, weight)
    return total


_MEASURES: dict[str, Callable[[Sequence[Row], bool, Numeric, Sequence[str]], Measured]] = {
    "count": _count,
    "sum": _sum,
    "share": _share,
    "mean": _mean,
    "cv": _cv,
    "lowest": _lowest,
    "every": _every,
}


def _exact(value: Numeric) -> bool:
    return isinstance(value, Fraction | Root)


_COMPLETE: dict[str, Callable[[Row], bool]] = {
    "count": lambda row: row.counted is not None,
    "sum": lambda row: row.counted is False or (row.counted is True and _exact(row.number)),
    "share": lambda row: row.counted is False or (row.counted is True and row.holds is not None and _exact(row.weight)),
    "mean": lambda row: row.counted is False or (row.counted is True and _exact(row.number) and _exact(row.weight)),
    "cv": lambda row: row.counted is False or (row.counted is True and _exact(row.number) and _exact(row.weight)),
    "lowest": lambda row: row.counted is False or (row.counted is True and _single(row.ranks)),
    "every": lambda row: row.counted is False or row.holds is True or (row.counted is True and row.holds is False),
}


def _single(ranks: tuple[int, int] | None) -> bool:
    return ranks is not None and ranks[0] == ranks[1]
