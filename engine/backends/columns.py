"""Records → columns: one float64 row per number, date and category, one truth row per condition.

Numbers stand as sent, dates as day numbers, categories and grades as the index of their option; NaN is
unknown. Booleans and checklist items are truths (false 0, unknown 1, true 2).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from math import isnan
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

from engine.backends.base import Context
from engine.backends.vectors import FALSE, TRUE, UNKNOWN, Floats, Mask, Truths
from engine.check.ir import FactSpec, Program
from engine.facts import Facts, FactValue
from engine.values import FactScalar

__all__ = ["Below", "Block", "Layout", "facts_at", "layout_of", "padded", "sent_in", "sent_number"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each fact of a program stands."""

    numbers: Mapping[str, int]
    truths: Mapping[str, int]
    options: Mapping[str, Mapping[str, int]]
    items: Mapping[str, Mapping[str, int]]

    @property
    def truth_rows(self) -> int:
        """How many truth rows the facts take."""
        return len(self.truths) + sum(len(items) for items in self.items.values())


@lru_cache(maxsize=512)
def layout_of(program: Program) -> Layout:
    """The layout of a program's facts, in the order of its facts."""
    numbers: dict[str, int] = {}
    truths: dict[str, int] = {}
    options: dict[str, dict[str, int]] = {}
    checklists: list[str] = []
    for name, spec in program.facts.items():
        match spec.type_name:
            case "boolean":
                truths[name] = len(truths)
            case "checklist":
                checklists.append(name)
            case "category" | "grade":
                numbers[name] = len(numbers)
                options[name] = {option: i for i, option in enumerate(spec.options)}
            case _:
                numbers[name] = len(numbers)
    items: dict[str, dict[str, int]] = {}
    row = len(truths)
    for name in checklists:
        items[name] = {item: row + i for i, item in enumerate(program.facts[name].options)}
        row += len(items[name])
    return Layout(numbers, truths, options, items)


@dataclass(frozen=True, slots=True)
class Below:
    """The members of one kind under the records of a block, in the layout of what aggregates read of them.

    `containers`: the row of each one's container, ascending. `partly`: rows under which there may be more members
    than were sent. `contexts`: of each member, or one for all. `ids`: what a member is called.
    """

    block: Block
    containers: npt.NDArray[np.intp]
    partly: Mask
    contexts: Sequence[Context]
    ids: Callable[[int], str]


