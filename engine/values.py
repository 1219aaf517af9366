"""Types, units, exact numbers, and the values a fact can have.

Numbers are exact: a number is the decimal that its shortest text shows, kept as `Fraction`. An
unknown value is `None`, never false or zero. A number that is only partly known is an `Interval`.
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
    "Interval",
    "Number",
    "Numeric",
    "Truth",
    "Type",
    "Unit",
    "UnknownUnit",
    "describe",
    "exact",
    "parse_unit",
    "shortest",
    "unit_of",
]

Truth = bool | None
"""Kleene's three values; None is unknown."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number known to lie in `[low, high]`; ends are exact or infinite floats."""

    low: Fraction | float
    high: Fraction | float


Numeric = Fraction | Interval | None


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


def shortest(value: Fraction) -> float:
    """The number as JSON shows it: an int where whole, else the nearest float."""
    return value.numerator if value.denominator == 1 else float(value)


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
