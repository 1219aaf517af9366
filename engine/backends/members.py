"""The members of a block of records as columns of their own, and the aggregates over them for all records at once.

Each kind of member that the aggregates of a program reach has a block; a program made of what they ask is run on it
as on any other, so that conditions and numbers of members are computed like those of records. What is not said there
(facts by period, kinds sent by some containers only, numbers that are no decimals) is left to the reference, record by
record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd
from typing import Protocol

import numpy as np

from engine.backends.asked import asked_of
from engine.backends.base import Context
from engine.backends.columns import Below, Block, layout_of, sent_in
from engine.backends.compute import Numbers
from engine.backends.plan import Plan
from engine.backends.vectors import TRUE, TRUTHS, Mask, Truths
from engine.check.ir import Aggregate, Arithmetic, Expr, FactRef, Program
from engine.check.walk import facts_of, parts, with_sources
from engine.facts import Facts, Member
from engine.periods import PeriodKind
from engine.rollup import columns
from engine.rollup.aggregates import Rolled, Row, cv_of, roll_up
from engine.rollup.columns import Amounts, Measure, Segments
from engine.rollup.tree import descendants
from engine.values import Numeric, Truth, Value

__all__ = ["JudgedColumns", "MemberColumns", "RolledColumns"]


class JudgedColumns(Protocol):
    """What is asked of a judged block of members."""

    plan: Plan
    truths: Truths
    numbers: Numbers


Judge = Callable[[Program, Block, Sequence[Context]], JudgedColumns]


@dataclass(frozen=True, slots=True)
class _Kind:
    """The members of one kind under a block: judged, and where those of each container stand."""

    judged: JudgedColumns
    below: Below
    segments: Segments
    starts: columns.Places


class MemberColumns:
    """The members of a block of records. `judge` judges a block of members."""

    def __init__(self, program: Program, block: Block, contexts: Sequence[Context], judge: Judge) -> None:
        self._program = program
        self._block = block
        self._contexts = contexts
        self._judge = judge
        self._kinds: dict[str, _Kind] = {}
        self._measures: dict[int, Measure] = {}
        self._kept: dict[int, Amounts] = {}
        self._reads: dict[int, frozenset[str]] = {}
        self._lists: dict[int, tuple[list[float], list[float] | None, int]] = {}

    def _kind(self, name: str) -> _Kind:
        if name not in self._kinds:
            asked = asked_of(self._program, name)
            below = self._block.below.get(name) or self._gathered(name, asked, [] if self._block.below else None)
            judged = self._judge(asked, below.block, below.contexts)
            of = below.containers
            starts = np.searchsorted(of, np.arange(self._block.size + 1))
            self._kinds[name] = _Kind(judged, below, Segments(of, self._block.size), starts)
        return self._kinds[name]

    def _gathered(self, kind: str, asked: Program, containers: Sequence[int] | None) -> Below:
        """The members in the trees of the block's records, or of some of them."""
        found: list[Member] = []
        contexts: list[Context] = []
        rows: list[int] = []
        partly = np.zeros(self._block.size, dtype=bool)
        places: dict[int, Context] = {}
        for row in self._block.containers if containers is None else containers:
            context = self._contexts[row if len(self._contexts) > 1 else 0]
            below = descendants(self._program.subject, self._block.facts(row), context.path, kind)
            partly[row] = below.partly
            for member, path in below.members:
                if path is context.path:
                    contexts.append(context)
                else:
                    if id(path) not in places:
                        places[id(path)] = replace(context, path=path)
                    contexts.append(places[id(path)])
                found.append(member)
                rows.append(row)
        members: list[Facts] = [member.facts for member in found]
        block = Block.of(layout_of(asked), members)
        ids = [member.id for member in found]
        of = np.array(rows, dtype=np.intp)
        return Below(block, of, partly, contexts or list(self._contexts[:1]), ids.__getitem__)

    # --- all containers at once -----------------------------------------------------------------

    def measure(self, aggregate: Aggregate) -> Measure:
        """An aggregate for every row of the block."""
        key = id(aggregate)
        if key not in self._measures:
            kind = self._kind(aggregate.member)
            with np.errstate(all="ignore"):
                found = self._measured(kind, aggregate)
            self._measures[key] = found.doubtful(kind.below.partly | self._by_period(kind, aggregate))
        return self._measures[key]

    def by_period(self, aggregate: Aggregate) -> Mask:
        """Rows with members that give a fact of an aggregate by period."""
        return self._by_period(self._kind(aggregate.member), aggregate)

    def _by_period(self, kind: _Kind, aggregate: Aggregate) -> Mask:
        """Containers with members that give a fact of the aggregate by period, or have members with such facts."""
        rows = np.zeros(self._block.size, dtype=bool)
        block = kind.below.block
        for name in self._read(kind, aggregate) & block.keyed.keys():
            rows[kind.segments.of[block.keyed[name]]] = True
        return rows

    def _read(self, kind: _Kind, aggregate: Aggregate) -> frozenset[str]:
        """The facts of members that an aggregate reads, with what derived ones come from."""
        key = id(aggregate)
        if key not in self._reads:
            names = (name for part in parts(aggregate) for name in facts_of(part))
            self._reads[key] = frozenset(with_sources(names, kind.judged.plan.program.facts))
        return self._reads[key]

    def _truth(self, kind: _Kind, condition: Expr | None) -> Truths:
        if condition is None:
            return np.full(kind.below.block.count, TRUE, dtype=np.uint8)
        found: Truths = kind.judged.truths[kind.judged.plan.row_of[id(condition)]][: kind.below.block.count]
        return found

    def _amounts(self, kind: _Kind, expr: Expr) -> Amounts:
        found = self._kept.get(id(expr))
        if found is None:
            numbers = kind.judged.numbers.of(expr)
            found = self._kept[id(expr)] = Amounts.of(numbers, kind.below.block.count, self._bounds(kind, expr))
        return found

    def _floats(self, kind: _Kind, expr: Expr) -> Amounts:
        """Numbers for what is computed in floats: products of large decimals need not be whole numbers."""
        if isinstance(expr, Arithmetic) and expr.op in ("*", "/"):
            return self._floats(kind, expr.left).times(self._floats(kind, expr.right), expr.op)
        return self._amounts(kind, expr)

    @staticmethod
    def _bounds(kind: _Kind, expr: Expr) -> tuple[Fraction, Fraction] | None:
        """Where an unknown number must lie, where it is a plain fact."""
        if not isinstance(expr, FactRef):
            return None
        spec = kind.judged.plan.program.facts[expr.name]
        plain = spec.derive is None and spec.at_least is None and spec.at_most is None
        return spec.bounds if plain else None

    def _measured(self, kind: _Kind, aggregate: Aggregate) -> Measure:
        segments, counted = kind.segments, self._truth(kind, aggregate.where)
        value, weight = aggregate.value, aggregate.weight
        weights = self._amounts(kind, weight) if weight is not None else None
        if value is None:
            return columns.count(segments, counted)
        match aggregate.op:
            case "every":
                return columns.every(segments, counted, self._truth(kind, value))
            case "share":
                return columns.share(segments, counted, self._truth(kind, value), weights)
            case "lowest":
                assert isinstance(value, FactRef)
                plan = kind.judged.plan
                ranks = kind.below.block.numbers[plan.layout.numbers[value.name]][: kind.below.block.count]
                found = columns.lowest(segments, counted, ranks, len(plan.layout.options[value.name]) - 1)
                derived = plan.program.facts[value.name].derive is not None
                return found.doubtful(segments.sizes > 0) if derived else found
            case "sum":
                return columns.total(segments, counted, self._amounts(kind, value))
            case "mean":
                return columns.mean(segments, counted, self._floats(kind, value), weights)
            case _:
                assert weights is not None
                return columns.cv(segments, counted, self._floats(kind, value), weights)

    # --- one container --------------------------------------------------------------------------

    def whole(self, row: int) -> Facts:
        """The facts of a record with its members, also where these came as columns."""
        facts = self._block.facts(row)
        if facts.members or not self._block.below:
            return facts
        members: list[Member] = []
        refused: dict[str, int] = {}
        for name in self._block.below:
            kind = self._kind(name)
            for place in range(int(kind.starts[row]), int(kind.starts[row + 1])):
                given = kind.below.block.facts(place)
                contexts = kind.below.contexts
                path = contexts[place if len(contexts) > 1 else 0].path
                members.append(Member(name, kind.below.ids(place), given, path))
            if kind.below.partly[row]:
                refused[name] = 1
        return facts.with_members(tuple(members), refused)

    def gives(self, aggregate: Aggregate, period: PeriodKind, row: int) -> bool | None:
        """See `ColumnsOfMembers.gives`."""
        kind = self._kind(aggregate.member)
        if self._by_period(kind, aggregate)[row]:
            return None
        where = slice(int(kind.starts[row]), int(kind.starts[row + 1]))
        plan, block = kind.judged.plan, kind.below.block
        facts = plan.program.facts
        periodic = [name for name in self._read(kind, aggregate) if facts[name].period == period]
        if not periodic:
            return where.start < where.stop
        return any(sent_in(plan.layout, block, name, where).any() for name in periodic)

    def none(self, aggregate: Aggregate, row: int) -> bool:
        """See `ColumnsOfMembers.none`."""
        kind = self._kind(aggregate.member)
        return not kind.below.partly[row] and bool(kind.starts[row] == kind.starts[row + 1])

    def some(self, aggregate: Aggregate) -> columns.Places:
        """Rows with members that an aggregate is over, or with such that were refused."""
        kind = self._kind(aggregate.member)
        return np.flatnonzero(kind.below.partly | (np.diff(kind.starts) > 0))

    def row(self, row: int) -> RolledColumns:
        """The aggregates of one record, exactly."""
        return RolledColumns(self, row)

    def rolled(self, aggregate: Aggregate, row: int) -> Rolled | None:
        """What an aggregate comes to for one record, by the exact rules; None where columns do not say it."""
        kind = self._kind(aggregate.member)
        if kind.below.partly[row] or self._by_period(kind, aggregate)[row]:
            return None
        rows = self._rows(kind, aggregate, slice(int(kind.starts[row]), int(kind.starts[row + 1])))
        grades: tuple[str, ...] = ()
        if aggregate.op == "lowest":
            assert isinstance(aggregate.value, FactRef)
            grades = kind.judged.plan.program.facts[aggregate.value.name].options
        return None if rows is None else roll_up(aggregate.op, rows, grades=grades)

    def value(self, aggregate: Aggregate, row: int) -> tuple[bool, Value]:
        """Whether the answer for one record is said without looking at all that is told of it, and what it is."""
        measure = self._measures.get(id(aggregate))
        if measure is None:
            return False, None
        said, value = measure.value(row)
        if said or aggregate.op != "cv" or measure.doubt[row]:
            return said, value
        return self._cv(self._kinds[aggregate.member], aggregate, row)

    def _cv(self, kind: _Kind, aggregate: Aggregate, row: int) -> tuple[bool, Value]:
        """A coefficient of variation that is known, from whole numbers."""
        assert aggregate.value is not None
        assert aggregate.weight is not None
        where = slice(int(kind.starts[row]), int(kind.starts[row + 1]))
        amounts, pupils = (self._wholes(kind, expr, where) for expr in (aggregate.value, aggregate.weight))
        counted = (self._truth(kind, aggregate.where)[where] == TRUE).tolist()
        parts = [
            (*_reduced(*a), *_reduced(*p)) for a, p, counts in zip(amounts, pupils, counted, strict=True) if counts
        ]
        return True, cv_of(parts)[0]

    def _wholes(self, kind: _Kind, expr: Expr, where: slice) -> list[tuple[int, int]]:
        """Numerators and denominators of some members; (0, 1) where a number is unknown."""
        if isinstance(expr, Arithmetic) and expr.op in ("*", "/"):
            left, right = self._wholes(kind, expr.left, where), self._wholes(kind, expr.right, where)
            if expr.op == "*":
                return [(a * c, b * d) for (a, b), (c, d) in zip(left, right, strict=True)]
            return [(a * d, b * c or 1) for (a, b), (c, d) in zip(left, right, strict=True)]
        nums, dens, ten = self._parts_of(kind, expr)
        if dens is None:
            return [(int(n), ten) if n == n else (0, 1) for n in nums[where]]  # noqa: PLR0124 - NaN alone differs from itself
        return [
            (int(n), int(d) * ten) if n == n and d == d else (0, 1)  # noqa: PLR0124 - NaN alone differs from itself
            for n, d in zip(nums[where], dens[where], strict=True)
        ]

    def _parts_of(self, kind: _Kind, expr: Expr) -> tuple[list[float], list[float] | None, int]:
        """Numerators, denominators and the power of ten of all members, where numbers are known."""
        key = id(expr)
        if key not in self._lists:
            with np.errstate(all="ignore"):
                found = kind.judged.numbers.of(expr)
            size = kind.below.block.size
            nums, dens = (
                None if part is None else np.broadcast_to(part, (size,)).tolist() for part in (found.num, found.den)
            )
            assert nums is not None
            self._lists[key] = nums, dens, 10**found.scale
        return self._lists[key]

    def _rows(self, kind: _Kind, aggregate: Aggregate, where: slice) -> list[Row] | None:
        counted = [TRUTHS[t] for t in self._truth(kind, aggregate.where)[where].tolist()]
        value, weight = aggregate.value, aggregate.weight
        if value is None:
            return [Row(c) for c in counted]
        if aggregate.op in ("share", "every"):
            holds = [TRUTHS[t] for t in self._truth(kind, value)[where].tolist()]
            weights = self._numbers(kind, weight, where, counted, bounded=True) if weight is not None else None
            if weight is None:
                return [Row(c) if c is False else Row(c, h) for c, h in zip(counted, holds, strict=True)]
            if weights is None:
                return None
            return [
                Row(c) if c is False else Row(c, h, weight=w) for c, h, w in zip(counted, holds, weights, strict=True)
            ]
        if aggregate.op == "lowest":
            assert isinstance(value, FactRef)
            spec = kind.judged.plan.program.facts[value.name]
            if spec.derive is not None:
                return None
            column = kind.below.block.numbers[kind.judged.plan.layout.numbers[value.name]][where].tolist()
            ranks = [None if r != r else (int(r), int(r)) for r in column]  # noqa: PLR0124 - NaN alone differs from itself
            return [Row(c) if c is False else Row(c, ranks=r) for c, r in zip(counted, ranks, strict=True)]
        numbers = self._numbers(kind, value, where, counted, bounded=aggregate.op == "sum")
        weights = [Fraction(1)] * len(counted) if weight is None else self._numbers(kind, weight, where, counted)
        if numbers is None or weights is None:
            return None
        return [
            Row(c) if c is False else Row(c, number=n, weight=w)
            for c, n, w in zip(counted, numbers, weights, strict=True)
        ]

    def _numbers(
        self, kind: _Kind, expr: Expr, where: slice, counted: Sequence[Truth], *, bounded: bool = False
    ) -> list[Numeric] | None:
        """Exact numbers of some members; None where one that may count is not said here.

        `bounded`: an unknown one is told by the interval in which it must lie.
        """
        with np.errstate(all="ignore"):
            numbers = kind.judged.numbers.of(expr)
            doubts = numbers.doubts()
        if doubts is not None and bool(np.any(np.broadcast_to(doubts, (kind.below.block.size,))[where])):
            return None
        all_nums, all_dens, ten = self._parts_of(kind, expr)
        nums = all_nums[where]
        dens = [1.0] * len(nums) if all_dens is None else all_dens[where]
        found: list[Numeric] = []
        for num, den, counts in zip(nums, dens, counted, strict=True):
            if num == num and den == den:  # noqa: PLR0124 - NaN alone differs from itself
                found.append(Fraction(int(num), int(den) * ten))
            elif counts is False or not bounded:
                found.append(None)
            else:
                # The reference knows how far an unknown expression reaches.
                return None
        return found


def _reduced(above: int, below: int) -> tuple[int, int]:
    """Small denominators make a small common one."""
    common = gcd(above, below)
    return above // common, below // common


class RolledColumns:
    """The aggregates of one record."""

    def __init__(self, members: MemberColumns, row: int) -> None:
        self._members = members
        self._row = row

    def rolled(self, aggregate: Aggregate) -> Rolled | None:
        """See `MemberColumns.rolled`."""
        return self._members.rolled(aggregate, self._row)

    def none(self, aggregate: Aggregate) -> bool:
        """See `ColumnsOfMembers.none`."""
        return self._members.none(aggregate, self._row)

    def whole(self) -> Facts:
        """See `MemberColumns.whole`."""
        return self._members.whole(self._row)

    def gives(self, aggregate: Aggregate, period: PeriodKind) -> bool | None:
        """See `ColumnsOfMembers.gives`."""
        return self._members.gives(aggregate, period, self._row)

    def value(self, aggregate: Aggregate) -> tuple[bool, Value]:
        """See `MemberColumns.value`."""
        return self._members.value(aggregate, self._row)
