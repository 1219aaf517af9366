"""Rules as every peer can be given them: Kleene truths over columns, derived facts written out, due dates resolved.

A truth is true, false or unknown (None); a number is known or unknown. A comparison of a number known
only between two ends (`count_of` a half-ticked checklist) is a `Decide`: what makes it true, what makes it
false. What cannot be said so is in `Lowered.left_out`, rule by rule, with the cause.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

__all__ = [
    "EXCLUDED",
    "LATE",
    "OPEN",
    "UNSURE",
    "Absolute",
    "All",
    "Any",
    "AnyKnown",
    "AtLeast",
    "Column",
    "Compared",
    "Count",
    "Decide",
    "Fixed",
    "Given",
    "If",
    "Least",
    "Literal",
    "Lowered",
    "LoweredRule",
    "Minus",
    "Not",
    "Number",
    "Of",
    "OneOf",
    "Operation",
    "Place",
    "Truth",
    "Up",
    "children",
    "letter_of",
    "shared",
]

LATE, OPEN, UNSURE, EXCLUDED = 0, 1, 2, 3
"""What an unmet requirement means at a place: N, T, U; or the rule is X there whatever the facts say."""


def letter_of(state: int) -> str:
    """The verdict of an unmet requirement."""
    return "NTUX"[state]


# --- numbers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Literal:
    """A constant. Dates are day numbers."""

    value: Fraction


@dataclass(frozen=True)
class Column:
    """A number or a day as sent; unknown where it was not."""

    name: str


@dataclass(frozen=True)
class Given:
    """A fact as sent, else computed from others."""

    name: str
    derived: Number


@dataclass(frozen=True)
class Operation:
    """`+ - * /`; division by zero is unknown."""

    op: str
    left: Number
    right: Number


@dataclass(frozen=True)
class Minus:
    """`-operand`."""

    operand: Number


@dataclass(frozen=True)
class Absolute:
    """`abs(operand)`."""

    operand: Number


@dataclass(frozen=True)
class Up:
    """The smallest whole number not below."""

    operand: Number


@dataclass(frozen=True)
class Least:
    """The least of some numbers, or the `greatest`; unknown when one is."""

    greatest: bool
    operands: tuple[Number, ...]


@dataclass(frozen=True)
class Count:
    """How many truths hold, or with `open_too` may hold; unknown when all are unknown."""

    columns: tuple[str, ...]
    open_too: bool


Number = Literal | Column | Given | Operation | Minus | Absolute | Up | Least | Count


# --- truths ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fixed:
    """True, false, or unknown for good."""

    value: bool | None


@dataclass(frozen=True)
class Of:
    """A truth as sent: a yes-or-no fact, or an item of a checklist."""

    name: str


@dataclass(frozen=True)
class Compared:
    """A comparison; unknown when a side is."""

    op: str
    left: Number
    right: Number


@dataclass(frozen=True)
class OneOf:
    """A category or grade is one of some options."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """The record's place, by its index, is one of some."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class AnyKnown:
    """True when at least one of the facts was sent, else false."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Not:
    """Kleene's not."""

    operand: Truth


@dataclass(frozen=True)
class All:
    """Kleene's and."""

    operands: tuple[Truth, ...]


@dataclass(frozen=True)
class Any:
    """Kleene's or."""

    operands: tuple[Truth, ...]


@dataclass(frozen=True)
class AtLeast:
    """At least `n` hold."""

    n: int
    operands: tuple[Truth, ...]


@dataclass(frozen=True)
class If:
    """One of two truths by a third; where that is unknown, what both agree on."""

    test: Truth
    then: Truth
    otherwise: Truth


@dataclass(frozen=True)
class Decide:
    """True where `holds` is true, false where `fails` is true, else unknown."""

    holds: Truth
    fails: Truth


Truth = Fixed | Of | Compared | OneOf | Place | AnyKnown | Not | All | Any | AtLeast | If | Decide


def children(node: Truth | Number) -> tuple[Truth | Number, ...]:
    """The direct operands of a truth or a number."""
    match node:
        case Not(operand) | Minus(operand) | Absolute(operand) | Up(operand):
            return (operand,)
        case All(operands) | Any(operands) | AtLeast(_, operands) | Least(_, operands):
            return operands
        case Compared(_, left, right) | Operation(_, left, right):
            return (left, right)
        case If(test, then, otherwise):
            return (test, then, otherwise)
        case Decide(holds, fails):
            return (holds, fails)
        case Given(_, derived):
            return (derived,)
        case Literal() | Column() | Count() | Fixed() | Of() | OneOf() | Place() | AnyKnown():
            return ()
        case _:
            assert_never(node)


@dataclass(frozen=True)
class LoweredRule:
    """A rule: `index` among the codes, and what an unmet requirement means at each place."""

    index: int
    id: str
    applies: Truth
    requires: Truth
    states: tuple[int, ...]
    arithmetic: bool
    """True when it computes, so that float64 and the exact answer may differ on a limit."""


@dataclass(frozen=True)
class Lowered:
    """What is translated. Columns are named as in `bench.synthetic.Columns`."""

    rules: tuple[LoweredRule, ...]
    left_out: tuple[tuple[str, str], ...]
    numbers: tuple[str, ...]
    truths: tuple[str, ...]
    options: dict[str, tuple[str, ...]]
    """Per category or grade its options; in a column stand their indexes."""


def shared(lowered: Lowered, *, roots: int = 1, twice: tuple[type, ...] = ()) -> frozenset[Truth | Number]:
    """The nodes, leaves aside, that a text of the rules would hold more than once.

    `roots`: how often it names the two truths of a rule. `twice`: the nodes that name their operands twice.
    """
    uses: Counter[Truth | Number] = Counter()

    def count(node: Truth | Number, times: int) -> None:
        seen = node in uses
        uses[node] += times
        if not seen:
            for child in children(node):
                count(child, 2 if isinstance(node, twice) else 1)

    for rule in lowered.rules:
        count(rule.applies, roots)
        count(rule.requires, roots)
    leaves = Fixed | Of | Literal | Column | Place
    return frozenset(node for node, times in uses.items() if times > 1 and not isinstance(node, leaves))
