"""What was rolled up for a record: derived facts with their workings, and where a supplied value disagrees."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Protocol, cast

from engine.check.ir import Aggregate, Expr, FactSpec, Program
from engine.check.text import unparse
from engine.check.walk import aggregates_of
from engine.facts import Facts, FactValue
from engine.rollup.aggregates import Rolled
from engine.rollup.tree import Descendants
from engine.values import GradeRange, Interval, Numeric, Value, exact, settled

__all__ = ["DerivedFact", "Evaluated", "RolledUp", "derived_facts"]


@dataclass(frozen=True, slots=True)
class RolledUp:
    """One aggregate of a formula, in the words of the formula.

    `sent`: members of the kind; `counted`: those that surely count; `open`: those whose missing facts leave the
    answer open. `without` and `refused`: see `Descendants`. `failing`: ids of members that fail the condition.
    """

    text: str
    aggregate: Aggregate
    value: Value
    sent: int
    counted: int
    open: tuple[str, ...]
    failing: tuple[str, ...]
    without: tuple[tuple[str, str | None], ...]
    refused: int
    workings: Mapping[str, Numeric]


@dataclass(frozen=True, slots=True)
class DerivedFact:
    """A derived fact of a record; of a periodic one, at one period.

    `value` is computed, `supplied` as sent: rules read what was supplied. `differs`: the supplied value is none
    that the computed one may have. `settle`: the ids of all members whose missing facts leave it open.
    """

    spec: FactSpec
    period: str | None
    value: Value
    supplied: FactValue | None
    differs: bool
    rolled: tuple[RolledUp, ...]
    settle: tuple[str, ...]


class Evaluated(Protocol):
    """What is asked of a record's evaluation."""

    program: Program
    facts: Facts

    def value(self, expr: Expr, at: int | None) -> Value:
        """The value of an expression."""
        ...

    def given(self, name: str, at: int | None) -> FactValue | None:
        """The sent value of a fact."""
        ...

    def derivable(self, name: str) -> set[int]:
        """The periods in which a periodic fact can be derived."""
        ...

    def descendants(self, kind: str) -> Descendants:
        """The members of a kind."""
        ...

    def rolled(self, aggregate: Aggregate, at: int | None) -> Rolled:
        """What an aggregate comes to."""
        ...


def derived_facts(record: Evaluated, names: Collection[str] | None = None) -> Iterator[DerivedFact]:
    """The facts that were rolled up from members, and any derived fact whose supplied value differs from it.

    In the order of the program's facts, all or some of them; a periodic one at the newest period given, and wherever it
    differs.
    """
    sent = {kind: bool(record.descendants(kind).members) for kind in record.program.members}
    for spec, aggregates in _derived(record.program):
        if names is not None and spec.name not in names:
            continue
        reported = any(sent[aggregate.member] for aggregate in aggregates)
        supplied = spec.name in record.facts.plain or spec.name in record.facts.keyed
        if not (reported or supplied):
            continue
        given = sorted(record.derivable(spec.name)) if spec.period is not None else ()
        periods: list[int | None] = [*given] or [None]
        for at in periods:
            fact = _fact(record, spec, aggregates, at)
            if fact.differs or (reported and at == periods[-1]):
                yield fact


@lru_cache(maxsize=512)
def _derived(program: Program) -> tuple[tuple[FactSpec, tuple[Aggregate, ...]], ...]:
    """The derived facts of a program, each with the aggregates that it rests on."""
    return tuple((spec, aggregates_of(spec.derive)) for spec in program.facts.values() if spec.derive is not None)


def _fact(record: Evaluated, spec: FactSpec, aggregates: Sequence[Aggregate], at: int | None) -> DerivedFact:
    assert spec.derive is not None
    value = record.value(spec.derive, at)
    supplied = record.given(spec.name, at)
    rolled = tuple(_rolled_up(record, aggregate, at) for aggregate in aggregates)
    settle = () if settled(value) else tuple(dict.fromkeys(id_ for one in rolled for id_ in one.open))
    period = spec.period.key(at) if spec.period is not None and at is not None else None
    return DerivedFact(spec, period, value, supplied, _differs(spec, value, supplied), rolled, settle)


def _rolled_up(record: Evaluated, aggregate: Aggregate, at: int | None) -> RolledUp:
    below, rolled = record.descendants(aggregate.member), record.rolled(aggregate, at)
    ids = [member.id for member, _ in below.members]
    return RolledUp(
        unparse(aggregate),
        aggregate,
        rolled.value,
        len(ids),
        rolled.counted,
        tuple(ids[i] for i in rolled.open),
        tuple(ids[i] for i in rolled.failing),
        below.without,
        below.refused,
        rolled.workings,
    )


def _differs(spec: FactSpec, value: Value, supplied: FactValue | None) -> bool:
    if value is None or supplied is None:
        return False
    match value:
        case GradeRange(low, high):
            return not low <= spec.options.index(cast(str, supplied)) <= high
        case Interval(low, high):
            return not low <= exact(cast(float, supplied)) <= high
        case Fraction():
            return value != exact(cast(float, supplied))
        case _:
            # An irrational root equals nothing that can be sent.
            return value != supplied
