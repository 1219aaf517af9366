"""Columns to and from Parquet, typed as a platform would: whole numbers, decimals, booleans, words, days; or null."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.synthetic import FALSE, TRUE, UNKNOWN, Columns, Floats, Truths, item_column
from engine.check.ir import FactSpec, Program

__all__ = ["batch", "read", "write"]

_EPOCH = date(1970, 1, 1).toordinal()


def write(path: Path, columns: Columns, heads: Mapping[str, Any]) -> None:
    """One column per fact (one per item of a checklist), after those of `heads`."""
    table = _table(columns, heads, lambda name, items: {item_column(name, i): array for i, array in items.items()})
    pq.write_table(pa.table(table), path)


def batch(columns: Columns, heads: Mapping[str, Any]) -> pa.RecordBatch:
    """The same as one batch of Arrow, a checklist as a struct of its items."""
    return pa.record_batch(
        _table(
            columns,
            heads,
            lambda name, items: {name: pa.StructArray.from_arrays(list(items.values()), names=list(items))},
        )
    )


def _table(
    columns: Columns, heads: Mapping[str, Any], checklist: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    table: dict[str, Any] = dict(heads)
    for name, spec in columns.program.facts.items():
        match spec.type_name:
            case "boolean":
                table[name] = _booleans(columns.truths[name])
            case "checklist":
                items = {item: _booleans(columns.truths[item_column(name, item)]) for item in spec.options}
                table.update(checklist(name, items))
            case _:
                column = columns.numbers[name]
                # What nobody sent is no column: a platform would not invent it.
                if not np.isnan(column).all():
                    table[name] = _typed(spec, column)
    return table


def _booleans(column: Truths) -> Any:
    return pa.array(column == TRUE, mask=column == UNKNOWN)


def _typed(spec: FactSpec, column: Floats) -> Any:
    missing = np.isnan(column)
    plain = np.where(missing, 0, column)
    match spec.type_name:
        case "integer":
            return pa.array(plain.astype(np.int32), mask=missing)
        case "date":
            return pa.array((plain - _EPOCH).astype(np.int32), pa.int32(), mask=missing).cast(pa.date32())
        case "category" | "grade":
            indexes: Any = pa.array(plain.astype(np.int8), mask=missing)
            return pa.DictionaryArray.from_arrays(indexes, pa.array(spec.options))
        case _:
            return pa.array(plain, mask=missing)


def read(path: Path, program: Program) -> tuple[Columns, pa.Table]:
    """The columns of a file, and the file itself for what else it has."""
    table = pq.read_table(path)
    present = set(table.column_names)
    numbers: dict[str, Floats] = {}
    truths: dict[str, Truths] = {}
    for name, spec in program.facts.items():
        match spec.type_name:
            case "boolean":
                truths[name] = _read_truths(table, name, present)
            case "checklist":
                for item in spec.options:
                    column = item_column(name, item)
                    truths[column] = _read_truths(table, column, present)
            case _:
                numbers[name] = _read_numbers(table, spec, present)
    return Columns(program, numbers, truths, np.zeros(table.num_rows, dtype=np.uint8)), table


def _read_truths(table: pa.Table, name: str, present: set[str]) -> Truths:
    if name not in present:
        return np.full(table.num_rows, UNKNOWN, dtype=np.uint8)
    column: Any = table.column(name).combine_chunks()
    plain: Any = pc.if_else(column, pa.scalar(TRUE, pa.uint8()), pa.scalar(FALSE, pa.uint8()))
    truths: Truths = plain.fill_null(UNKNOWN).to_numpy()
    return truths


def _read_numbers(table: pa.Table, spec: FactSpec, present: set[str]) -> Floats:
    if spec.name not in present:
        return np.full(table.num_rows, np.nan)
    column: Any = table.column(spec.name).combine_chunks()
    offset = 0
    if isinstance(column, pa.DictionaryArray):
        places = [spec.options.index(word) for word in column.dictionary.to_pylist()]
        column = pc.take(pa.array(places, pa.float64()), column.indices)
    elif pa.types.is_date(column.type):
        column, offset = column.cast(pa.int32()), _EPOCH
    found: Floats = column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return found + offset if offset else found
