"""Types, units, exact numbers, and the values a fact can have.

Numbers are exact: a number is the decimal that its shortest text shows, kept as `Fraction`. An
unknown value is `None`, never false or zero. A number that is only partly known is an `Interval`, an irrational
root a `Root`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

__all__ = [
    "BOOLEAN",
    "DATE",
    "LITERAL",
    "PERCENT",
    "TEXT_UNITS",
    "Boolean",
    "Category",
    "Checklist",
    "Date",
    "FactScalar",
    "GradeRange",
    "Interval",
    "Number",
    "Numeric",
    "Root",
    "Truth",
    "Type",
    "Unit",
    "UnknownUnit",
    "Value",
    "describe",
    "exact",
    "parse_unit",
    "root",
    "settled",
    "shortest",
    "unit_of",
]

Truth = bool | None
"""Kleene's three values; None is unknown."""


@dataclass(frozen=True, slots=True)
class Root:
    """An irrational square root, kept by its square so that comparisons are exact: `√square`, or `-√square`.

    Made by `root` only: a root that is rational is a `Fraction`, so none of these equals one.
    """

    square: Fraction
    negative: bool = False

    @property
    def signed(self) -> Fraction:
        """The square with the sign of the root: it grows as the root does."""
        return -self.square if self.negative else self.square

    def _against(self, other: object) -> Fraction | float | None:
        """What another number is on the same scale as `signed`."""
        match other:
            case Root():
                return other.signed
            case Fraction():
                return other * abs(other)
            case int():
                return Fraction(other * abs(other))
            case float():  # an open end
                return other
            case _:
                return None

    def __lt__(self, other: object) -> bool:
        mark = self._against(other)
        return NotImplemented if mark is None else self.signed < mark

    def __le__(self, other: object) -> bool:
        mark = self._against(other)
        return NotImplemented if mark is None else self.signed <= mark

    def __gt__(self, other: object) -> bool:
        mark = self._against(other)
        return NotImplemented if mark is None else self.signed > mark

    def __ge__(self, other: object) -> bool:
        mark = self._against(other)
        return NotImplemented if mark is None else self.signed >= mark

    def between(self, bits: int = 192) -> tuple[Fraction, Fraction]:
        """Two rationals with the root between them, which agree in `bits` binary digits or more."""
        above, below = self.square.numerator, self.square.denominator
        shift = bits + max(0, below.bit_length() - above.bit_length()) // 2 + 1
        floor = math.isqrt((above << 2 * shift) // below)
        low, high = Fraction(floor, 1 << shift), Fraction(floor + 1, 1 << shift)
        return (-high, -low) if self.negative else (low, high)

    def __float__(self) -> float:
        """The nearest float."""
        bits = 96
        while True:
            low, high = map(float, self.between(bits))
            if low == high:
                return low
            bits *= 2

    def __ceil__(self) -> int:
        """The smallest whole number above; an irrational number is none itself."""
        floor = math.isqrt(self.square.numerator // self.square.denominator)
        return -floor if self.negative else floor + 1


def root(square: Fraction, *, negative: bool = False) -> Fraction | Root:
    """`√square` (or `-√square`), exactly. `square` is at least 0."""
    above, below = math.isqrt(square.numerator), math.isqrt(square.denominator)
    if above * above == square.numerator and below * below == square.denominator:
        return Fraction(-above if negative else above, below)
    return Root(square, negative)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number known to lie in `[low, high]`; ends are exact or infinite floats."""

    low: Fraction | Root | float
    high: Fraction | Root | float


@dataclass(frozen=True, slots=True)
class GradeRange:
    """A grade known to lie between two options, by their ranks; `low < high`."""

    low: int
    high: int


Numeric = Fraction | Root | Interval | None
Value = bool | Numeric | GradeRange | date | str
"""What an expression may come to; None is unknown."""


def settled(value: Value) -> bool:
    """True when a value is known exactly."""
    return value is not None and not isinstance(value, Interval | GradeRange)


@lru_cache(maxsize=65536)
def _exact_float(value: float) -> Fraction:
    return Fraction(repr(value))


def exact(value: float) -> Fraction:
    """The decimal that the shortest text of a number shows, exactly.

    `exact(0.1)` is 1/10, not the binary neighbour. Raises ValueError for NaN and infinities.
    """
    if isinstance(value, int):
        return Fraction(value)
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {value}")
    return _exact_float(value)


def shortest(value: Fraction | Root) -> float:
    """The number as JSON shows it: an int where whole, else the nearest float; an int too where no float reaches."""
    if isinstance(value, Root):
        return float(value)
    try:
        return value.numerator if value.denominator == 1 else float(value)
    except OverflowError:
        return round(value)


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of base dimensions; `scale` is 100 for percent, else 1.

    Counts of things (pupils, rooms, …) share the dimension `count`: rooms are compared with
    classes, and `teachers / staff` is a plain ratio.
    """

    dimensions: tuple[tuple[str, int], ...] = ()
    scale: int = 1

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """The unit of a product (`sign=1`) or quotient (`sign=-1`)."""
        powers = dict(self.dimensions)
        for name, power in other.dimensions:
            powers[name] = powers.get(name, 0) + sign * power
        dimensions = tuple(sorted((n, p) for n, p in powers.items() if p))
        if sign > 0:
            return Unit(dimensions, max(self.scale, other.scale))
        return Unit(dimensions, self.scale if self.scale != other.scale else 1)


_COUNTS = (
    *("pupils", "children", "teachers", "staff", "persons", "classes", "schools", "rooms", "institutions"),
    *("projects", "sessions", "items", "books", "places", "posts", "centres", "bases", "count"),
)
_OTHERS = (
    *("m2", "mu", "yuan", "wan_yuan", "hours", "class_hours", "minutes", "days", "weeks", "months", "years"),
    *("points", "mbps", "metres", "km", "times"),
)

PERCENT = Unit((), 100)
_RATIO = Unit()
_BASE: dict[str, Unit] = {
    **{name: Unit((("count", 1),)) for name in _COUNTS},
    **{name: Unit(((name, 1),)) for name in _OTHERS},
    "percent": PERCENT,
    "ratio": _RATIO,
}

TEXT_UNITS: dict[str, tuple[str, str]] = {
    "pupils": ("人", "pupils"),
    "children": ("人", "children"),
    "teachers": ("人", "teachers"),
    "staff": ("人", "staff"),
    "persons": ("人", "persons"),
    "classes": ("个班", "classes"),
    "schools": ("所", "schools"),
    "rooms": ("间", "rooms"),
    "institutions": ("所", "institutions"),
    "projects": ("个", "projects"),
    "sessions": ("次", "sessions"),
    "items": ("项", "items"),
    "books": ("册", "books"),
    "places": ("个", "places"),
    "posts": ("个", "posts"),
    "centres": ("个", "centres"),
    "bases": ("个", "bases"),
    "count": ("", ""),
    "m2": ("平方米", "m²"),
    "mu": ("亩", "mu"),
    "yuan": ("元", "yuan"),
    "wan_yuan": ("万元", "×10,000 yuan"),
    "hours": ("小时", "hours"),
    "class_hours": ("课时", "class hours"),
    "minutes": ("分钟", "minutes"),
    "days": ("天", "days"),
    "weeks": ("周", "weeks"),
    "months": ("个月", "months"),
    "years": ("年", "years"),
    "points": ("分", "points"),
    "mbps": ("兆", "Mbit/s"),
    "metres": ("米", "m"),
    "km": ("公里", "km"),
    "times": ("次", "times"),
    "percent": ("%", "%"),
    "ratio": ("", ""),
}
"""How a unit is written behind a number, in Chinese and English."""


class UnknownUnit(ValueError):
    """A unit that is not in the table; `args[0]` is the unknown word."""


def parse_unit(text: str) -> Unit:
    """A unit like `pupils`, `m2/pupils` or `yuan`. Raises UnknownUnit."""
    unit = _RATIO
    for i, word in enumerate(text.split("/")):
        base = _BASE.get(word.strip())
        if base is None:
            raise UnknownUnit(word.strip())
        unit = base if i == 0 else unit.times(base, -1)
    return unit


@dataclass(frozen=True, slots=True)
class Boolean:
    """True, false or unknown."""


@dataclass(frozen=True, slots=True)
class Date:
    """A day."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number; `unit` None is a bare literal that takes the unit of the other side."""

    unit: Unit | None
    integer: bool = False


@dataclass(frozen=True, slots=True)
class Category:
    """One of `options`; `ordered` grades stand from the worst to the best."""

    options: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Checklist:
    """Named items, each true, false or unknown."""

    items: tuple[str, ...]


Type = Boolean | Date | Number | Category | Checklist

BOOLEAN = Boolean()
DATE = Date()
LITERAL = Number(None)


def unit_of(type_: Number) -> str:
    """A number's unit in words for messages."""
    unit = type_.unit
    if unit is None:
        return "a plain number"
    if unit == PERCENT:
        return "percent"
    if not unit.dimensions:
        return "ratio"
    above = "·".join(n if p == 1 else f"{n}^{p}" for n, p in unit.dimensions if p > 0)
    below = "·".join(n if p == -1 else f"{n}^{-p}" for n, p in unit.dimensions if p < 0)
    text = f"{above or '1'} per {below}" if below else above
    return f"100 × {text}" if unit.scale == 100 else text


def describe(type_: Type) -> str:
    """A type in words for messages."""
    match type_:
        case Boolean():
            return "yes or no"
        case Date():
            return "a date"
        case Number():
            return unit_of(type_)
        case Category(ordered=True):
            return "a grade"
        case Category():
            return "a category"
        case Checklist():
            return "a checklist"


FactScalar = bool | int | float | str | date
"""A plain value of a fact as it was given (numbers as sent)."""