def padded(count: int) -> int:
    """How many columns a block of so many records has: truths are combined eight at a time."""
    return -(-max(count, 1) // 8) * 8


@dataclass(frozen=True, slots=True)
class Block:
    """Columns of `count` records, and of as many without facts as make it a multiple of eight.

    `keyed` lists, per fact, the rows that gave it by period, `containers` those that have members. `facts` gives the
    facts of a row, for what needs a record and no columns. `below` gives members by kind where they came as columns;
    else they are taken from the facts.
    """

    count: int
    numbers: Floats
    truths: Truths
    keyed: dict[str, list[int]]
    facts: Callable[[int], Facts]
    containers: list[int] = field(default_factory=list)
    below: dict[str, Below] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many columns it has."""
        return int(self.numbers.shape[1])

    @classmethod
    def empty(cls, layout: Layout, count: int, facts: Callable[[int], Facts]) -> Block:
        """Columns in which nothing is known yet."""
        return cls(count, *_nothing(layout, count), {}, facts)

    @classmethod
    def as_sent(cls, program: Program, layout: Layout, count: int, read: Mapping[int, Facts]) -> Block:
        """Columns in which nothing is known yet. The facts of a row are those in `read`, else what will stand there."""
        numbers, truths = _nothing(layout, count)
        return cls(count, numbers, truths, {}, _Rows(program, layout, numbers, truths, read))

    @classmethod
    def of(cls, layout: Layout, records: Sequence[Facts]) -> Block:
        """The columns of checked records; facts that the program does not read are left out."""
        block = cls.empty(layout, len(records), records.__getitem__)
        for row, facts in enumerate(records):
            block.fill(layout, row, facts)
        return block

    def put(self, layout: Layout, row: int, facts: Facts) -> None:
        """Let a record take the place of what a row holds."""
        self.numbers[:, row] = np.nan
        self.truths[:, row] = UNKNOWN
        self.fill(layout, row, facts)

    def fill(self, layout: Layout, row: int, facts: Facts) -> None:
        """Write a record into a row of which nothing is known yet."""
        numbers, truths = self.numbers, self.truths
        number_at, truth_at = layout.numbers, layout.truths
        for name, value in facts.plain.items():
            at = number_at.get(name)
            if at is not None:
                if isinstance(value, str):
                    numbers[at, row] = layout.options[name][value]
                elif isinstance(value, date):
                    numbers[at, row] = value.toordinal()
                else:
                    assert isinstance(value, int | float)
                    numbers[at, row] = value
            elif name in truth_at:
                truths[truth_at[name], row] = TRUE if value else FALSE
            elif name in layout.items:
                assert isinstance(value, Mapping)
                for item, ticked in value.items():
                    truths[layout.items[name][item], row] = TRUE if ticked else FALSE
        for name in facts.keyed:
            self.keyed.setdefault(name, []).append(row)
        if facts.members:
            self.containers.append(row)


def _nothing(layout: Layout, count: int) -> tuple[Floats, Truths]:
    """Columns in which nothing is known."""
    size = padded(count)
    numbers = np.full((len(layout.numbers), size), np.nan)
    return numbers, np.full((layout.truth_rows, size), UNKNOWN, dtype=np.uint8)


class _Rows:
    """The facts of the rows of a block, each made when it is first asked for.

    It holds the columns and not their block, which holds it: a block is then let go at once, and not by a collection.
    `read` may grow, and columns may be written, until a row is first asked for.
    """

    def __init__(
        self, program: Program, layout: Layout, numbers: Floats, truths: Truths, read: Mapping[int, Facts]
    ) -> None:
        self._columns = (program, layout, numbers, truths)
        self._read = read
        self._kept: dict[int, Facts] = {}

    def __call__(self, row: int) -> Facts:
        found = self._read.get(row) or self._kept.get(row)
        if found is None:
            found = self._kept[row] = Facts(RowFacts(*self._columns, row))
        return found


def sent_in(layout: Layout, block: Block, name: str, rows: slice = slice(None)) -> Mask:
    """Which of some rows have a value of a fact, or of a part of it."""
    if name in layout.numbers:
        return np.asarray(~np.isnan(block.numbers[layout.numbers[name], rows]))
    items = [layout.truths[name]] if name in layout.truths else list(layout.items[name].values())
    return np.asarray((block.truths[items, rows] != UNKNOWN).any(axis=0))


def sent_number(spec: FactSpec, value: float) -> FactScalar | None:
    """A number, category, grade or date of a column as it was sent; None where it was not."""
    if isnan(value):
        return None
    match spec.type_name:
        case "category" | "grade":
            return spec.options[int(value)]
        case "date":
            return date.fromordinal(int(value))
        case _:
            return int(value) if value.is_integer() else value


class RowFacts(Mapping[str, FactValue]):
    """The plain facts of a row as they were sent, each put together when it is asked for."""

    __slots__ = ("_layout", "_numbers", "_program", "_truths")

    def __init__(self, program: Program, layout: Layout, numbers: Floats, truths: Truths, row: int) -> None:
        self._program = program
        self._layout = layout
        self._numbers = array("d", numbers[:, row].tobytes())
        self._truths = truths[:, row].tobytes()

    def __getitem__(self, name: str) -> FactValue:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    @overload
    def get(self, name: str, /) -> FactValue | None: ...

    @overload
    def get(self, name: str, /, default: FactValue | _T) -> FactValue | _T: ...

    def get(self, name: str, /, default: object = None) -> object:
        """What was sent for a fact; asked for all the time, and for much that was not sent."""
        found = self._value(name) if name in self._program.facts else None
        return default if found is None else found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._program.facts if self._value(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _value(self, name: str) -> FactValue | None:
        layout = self._layout
        if name in layout.numbers:
            return sent_number(self._program.facts[name], self._numbers[layout.numbers[name]])
        if name in layout.truths:
            truth = self._truths[layout.truths[name]]
            return None if truth == UNKNOWN else truth == TRUE
        known = {
            item: self._truths[at] == TRUE for item, at in layout.items[name].items() if self._truths[at] != UNKNOWN
        }
        return known or None


def facts_at(program: Program, layout: Layout, block: Block, row: int, names: Iterable[str]) -> dict[str, FactValue]:
    """Some plain facts of a row as they were sent."""
    sent = RowFacts(program, layout, block.numbers, block.truths, row)
    found = ((name, sent.get(name)) for name in names)
    return {name: value for name, value in found if value is not None}
