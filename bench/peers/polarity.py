"""Kleene truths for engines without them: for each truth what makes it true and what makes it false, both two-valued.

`holds` and `fails` are formulas over atoms that any rules engine knows: and, or, is true, is false, is known, a
comparison of known numbers. What neither holds nor fails is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import assert_never

from bench.peers import lowered as low
from bench.peers.lowered import Lowered, LoweredRule, Number, Truth, letter_of

__all__ = [
    "ALWAYS",
    "And",
    "Comparison",
    "Formula",
    "Is",
    "Known",
    "Missing",
    "Never",
    "Option",
    "Or",
    "Outcomes",
    "Within",
    "conjunction",
    "outcomes",
]


@dataclass(frozen=True)
class Never:
    """False; `Not`-free formulas need no true but the empty `And`."""


@dataclass(frozen=True)
class And:
    """All hold, tried from left to right: what guards a comparison stands before it."""

    operands: tuple[Formula, ...]


@dataclass(frozen=True)
class Or:
    """One holds."""

    operands: tuple[Formula, ...]


@dataclass(frozen=True)
class Is:
    """A yes-or-no column is known and has this value."""

    name: str
    value: bool


@dataclass(frozen=True)
class Known:
    """A column was sent."""

    name: str


@dataclass(frozen=True)
class Missing:
    """A column was not sent."""

    name: str


@dataclass(frozen=True)
class Option:
    """A category is known and is one of some options."""

    name: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Within:
    """The place is one of some."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class Comparison:
    """A comparison of numbers whose columns are all known; without `Given`."""

    op: str
    left: Number
    right: Number


Formula = Never | And | Or | Is | Known | Missing | Option | Within | Comparison

ALWAYS = And(())
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True)
class Outcomes:
    """A rule is X where `excluded` holds; else, where `applies` holds, C where `met` does and the letter of the first
    of `unmet` that does; else U."""

    index: int
    id: str
    excluded: Formula
    applies: Formula
    met: Formula
    unmet: tuple[tuple[str, Formula], ...]

    @property
    def letters(self) -> list[tuple[str, Formula]]:
        """The same as separate rules, of which at most one fires."""
        found = [("X", self.excluded), ("C", conjunction(self.applies, self.met))]
        found += [(letter, conjunction(self.applies, formula)) for letter, formula in self.unmet]
        return [(letter, formula) for letter, formula in found if formula != Never()]


MOST_ATOMS = 2_000
"""A rule that needs more, written out, is left out."""


def outcomes(lowered: Lowered, places: int) -> tuple[list[Outcomes], list[tuple[str, str]]]:
    """The outcomes of the rules at a number of places, and the rules that are too long with both polarities."""
    polarity = _Polarity(lowered, places)
    found: list[Outcomes] = []
    left_out: list[tuple[str, str]] = []
    for rule in lowered.rules:
        outcome = polarity.outcomes(rule)
        atoms = sum(_atoms(formula) for _, formula in outcome.letters)
        if atoms > MOST_ATOMS:
            left_out.append((rule.id, f"takes {atoms:,} conditions where Kleene logic must be written out"))
        else:
            found.append(outcome)
    return found, left_out


def _atoms(formula: Formula) -> int:
    if isinstance(formula, And | Or):
        return sum(_atoms(operand) for operand in formula.operands)
    return 1


