"""The values of expressions for one record: facts, logic, exact numbers, time.

Unknown is None; a partly known number is an `Interval`. Values of periodic facts are those of a period index `at`.
An aggregate is evaluated on members, each with its own facts, at the same index.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol, assert_never, cast

from engine import numbers
from engine.backends import timeline
from engine.backends.base import Context
from engine.check.ir import (
    Abs,
    Aggregate,
    AllOf,
    AnyOf,
    Arithmetic,
    AsOf,
    AtLeast,
    Baseline,
    Ceil,
    Choice,
    Compare,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    FactSpec,
    InDivision,
    ItemOf,
    Known,
    Negate,
    Not,
    OneOf,
    ParameterRef,
    Passes,
    Previous,
    Program,
    Trend,
    WindowTotal,
    YearsSince,
)
from engine.check.walk import aggregates_of, facts_of, formulas, parts, with_sources
from engine.facts import Facts, FactValue
from engine.periods import PeriodKind
from engine.rollup.aggregates import Rolled, roll_up
from engine.rollup.rows import reach, row_of
from engine.rollup.tree import Descendants, descendants
from engine.values import GradeRange, Interval, Numeric, Root, Truth, Value, exact, settled, shortest

__all__ = ["ColumnsOfMembers", "MemberValues", "Value", "Values", "derives_from_members", "plain"]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ColumnsOfMembers(Protocol):
    """Members of a record that were read as columns before."""

    def rolled(self, aggregate: Aggregate) -> Rolled | None:
        """What an aggregate comes to with the plain values of members; None where it is not said."""
        ...

    def gives(self, aggregate: Aggregate, period: PeriodKind) -> bool | None:
        """Whether the members give what an aggregate reads, plainly; None if some do by period.

        One of its facts of that period is enough; where it reads none of them, members are.
        """
        ...

    def none(self, aggregate: Aggregate) -> bool:
        """True when no member that an aggregate is over was sent."""
        ...

    def whole(self) -> Facts:
        """The record with its members as a tree, for what columns do not say."""
        ...

    def value(self, aggregate: Aggregate) -> tuple[bool, Value]:
        """Whether the answer is said without all that `rolled` tells, and what it is."""
        ...


class Values(ABC):
    """One record under one program on one day. Values are those of the period index `at`."""

    def __init__(
        self, program: Program, facts: Facts, context: Context, columns: ColumnsOfMembers | None = None
    ) -> None:
        self.program = program
        self.facts = facts
        self.context = context
        self._columns = columns
        self.window: tuple[int, int] | None = None
        self.kept: dict[tuple[int, int | None], Value] = {}
        self._descendants: dict[str, Descendants] = {}
        self._members: dict[str, list[MemberValues]] = {}
        self._rolled: dict[tuple[int, int | None], Rolled] = {}

    # --- facts --------------------------------------------------------------------------------

    def sent(self, name: str) -> dict[int, FactValue] | None:
        """The sent values of a periodic fact by period, without those that begin after the day; None if not sent."""
        period = self.program.facts[name].period
        assert period is not None
        on = self.context.on
        if name in self.facts.keyed:
            return {i: v for i, v in self.facts.keyed[name].items() if period.begun(i, on)}
        if name in self.facts.plain:
            last = period.last_finished(on)
            assert last is not None
            return {last: self.facts.plain[name]}
        return None

    def periods(self, name: str) -> set[int]:
        """The periods of which a periodic fact is given: sent, else derivable."""
        sent = self.sent(name)
        return set(sent) if sent is not None else self.derivable(name)

    def touched(self, name: str) -> set[int]:
        """The periods of which a periodic fact, or anything that tells something of it, is given."""
        period = self.program.facts[name].period
        sources = with_sources((name,), self.program.facts).values()
        return set().union(*(self.periods(spec.name) for spec in sources if spec.period == period))

    def derivable(self, name: str) -> set[int]:
        """The periods given for all that a periodic fact derives from.

        What derives from the record's own facts alone must have a value in them. What derives from members is
        given wherever any member gives something, so that what the others lack is asked for.
        """
        spec = self.program.facts[name]
        if spec.derive is None:
            return set()
        sources = [f for f in facts_of(spec.derive) if self.program.facts[f].period == spec.period]
        given = [self.periods(f) for f in sources]
        given += [self._periods_of_members(aggregate, spec) for aggregate in aggregates_of(spec.derive)]
        common = set.intersection(*given) if given else set()
        if name in derives_from_members(self.program):
            return common
        return {i for i in common if settled(self.value(spec.derive, i))}

    def _periods_of_members(self, aggregate: Aggregate, spec: FactSpec) -> set[int]:
        """The periods given by any member; of facts without periods the last finished one, as of a plain value."""
        period = spec.period
        assert period is not None
        gives = None if self._columns is None else self._columns.gives(aggregate, period)
        last = period.last_finished(self.context.on)
        if gives is not None:
            return {last} if gives and last is not None else set()
        members = self.members(aggregate.member)
        if not members:
            return set()
        read = with_sources((f for p in parts(aggregate) for f in facts_of(p)), members[0].program.facts)
        periodic = [name for name, inner in read.items() if inner.period == period]
        if periodic:
            return {i for member in members for name in periodic for i in member.sent(name) or ()}
        return set() if last is None else {last}

    def series(self, name: str) -> dict[int, Value]:
        """The known and partly known values of a periodic fact by period."""
        found = {i: self.fact(name, i) for i in sorted(self.periods(name))}
        return {i: value for i, value in found.items() if value is not None}

    def given(self, name: str, at: int | None) -> FactValue | None:
        """The sent value of a fact, of period `at` where it is periodic; None when missing."""
        if self.program.facts[name].period is None:
            return self.facts.plain.get(name)
        return None if at is None else (self.sent(name) or {}).get(at)

    def fact(self, name: str, at: int | None) -> Value:
        """The value of a fact: as sent, else derived, else bounded by other facts, else unknown."""
        spec = self.program.facts[name]
        sent = self.given(name, at)
        if sent is not None:
            return _typed(sent)
        if spec.derive is not None:
            derived = self.value(spec.derive, at)
            if derived is not None:
                return derived
        if spec.at_least is not None or spec.at_most is not None:
            return self._bounded(spec, at)
        return None

    def _bounded(self, spec: FactSpec, at: int | None) -> Numeric:
        low: Fraction | Root | float = float("-inf")
        high: Fraction | Root | float = float("inf")
        for limit, side in ((spec.at_least, "low"), (spec.at_most, "high")):
            value = cast(Numeric, self.value(limit, at)) if limit is not None else None
            if value is None:
                continue
            ends = (value.low, value.high) if isinstance(value, Interval) else (value, value)
            if side == "low":
                low = ends[0]
            else:
                high = ends[1]
        return numbers.interval(low, high) if low <= high else None

    def items(self, fact: str, at: int | None) -> dict[str, bool]:
        sent = self.given(fact, at)
        return dict(cast(dict[str, bool], sent)) if sent is not None else {}

    # --- expressions --------------------------------------------------------------------------

    def value(self, expr: Expr, at: int | None) -> Value:
        """The value of any expression; None is unknown."""
        match expr:
            case Constant():
                return expr.value
            case FactRef():
                return self.fact(expr.name, at)
            case AllOf() | AnyOf() | AtLeast() | Not() | Choice() | Compare() | OneOf():
                key = (id(expr), at)
                if key not in self.kept:
                    self.kept[key] = self._logic(expr, at)
                return self.kept[key]
            case Arithmetic() | Negate() | Abs() | Ceil() | Extremum() | YearsSince():
                key = (id(expr), at)
                if key not in self.kept:
                    self.kept[key] = self._numeric(expr, at)
                return self.kept[key]
            case Previous() | WindowTotal() | Trend() | Baseline():
                return self._over_time(expr, at)
            case CountOf():
                items = self.items(expr.fact, at)
                ticked = sum(items.values())
                unknown = len(expr.items) - len(items)
                return numbers.interval(Fraction(ticked), Fraction(ticked + unknown)) if items else None
            case ItemOf():
                return self.items(expr.fact, at).get(expr.item)
            case Known():
                return (
                    self.fact(expr.fact, at) is not None
                    if not self._is_checklist(expr.fact)
                    else bool(self.items(expr.fact, at))
                )
            case AsOf():
                return self.context.on
            case InDivision():
                return any(code in self.context.path for code in expr.codes)
            case ParameterRef():
                return self.context.parameters.get(expr.id)
            case Passes():
                return self.passed(expr.rule)
            case Aggregate():
                return self._aggregate(expr, at)
            case _:
                assert_never(expr)

    def _is_checklist(self, fact: str) -> bool:
        return self.program.facts[fact].type_name == "checklist"

    def _truths(self, operands: Sequence[Expr], at: int | None) -> list[Truth]:
        return [cast(Truth, self.value(o, at)) for o in operands]

    def _logic(self, expr: AllOf | AnyOf | AtLeast | Not | Choice | Compare | OneOf, at: int | None) -> Value:
        match expr:
            case AllOf():
                truths = self._truths(expr.operands, at)
                return False if False in truths else None if None in truths else True
            case AnyOf():
                truths = self._truths(expr.operands, at)
                return True if True in truths else None if None in truths else False
            case AtLeast():
                truths = self._truths(expr.operands, at)
                holds = sum(t is True for t in truths)
                possible = holds + sum(t is None for t in truths)
                return True if holds >= expr.n else False if possible < expr.n else None
            case Not():
                truth = cast(Truth, self.value(expr.operand, at))
                return None if truth is None else not truth
            case Choice():
                return self._choice(expr, at)
            case OneOf():
                return self._one_of(expr, at)
            case Compare():
                return self._compare(expr, at)

    def _choice(self, expr: Choice, at: int | None) -> Value:
        test = cast(Truth, self.value(expr.test, at))
        if test is not None:
            return self.value(expr.then if test else expr.otherwise, at)
        then, otherwise = self.value(expr.then, at), self.value(expr.otherwise, at)
        if expr.boolean:
            return then if then == otherwise else None
        return numbers.hull(cast(Numeric, then), cast(Numeric, otherwise))

    def _compare(self, expr: Compare, at: int | None) -> Truth:
        left, right = self.value(expr.left, at), self.value(expr.right, at)
        if expr.kind == "number":
            return numbers.compare(expr.op, cast(Numeric, left), cast(Numeric, right))
        if left is None or right is None:
            return None
        if expr.kind == "grade":
            return numbers.compare(expr.op, _ranked(left, expr.ranks), _ranked(right, expr.ranks))
        return _ORDER[expr.op](left, right)

    def _one_of(self, expr: OneOf, at: int | None) -> Truth:
        option = self.value(expr.operand, at)
        if isinstance(option, GradeRange):
            assert isinstance(expr.operand, FactRef)
            options = self.program.facts[expr.operand.name].options[option.low : option.high + 1]
            inside = {o in expr.options for o in options}
            return inside.pop() if len(inside) == 1 else None
        return None if option is None else option in expr.options

    def _numeric(self, expr: Arithmetic | Negate | Abs | Ceil | Extremum | YearsSince, at: int | None) -> Numeric:
        match expr:
            case Arithmetic():
                left, right = self.value(expr.left, at), self.value(expr.right, at)
                if isinstance(left, date) and isinstance(right, date):
                    return Fraction((left - right).days)
                if isinstance(left, date) or isinstance(right, date):
                    return None
                return numbers.arithmetic(expr.op, cast(Numeric, left), cast(Numeric, right))
            case Negate():
                return numbers.negate(cast(Numeric, self.value(expr.operand, at)))
            case Abs():
                return numbers.magnitude(cast(Numeric, self.value(expr.operand, at)))
            case Ceil():
                return numbers.ceiling(cast(Numeric, self.value(expr.operand, at)))
            case Extremum():
                return numbers.extremum(expr.op, [cast(Numeric, self.value(o, at)) for o in expr.operands])
            case YearsSince():
                day = cast(date | None, self.value(expr.operand, at))
                if day is None:
                    return None
                on = self.context.on
                return Fraction(on.year - day.year - ((on.month, on.day) < (day.month, day.day)))

    def _over_time(self, expr: Previous | WindowTotal | Trend | Baseline, at: int | None) -> Value:
        if isinstance(expr, Baseline):
            return expr.value
        if isinstance(expr, Previous):
            return None if at is None else self.fact(expr.fact, at - 1)
        window = self.window
        assert window is not None
        spec = self.program.facts[expr.fact]
        series = {i: cast(Fraction | Root | Interval, v) for i, v in self.series(expr.fact).items()}
        if isinstance(expr, WindowTotal):
            return timeline.window_total(spec, series, window, self.context.on)
        return timeline.trend(expr.op, spec, series, window, self.context.on)

    # --- members ------------------------------------------------------------------------------

    def descendants(self, kind: str) -> Descendants:
        """The members of a kind that were sent, through any depth."""
        if kind not in self._descendants:
            self._fetch_members()
            self._descendants[kind] = descendants(self.program.subject, self.facts, self.context.path, kind)
        return self._descendants[kind]

    def _fetch_members(self) -> None:
        """Members that came as columns become a tree when something is asked that columns do not say."""
        if self._columns is not None and not self.facts.members:
            self.facts = self._columns.whole()

    def members(self, kind: str) -> list[MemberValues]:
        """The values of those members, each by its own facts."""
        if kind not in self._members:
            program, context = self.program.members[kind], self.context
            self._members[kind] = [
                MemberValues(
                    program, member.facts, context if path is context.path else replace(context, path=path), member.id
                )
                for member, path in self.descendants(kind).members
            ]
        return self._members[kind]

    def rolled(self, aggregate: Aggregate, at: int | None) -> Rolled:
        """What an aggregate comes to, with its workings."""
        key = (id(aggregate), at)
        if key not in self._rolled and self._columns is not None and self._in_columns(aggregate, at):
            found = self._columns.rolled(aggregate)
            if found is not None:
                self._rolled[key] = found
        if key not in self._rolled:
            self._fetch_members()
            members = self.members(aggregate.member) if self.facts.members else []
            partly = bool(members) and self.descendants(aggregate.member).partly
            unseen = None
            if partly and aggregate.value is not None:
                nobody = MemberValues(self.program.members[aggregate.member], Facts(), self.context, "")
                unseen = reach(nobody, aggregate.value, at) if aggregate.op == "sum" else None
            grades = self._grades(aggregate)
            rows = [row_of(member, aggregate, at, grades) for member in members]
            self._rolled[key] = roll_up(aggregate.op, rows, partly=partly, unseen=unseen, grades=grades)
        return self._rolled[key]

    def _aggregate(self, aggregate: Aggregate, at: int | None) -> Value:
        key = (id(aggregate), at)
        if self._columns is not None and key not in self.kept and self._in_columns(aggregate, at):
            said, value = self._columns.value(aggregate)
            if said:
                self.kept[key] = value
        return self.kept[key] if key in self.kept else self.rolled(aggregate, at).value

    def _in_columns(self, aggregate: Aggregate, at: int | None) -> bool:
        """True when the plain values of members are those of period `at`, no value has a period, or nobody was sent."""
        kinds = _periods_read(self.program)[id(aggregate)]
        if all(at is not None and kind.last_finished(self.context.on) == at for kind in kinds):
            return True
        return self._columns is not None and self._columns.none(aggregate)

    def _grades(self, aggregate: Aggregate) -> tuple[str, ...]:
        """The options of the grade whose lowest is sought."""
        if aggregate.op != "lowest":
            return ()
        assert isinstance(aggregate.value, FactRef)
        return self.program.members[aggregate.member].facts[aggregate.value.name].options

    @abstractmethod
    def passed(self, rule: str) -> Truth:
        """The truth of `passes("rule")`; whoever judges rules says it."""


class MemberValues(Values):
    """One member of a record, under the program of its kind: values only, no rules."""

    def __init__(self, program: Program, facts: Facts, context: Context, member: str) -> None:
        super().__init__(program, facts, context)
        self.member = member

    def passed(self, rule: str) -> Truth:
        """Never asked: `passes` stands in rules only."""
        raise AssertionError(f"a member has no verdicts: {rule}")


@lru_cache(maxsize=1024)
def derives_from_members(program: Program) -> frozenset[str]:
    """The facts of a program that derive from members, directly or through other facts."""
    return frozenset(
        name
        for name in program.facts
        if any(aggregates_of(s.derive) for s in with_sources((name,), program.facts).values())
    )


@lru_cache(maxsize=1024)
def _periods_read(program: Program) -> dict[int, frozenset[PeriodKind]]:
    """By the identity of each aggregate of a program, the kinds of period of the facts that it reads of members."""
    found: dict[int, frozenset[PeriodKind]] = {}
    for spec in program.facts.values():
        for formula in formulas(spec):
            for aggregate in aggregates_of(formula):
                names = (f for p in parts(aggregate) for f in facts_of(p))
                read = with_sources(names, program.members[aggregate.member].facts).values()
                found[id(aggregate)] = frozenset(inner.period for inner in read if inner.period is not None)
    return found


def _ranked(value: Value, ranks: Sequence[str]) -> Numeric:
    if isinstance(value, GradeRange):
        return Interval(Fraction(value.low), Fraction(value.high))
    return Fraction(ranks.index(cast(str, value)))


def _typed(sent: FactValue) -> Value:
    """A sent value as the evaluator computes with it. A checklist is read item by item."""
    if isinstance(sent, bool | str | date):
        return sent
    if isinstance(sent, int | float):
        return exact(sent)
    return None


def plain(value: bool | Fraction | Root | date | str) -> FactValue:
    """A value as it would be sent."""
    return shortest(value) if isinstance(value, Fraction | Root) else value
