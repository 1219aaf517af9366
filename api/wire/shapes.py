"""Records of one plan as they lie in JSON, decoded straight into columns.

For each plan there is one prebuilt decoder that knows the plan's facts by name and type, and takes nothing else. What
it refuses, or what does not fit a column (values by period), is read fact by fact as in a single evaluation.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any, Protocol

import msgspec
import numpy as np

from engine.backends.columns import Block, Layout
from engine.backends.vectors import FALSE, TRUE, UNKNOWN
from engine.check.ir import FactSpec, Program
from engine.facts import Facts
from engine.periods import FIRST_YEAR, LAST_YEAR, parse_day

__all__ = ["Shape", "ShapedRecord"]

_ABSENT = 2
"""Stands for a yes-or-no that was not sent: the bytes of `true`, `false` and this one are 1, 0 and 2."""
_TRUTHS = np.array([FALSE, TRUE, UNKNOWN], dtype=np.uint8)
_NUMBERS = ("integer", "number", "percent")
_WORDS = ("category", "grade", "date")

astuple = msgspec.structs.astuple


class ShapedRecord(Protocol):
    """A record as a shape decodes it."""

    division: str
    subject: str
    facts: Any
    id: str | None


@dataclass(slots=True)
class _Fields:
    """The facts of a program by kind, in the order in which a decoded record holds them."""

    truths: list[FactSpec] = field(default_factory=list)
    numbers: list[FactSpec] = field(default_factory=list)
    words: list[FactSpec] = field(default_factory=list)
    checklists: list[FactSpec] = field(default_factory=list)
    # Checklists that may come by period: an object either way.
    others: list[FactSpec] = field(default_factory=list)

    @classmethod
    def of(cls, program: Program) -> _Fields:
        found = cls()
        for spec in program.facts.values():
            if spec.type_name == "boolean":
                found.truths.append(spec)
            elif spec.type_name in _NUMBERS:
                found.numbers.append(spec)
            elif spec.type_name in _WORDS:
                found.words.append(spec)
            elif spec.period is None:
                found.checklists.append(spec)
            else:
                found.others.append(spec)
        return found

    def all(self) -> list[FactSpec]:
        return [*self.truths, *self.numbers, *self.words, *self.checklists, *self.others]


class Shape:
    """How the records of one program are decoded and become columns. Built once."""

    def __init__(self, program: Program, layout: Layout) -> None:
        self.subject = program.subject
        self._program = program
        self._layout = layout
        fields = _Fields.of(program)
        self._names = [spec.name for spec in fields.all()]
        lists = {spec.name: _checklist(spec) for spec in fields.checklists}
        types: list[tuple[str, Any, Any]] = []
        for i, spec in enumerate(fields.all()):
            if spec.name in lists:
                types.append((f"f{i}", lists[spec.name] | None, lists[spec.name]()))
            else:
                types.append((f"f{i}", *_scalar(spec)))
        facts = msgspec.defstruct(
            "Facts",
            types,
            rename={f"f{i}": name for i, name in enumerate(self._names)},
            forbid_unknown_fields=True,
            gc=False,
        )
        self._empty = facts()
        record = msgspec.defstruct(
            "Record",
            [("division", str), ("subject", str), ("facts", facts), ("id", str | None, None)],
            forbid_unknown_fields=True,
            gc=False,
        )
        self.decode: Callable[[bytes | msgspec.Raw], Any] = msgspec.json.Decoder(record).decode
        self._first_word = len(fields.truths) + len(fields.numbers)
        self._first_list = self._first_word + len(fields.words)
        self._after_lists = self._first_list + len(fields.checklists)
        items = [row for spec in fields.checklists for row in layout.items[spec.name].values()]
        self._truth_rows = np.array([layout.truths[s.name] for s in fields.truths], dtype=np.intp)
        self._item_rows = np.array(items, dtype=np.intp)
        self._number_rows = np.array([layout.numbers[s.name] for s in fields.numbers], dtype=np.intp)
        self._pack = struct.Struct(f"={len(fields.truths)}B{len(fields.numbers)}d{len(items)}B").pack
        self._packed = np.dtype(
            [
                ("truths", "u1", (len(fields.truths),)),
                ("numbers", "f8", (len(fields.numbers),)),
                ("items", "u1", (len(items),)),
            ]
        )
        self._words = [(s.name, layout.numbers[s.name], _word_reader(s, layout)) for s in fields.words]
        self._others = [layout.items[s.name] for s in fields.others]
        limits = [s.bounds for s in fields.numbers]
        assert all(limits)
        self._low = np.array([float(b[0]) for b in limits if b is not None]).reshape(-1, 1)
        self._high = np.array([float(b[1]) for b in limits if b is not None]).reshape(-1, 1)
        self._whole = np.array([s.type_name == "integer" for s in fields.numbers], dtype=bool).reshape(-1, 1)
        # What stands for a null: that the fact was not sent.
        self._defaults = astuple(self._empty)

    def block(self, facts: Sequence[Any], read: Mapping[int, Facts]) -> tuple[Block, list[int]]:
        """The columns of decoded facts, and the rows that must be read fact by fact before they count.

        `read` holds the rows that were; they take the place of what `facts` has there.
        """
        block = Block.as_sent(self._program, self._layout, len(facts), read)
        refused: list[int] = []
        tuples = [astuple(f) for f in facts]
        packed = self._packed_rows(tuples, refused)
        self._words_into(block, tuples, refused)
        size = len(facts)
        block.truths[self._truth_rows, :size] = _TRUTHS[packed["truths"].T]
        block.truths[self._item_rows, :size] = _TRUTHS[packed["items"].T]
        numbers = packed["numbers"].T
        block.numbers[self._number_rows, :size] = numbers
        with np.errstate(invalid="ignore"):
            wrong = (numbers < self._low) | (numbers > self._high) | (self._whole & (np.rint(numbers) != numbers))
        wrong &= ~np.isnan(numbers)
        self._objects_into(block, tuples, refused)
        refused.extend(np.flatnonzero(wrong.any(axis=0)).tolist())
        for row, one in read.items():
            block.put(self._layout, row, one)
        again = sorted(set(refused) - read.keys())
        for row in again:
            block.put(self._layout, row, Facts())
        return block, again

    def _packed_rows(self, tuples: list[tuple[Any, ...]], refused: list[int]) -> Any:
        pack, flat = self._pack, self._flat
        try:
            data = b"".join([pack(*flat(values)) for values in tuples])
        except (TypeError, struct.error):
            # Some record has a null, or something that is no column's value. Each is looked at by itself.
            rows: list[bytes] = []
            nothing = pack(*flat(self._defaults))
            for row, values in enumerate(tuples):
                try:
                    rows.append(pack(*flat(self._without_nulls(values))))
                except (TypeError, struct.error):
                    rows.append(nothing)
                    refused.append(row)
            data = b"".join(rows)
        # Without any such field there is nothing to look into, which `frombuffer` refuses.
        return np.frombuffer(data, dtype=self._packed) if data else np.empty(len(tuples), dtype=self._packed)

    def _flat(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        lists = values[self._first_list : self._after_lists]
        return (*values[: self._first_word], *chain.from_iterable(map(astuple, lists)))

    def _without_nulls(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        found = [default if v is None else v for v, default in zip(values, self._defaults, strict=True)]
        for i in range(self._first_list, self._after_lists):
            items = astuple(found[i])
            if None in items:
                found[i] = type(found[i])(*[_ABSENT if item is None else item for item in items])
        return tuple(found)

    def _objects_into(self, block: Block, tuples: list[tuple[Any, ...]], refused: list[int]) -> None:
        for place, rows in enumerate(self._others, self._after_lists):
            for row, values in enumerate(tuples):
                ticked = values[place]
                if ticked is None:
                    continue
                if not all(item in rows and (t is None or type(t) is bool) for item, t in ticked.items()):
                    refused.append(row)
                    continue
                for item, t in ticked.items():
                    block.truths[rows[item], row] = UNKNOWN if t is None else TRUE if t else FALSE

    def _words_into(self, block: Block, tuples: list[tuple[Any, ...]], refused: list[int]) -> None:
        for place, (_, at, read) in enumerate(self._words, self._first_word):
            column = [values[place] for values in tuples]
            try:
                block.numbers[at, : len(column)] = [read(word) for word in column]
            except (KeyError, TypeError):
                for row, word in enumerate(column):
                    try:
                        block.numbers[at, row] = read(word)
                    except (KeyError, TypeError):
                        refused.append(row)

    def raw(self, facts: Any) -> dict[str, object]:
        """Decoded facts as they were sent, without nulls."""
        found: dict[str, object] = {}
        for name, value, default in zip(self._names, astuple(facts), self._defaults, strict=True):
            if value is None or value is default:
                continue
            items = self._layout.items.get(name)
            if items is None or isinstance(value, dict):
                found[name] = value
            else:
                ticked = zip(items, astuple(value), strict=True)
                found[name] = {item: v for item, v in ticked if v is not None and v is not _ABSENT}
        return found

    @property
    def nothing(self) -> Any:
        """Decoded facts of a record that sent none."""
        return self._empty


def _checklist(spec: FactSpec) -> Any:
    items = [(f"i{n}", bool | None, _ABSENT) for n in range(len(spec.options))]
    return msgspec.defstruct(
        "Checklist",
        items,
        rename={f"i{n}": option for n, option in enumerate(spec.options)},
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )


def _scalar(spec: FactSpec) -> tuple[Any, Any]:
    """The type of a fact in JSON, and what stands for its absence."""
    type_: Any
    absent: Any
    if spec.type_name == "boolean":
        type_, absent = bool | None, _ABSENT
    elif spec.type_name in _NUMBERS:
        type_, absent = int | float | None, math.nan
    elif spec.type_name == "checklist":
        return dict[str, Any] | None, None
    else:
        type_, absent = str | None, None
    if spec.period is None:
        return type_, absent
    return (dict[str, Any] | None if spec.period.keyed_only else type_ | dict[str, Any]), absent


def _word_reader(spec: FactSpec, layout: Layout) -> Callable[[str | None], float]:
    """The number that stands for a word. Raises KeyError for one that is not allowed, TypeError for no word."""
    if spec.type_name == "date":
        return _ordinal
    numbers: dict[str | None, float] = {option: float(i) for option, i in layout.options[spec.name].items()}
    numbers[None] = math.nan
    return numbers.__getitem__


@lru_cache(maxsize=65_536)
def _ordinal(text: str | None) -> float:
    if text is None:
        return math.nan
    day: date | None = parse_day(text)
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise KeyError(text)
    return float(day.toordinal())
