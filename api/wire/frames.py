"""Columns of Arrow → columns of a program, without a Python object for each value.

What a column cannot say (values by period, texts of JSON) and what is wrong is read fact by fact, row by row, as in a
single evaluation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.tabular.arrow import BadValue, concatenated, is_text, values_of
from api.tabular.names import Column
from api.wire.buffers import by_text, days_in, given_rows, numbers_in, offsets_in, options_in, truths_in, valid_rows
from engine.backends.columns import Block, Layout
from engine.backends.letters import Indexes
from engine.backends.vectors import UNKNOWN, Floats, Mask
from engine.check.ir import FactSpec, Program
from engine.facts import FactProblem, FactReader, Facts

__all__ = ["Frame", "Framed", "Raw"]

_NUMBERS = ("integer", "number", "percent")
Raw = tuple[dict[str, object], list[FactProblem]]
"""The facts of one row as JSON would send them, and what could not be said so."""


@dataclass(slots=True)
class Framed:
    """The columns of a program. By row: `problems` of bad facts; `read`, the facts that were read by themselves.

    `ignored`: facts of another subject that the frame has, and the rows that give them.
    """

    block: Block
    problems: dict[int, list[FactProblem]] = field(default_factory=dict)
    read: dict[int, Facts] = field(default_factory=dict)
    ignored: list[tuple[str, Mask]] = field(default_factory=list)


@dataclass(slots=True)
class _Matrix:
    """Numbers of a frame before their bounds are checked, one row for each column that holds some."""

    specs: list[FactSpec] = field(default_factory=list)
    rows: list[Floats] = field(default_factory=list)


class Frame:
    """Records as columns: each with what it holds. All arrays are of `count` values, of types that fit."""

    def __init__(self, count: int, columns: Sequence[tuple[Column, Any]]) -> None:
        self.count = count
        # Views are not taken by all functions of Arrow.
        self._columns = [
            (column, pc.cast(array, pa.large_string()) if pa.types.is_string_view(array.type) else array)
            for column, array in columns
            if not pa.types.is_null(array.type)
        ]

    def take(self, rows: Indexes) -> Frame:
        """Some rows of it."""
        chosen = pa.array(rows)
        return Frame(len(rows), [(column, array.take(chosen)) for column, array in self._columns])

    def part(self, start: int, stop: int) -> Frame:
        """Some rows of it, side by side."""
        return Frame(stop - start, [(column, array.slice(start, stop - start)) for column, array in self._columns])

    @classmethod
    def together(cls, frames: Sequence[Frame]) -> Frame:
        """The rows of several frames of the same columns."""
        columns = zip(*(frame._columns for frame in frames), strict=True)
        joined = [(parts[0][0], concatenated([array for _, array in parts])) for parts in columns]
        return cls(sum(frame.count for frame in frames), joined)

    def wrong(self, subject: str, reader: FactReader) -> Mask:
        """The rows whose facts are wrong as those of a subject."""
        layout = Layout({}, {}, {}, {})
        nothing = Block.empty(layout, self.count, lambda _: Facts())
        with np.errstate(all="ignore"):
            again = self._columns_into(nothing, layout, self._by_fact(subject, Framed(nothing)))
        for row, _, problems in self._read(np.flatnonzero(again), subject, reader):
            again[row] = bool(problems)
        return again

    def _read(self, rows: Indexes, subject: str, reader: FactReader) -> Iterator[tuple[int, Facts, list[FactProblem]]]:
        """Some rows read by themselves: each with its facts, and what is wrong with them."""
        for row, (raw, problems) in zip(rows.tolist(), self.raws(rows, subject), strict=True):
            facts, wrong_facts = reader.read(raw)
            yield row, facts, problems + wrong_facts

    def given(self, subjects: Iterable[str]) -> set[str]:
        """The facts that any row gives, as rows of these subjects name them."""
        full = [column for column, array in self._columns if array.null_count < len(array)]
        return {column.fact(subject).name for column in full for subject in subjects}

    def raws(self, rows: Indexes, subject: str) -> list[Raw]:
        """The facts of some rows, one by one."""
        found: list[Raw] = [({}, []) for _ in rows]
        if not found:
            return found
        chosen = pa.array(rows)
        for column, array in self._columns:
            spec = column.fact(subject)
            if subject not in spec.subjects:
                # Whatever it is, it says nothing of such a row.
                continue
            for (facts, problems), value in zip(found, values_of(array.take(chosen), column), strict=True):
                if value is not None:
                    problem = _put(facts, spec, column.key, value)
                    if problem is not None:
                        problems.append(problem)
        return found

    def block(self, program: Program, layout: Layout, reader: FactReader, whole: Mapping[int, Facts]) -> Framed:
        """The columns of a program. `whole`: facts, by row, that take the place of what the frame has there."""
        read = dict(whole)
        block = Block.as_sent(program, layout, self.count, read)
        framed = Framed(block, read=read)
        with np.errstate(all="ignore"):
            again = self._columns_into(block, layout, self._by_fact(program.subject, framed))
        for row, one in whole.items():
            again[row] = False
            block.put(layout, row, one)
        for row, facts, problems in self._read(np.flatnonzero(again), program.subject, reader):
            if problems:
                framed.problems[row] = problems
            else:
                read[row] = facts
            block.put(layout, row, Facts() if problems else facts)
        return framed

    def _columns_into(
        self, block: Block, layout: Layout, by_fact: Mapping[str, Sequence[tuple[FactSpec, Column, Any]]]
    ) -> Mask:
        """Write all columns into their places; returns the rows that must be read by themselves."""
        again = np.zeros(self.count, dtype=bool)
        matrix = _Matrix()
        for columns in by_fact.values():
            if len(columns) > 1 and not _are_items(columns):
                for _, _, array in columns:
                    again |= given_rows(array)
                continue
            for spec, column, array in columns:
                wrong = self._column(block, layout, matrix, spec, column, array)
                if wrong is not None:
                    again |= wrong
        _numbers_into(block, layout, matrix, again)
        return again

    def _by_fact(self, subject: str, framed: Framed) -> dict[str, list[tuple[FactSpec, Column, Any]]]:
        found: dict[str, list[tuple[FactSpec, Column, Any]]] = defaultdict(list)
        ignored: dict[str, Mask] = {}
        for column, array in self._columns:
            spec = column.fact(subject)
            if subject in spec.subjects:
                found[spec.name].append((spec, column, array))
            else:
                given = given_rows(array)
                ignored[spec.name] = given | ignored.get(spec.name, False)
        framed.ignored = [(name, given) for name, given in ignored.items() if given.any()]
        return found

    def _column(
        self, block: Block, layout: Layout, matrix: _Matrix, spec: FactSpec, column: Column, array: Any
    ) -> Mask | None:
        """Write a column into its place; returns the rows that must be read by themselves."""
        kind, size = array.type, self.count
        if column.item:
            assert column.key is not None
            at = layout.items.get(spec.name, {}).get(column.key)
            if at is not None:
                block.truths[at, :size] = truths_in(array)
            return None
        if column.key is not None or _is_by_period(spec, kind):
            return given_rows(array)
        if spec.type_name in _NUMBERS:
            numbers, wrong = numbers_in(array)
            matrix.specs.append(spec)
            matrix.rows.append(numbers)
            return wrong
        if spec.type_name == "boolean":
            if spec.name in layout.truths:
                block.truths[layout.truths[spec.name], :size] = truths_in(array)
            return None
        if spec.type_name == "checklist":
            return _checklist(block, layout.items.get(spec.name, {}), spec, array)
        numbers, wrong = days_in(array) if spec.type_name == "date" else options_in(array, spec.options)
        if spec.name in layout.numbers:
            block.numbers[layout.numbers[spec.name], :size] = numbers
        return wrong


def _put(facts: dict[str, object], spec: FactSpec, key: str | None, value: object) -> FactProblem | None:
    """Add a value to the facts of a record."""
    name = spec.name
    if isinstance(value, BadValue):
        return FactProblem("wrong-type", (name,) if key is None else (name, key), value.detail)
    if key is None:
        clash = facts.setdefault(name, value) is not value
    else:
        parts = facts.setdefault(name, {})
        clash = not isinstance(parts, dict) or key in parts
        if isinstance(parts, dict):
            parts[key] = value
    return FactProblem("wrong-type", (name,), f"`{name}` is given twice, or both whole and in parts") if clash else None


def _is_by_period(spec: FactSpec, kind: pa.DataType) -> bool:
    """True when the values of a column are by period, or must be looked at to know."""
    if spec.period is None:
        return False
    if spec.period.keyed_only or spec.type_name == "checklist" or pa.types.is_nested(kind):
        return True
    # Objects by period as text; categories and dates are text themselves, and what is none of them is looked at.
    return is_text(kind) and spec.type_name in ("boolean", *_NUMBERS)


def _are_items(columns: Sequence[tuple[FactSpec, Column, Any]]) -> bool:
    """True when each column is another item of one checklist."""
    return all(column.item for _, column, _ in columns) and len({c.key for _, c, _ in columns}) == len(columns)


def _numbers_into(block: Block, layout: Layout, matrix: _Matrix, again: Mask) -> None:
    """Check bounds, and that whole numbers are whole; add to `again` the rows that fail."""
    if not matrix.rows:
        return
    numbers = np.stack(matrix.rows)
    limits = [spec.bounds for spec in matrix.specs]
    assert all(limits)
    low = np.array([float(b[0]) for b in limits if b is not None])[:, None]
    high = np.array([float(b[1]) for b in limits if b is not None])[:, None]
    whole = np.array([spec.type_name == "integer" for spec in matrix.specs])
    wrong = (numbers < low) | (numbers > high)
    counts = numbers[whole]
    wrong[whole] |= (np.rint(counts) != counts) & ~np.isnan(counts)
    again |= wrong.any(axis=0)
    own = [i for i, spec in enumerate(matrix.specs) if spec.name in layout.numbers]
    at = [layout.numbers[matrix.specs[i].name] for i in own]
    block.numbers[at, : numbers.shape[1]] = numbers if len(own) == len(numbers) else numbers[own]


def _checklist(block: Block, at: Mapping[str, int], spec: FactSpec, array: Any) -> Mask | None:
    kind = array.type
    if is_text(kind):
        return given_rows(array)
    if pa.types.is_map(kind):
        return _items_of_maps(block, at, spec, array)
    valid = valid_rows(array)
    for i in range(kind.num_fields):
        row = at.get(kind.field(i).name)
        if row is not None:
            truths = truths_in(array.field(i))
            if valid is not None:
                truths[~valid] = UNKNOWN
            block.truths[row, : len(array)] = truths
    return None


def _items_of_maps(block: Block, at: Mapping[str, int], spec: FactSpec, array: Any) -> Mask | None:
    offsets = offsets_in(array)
    first, last = int(offsets[0]), int(offsets[-1])
    lengths = np.diff(offsets)
    valid = valid_rows(array)
    rows = np.repeat(np.arange(len(array)), lengths)
    options = {option: float(i) for i, option in enumerate(spec.options)}
    items, wrong = by_text(array.keys.slice(first, last - first), lambda key: options.get(key, -1.0))
    truths = truths_in(array.items.slice(first, last - first))
    here = np.ones(len(rows), dtype=bool) if valid is None else valid[rows]
    if at:
        places = np.array([at[option] for option in spec.options], dtype=np.intp)
        told = here & ~np.isnan(items)
        # Of a key that stands twice the last counts, as in JSON.
        block.truths[places[items[told].astype(np.intp)], rows[told]] = truths[told]
    if wrong is None:
        return None
    again = np.zeros(len(array), dtype=bool)
    again[rows[wrong & here]] = True
    return again
