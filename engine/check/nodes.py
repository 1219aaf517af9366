"""The nodes of typed expressions: immutable trees.

Names are resolved, scopes expanded, chained comparisons split, types and units checked. Nothing here
refers to files or places. Who reads them imports them from `engine.check.ir`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

__all__ = [
    "Abs",
    "Aggregate",
    "AllOf",
    "AnyOf",
    "Arithmetic",
    "AsOf",
    "AtLeast",
    "Baseline",
    "Ceil",
    "Choice",
    "Compare",
    "Constant",
    "CountOf",
    "Expr",
    "Extremum",
    "FactRef",
    "InDivision",
    "ItemOf",
    "Known",
    "Negate",
    "Not",
    "OneOf",
    "Operator",
    "ParameterRef",
    "Passes",
    "Previous",
    "Trend",
    "WindowTotal",
    "YearsSince",
    "mirrored",
]

Operator = Literal["==", "!=", "<", "<=", ">", ">="]

_MIRRORED: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def mirrored(op: Operator) -> Operator:
    """The comparison read from the other side: `a < b` is `b > a`."""
    return _MIRRORED[op]


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: bool, exact number, date, or text of a category, grade or division code."""

    value: bool | Fraction | date | str


@dataclass(frozen=True, slots=True)
class FactRef:
    """A fact of the record (or of a member, inside an aggregate)."""

    name: str


@dataclass(frozen=True, slots=True)
class ParameterRef:
    """`param("id")`; a rule that needs an unset one is X, `parameter_off`."""

    id: str


@dataclass(frozen=True, slots=True)
class AsOf:
    """`as_of`, a date."""


@dataclass(frozen=True, slots=True)
class InDivision:
    """`division == "…"` or `division in (…)`: the record's division is one of `codes` or lies in one."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right` on numbers; division by zero is unknown. `-` of two dates counts days."""

    op: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Abs:
    """`abs(operand)`."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Ceil:
    """`ceil(operand)`: the smallest whole number not below it."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Extremum:
    """`min(…)` or `max(…)` of at least two numbers."""

    op: Literal["min", "max"]
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class CountOf:
    """`count_of(checklist)`: how many items are true; partly known where items are unknown."""

    fact: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class YearsSince:
    """`years_since(date)`: whole years completed by `as_of`; 29 February completes on 1 March."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Previous:
    """`previous(fact)`: the value one period earlier."""

    fact: str


@dataclass(frozen=True, slots=True)
class WindowTotal:
    """`total(fact)`: the sum over the rule's window."""

    fact: str


@dataclass(frozen=True, slots=True)
class Trend:
    """`rises(fact)` (each period above the one before) or `never_falls(fact)` inside the window."""

    op: Literal["rises", "never_falls"]
    fact: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """`baseline(fact)`: the plan's own starting figure, printed in the rule."""

    fact: str
    value: Fraction
    at: date


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison. `ranks` orders the options of a grade from worst to best."""

    op: Operator
    left: Expr
    right: Expr
    kind: Literal["number", "date", "category", "grade"]
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OneOf:
    """`category in ("a", "b")`."""

    operand: Expr
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemOf:
    """`"item" in checklist`."""

    fact: str
    item: str


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene's not."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class AllOf:
    """Kleene's and over at least two operands."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Kleene's or over at least two operands."""

    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`at_least(n, a, b, …)`: at least `n` of the conditions hold."""

    n: int
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`then if test else otherwise`, of booleans or of numbers."""

    test: Expr
    then: Expr
    otherwise: Expr
    boolean: bool


@dataclass(frozen=True, slots=True)
class Known:
    """`known(fact)`: true or false, never unknown."""

    fact: str


@dataclass(frozen=True, slots=True)
class Passes:
    """`passes("rule")`: C and X true, N and T false, U unknown."""

    rule: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A measure over members of kind `member`; stands only in `FactSpec.derive`."""

    op: Literal["count", "sum", "share", "mean", "cv", "lowest", "every"]
    member: str
    value: Expr | None
    where: Expr | None
    weight: Expr | None


Expr = (
    Constant
    | FactRef
    | ParameterRef
    | AsOf
    | InDivision
    | Arithmetic
    | Negate
    | Abs
    | Ceil
    | Extremum
    | CountOf
    | YearsSince
    | Previous
    | WindowTotal
    | Trend
    | Baseline
    | Compare
    | OneOf
    | ItemOf
    | Not
    | AllOf
    | AnyOf
    | AtLeast
    | Choice
    | Known
    | Passes
    | Aggregate
)