class _Polarity:
    def __init__(self, lowered: Lowered, places: int) -> None:
        self.options = lowered.options
        self.places = places

    def outcomes(self, rule: LoweredRule) -> Outcomes:
        everywhere = range(self.places)
        elsewhere = tuple(i for i in everywhere if rule.states[i] == low.EXCLUDED)
        unmet: dict[str, list[int]] = {}
        for place in everywhere:
            if rule.states[place] != low.EXCLUDED:
                unmet.setdefault(letter_of(rule.states[place]), []).append(place)
        fails = self.fails(rule.requires)
        return Outcomes(
            rule.index,
            rule.id,
            _or(self._within(elsewhere), self.fails(rule.applies)),
            Never() if len(elsewhere) == self.places else self.holds(rule.applies),
            self.holds(rule.requires),
            tuple(
                (letter, conjunction(self._within(tuple(where)), fails))
                for letter, where in unmet.items()
                if letter != "U"
            ),
        )

    def _within(self, places: tuple[int, ...]) -> Formula:
        if not places:
            return Never()
        return ALWAYS if len(places) == self.places else Within(places)

    def holds(self, truth: Truth) -> Formula:
        match truth:
            case low.Fixed(value):
                return ALWAYS if value is True else Never()
            case low.Of(name):
                return Is(name, True)
            case low.Compared(op, left, right):
                return _comparison(op, left, right)
            case low.OneOf(name, options):
                return Option(name, options) if options else Never()
            case low.Place(places):
                return self._within(places)
            case low.AnyKnown(names):
                return _or(*(Known(name) for name in names))
            case low.Not(operand):
                return self.fails(operand)
            case low.All(operands):
                return conjunction(*(self.holds(o) for o in operands))
            case low.Any(operands):
                return _or(*(self.holds(o) for o in operands))
            case low.AtLeast(n, operands):
                return _or(*(conjunction(*some) for some in combinations([self.holds(o) for o in operands], n)))
            case low.If(test, then, otherwise):
                a, b = self.holds(then), self.holds(otherwise)
                return _or(conjunction(self.holds(test), a), conjunction(self.fails(test), b), conjunction(a, b))
            case low.Decide(holds, _):
                return self.holds(holds)
            case _:
                assert_never(truth)

    def fails(self, truth: Truth) -> Formula:
        match truth:
            case low.Fixed(value):
                return ALWAYS if value is False else Never()
            case low.Of(name):
                return Is(name, False)
            case low.Compared(op, left, right):
                return _comparison(_NEGATED[op], left, right)
            case low.OneOf(name, options):
                others = tuple(o for o in self.options[name] if o not in options)
                return Option(name, others) if others else Never()
            case low.Place(places):
                return self._within(tuple(i for i in range(self.places) if i not in places))
            case low.AnyKnown(names):
                return conjunction(*(Missing(name) for name in names))
            case low.Not(operand):
                return self.holds(operand)
            case low.All(operands):
                return _or(*(self.fails(o) for o in operands))
            case low.Any(operands):
                return conjunction(*(self.fails(o) for o in operands))
            case low.AtLeast(n, operands):
                many = len(operands) - n + 1
                return _or(*(conjunction(*some) for some in combinations([self.fails(o) for o in operands], many)))
            case low.If(test, then, otherwise):
                a, b = self.fails(then), self.fails(otherwise)
                return _or(conjunction(self.holds(test), a), conjunction(self.fails(test), b), conjunction(a, b))
            case low.Decide(_, fails):
                return self.holds(fails)
            case _:
                assert_never(truth)


def conjunction(*operands: Formula) -> Formula:
    """`And` without doubles; the formula itself where there is but one."""
    flat: dict[Formula, None] = {}
    for operand in operands:
        if operand == Never():
            return Never()
        for part in operand.operands if isinstance(operand, And) else (operand,):
            flat[part] = None
    return next(iter(flat)) if len(flat) == 1 else And(tuple(flat))


def _or(*operands: Formula) -> Formula:
    flat: dict[Formula, None] = {}
    for operand in operands:
        if operand == ALWAYS:
            return ALWAYS
        if operand != Never():
            for part in operand.operands if isinstance(operand, Or) else (operand,):
                flat[part] = None
    if not flat:
        return Never()
    return next(iter(flat)) if len(flat) == 1 else Or(tuple(flat))


def _comparison(op: str, left: Number, right: Number) -> Formula:
    """Every way in which both sides are known, each with its comparison."""
    ways = [
        conjunction(*a_guards, *b_guards, Comparison(op, a, b))
        for a_guards, a in _ways(left)
        for b_guards, b in _ways(right)
    ]
    return _or(*ways)


def _ways(number: Number) -> list[tuple[tuple[Formula, ...], Number]]:
    """The guards under which a number is known, and what it is then."""
    match number:
        case low.Literal():
            return [((), number)]
        case low.Column(name):
            return [((Known(name),), number)]
        case low.Given(name, derived):
            sent: tuple[tuple[Formula, ...], Number] = ((Known(name),), low.Column(name))
            return [sent, *(((Missing(name), *guards), inner) for guards, inner in _ways(derived))]
        case low.Operation(op, left, right):
            found: list[tuple[tuple[Formula, ...], Number]] = []
            for a_guards, a in _ways(left):
                for b_guards, b in _ways(right):
                    zero = low.Literal(_ZERO)
                    divides: tuple[Formula, ...] = (
                        (Comparison("!=", b, zero),) if op == "/" and not isinstance(b, low.Literal) else ()
                    )
                    found.append(((*a_guards, *b_guards, *divides), low.Operation(op, a, b)))
            return found
        case low.Minus(operand):
            return [(guards, low.Minus(inner)) for guards, inner in _ways(operand)]
        case low.Absolute(operand):
            return [(guards, low.Absolute(inner)) for guards, inner in _ways(operand)]
        case low.Up(operand):
            return [(guards, low.Up(inner)) for guards, inner in _ways(operand)]
        case low.Least(greatest, operands):
            ways: list[tuple[tuple[Formula, ...], tuple[Number, ...]]] = [((), ())]
            for operand in operands:
                ways = [((*g, *guards), (*n, inner)) for g, n in ways for guards, inner in _ways(operand)]
            return [(guards, low.Least(greatest, numbers)) for guards, numbers in ways]
        case low.Count(columns, _):
            return [((_or(*(Known(c) for c in columns)),), number)]
        case _:
            assert_never(number)


_ZERO = Fraction(0)
