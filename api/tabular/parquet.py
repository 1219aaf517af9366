"""Parquet files → records. Columns have types: what nearly fits is refused before anything is judged.

fact                       columns that fit
integer                    any whole number; decimals and floats are looked at value by value
number, percent            any number; a float32 counts by its shortest text
boolean                    bool
category, grade            string, also as a dictionary
date                       date32, date64, or string like `2025-12-31`
checklist                  struct or map of bool, or string of JSON
any of these with periods  the same, or struct or map by period, or string of JSON
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.tabular.grid import require_places
from api.tabular.names import BadHeadings, Column, Names, Unclear
from api.tabular.records import (
    BLOCK_RECORDS,
    BadFile,
    Budget,
    ColumnPlace,
    Defaults,
    Fault,
    Notice,
    Origin,
    Parsed,
    Row,
)
from api.tabular.streams import seekable
from engine.check.ir import FactSpec
from engine.diagnostics import did_you_mean
from engine.periods import BadPeriod

__all__ = ["ParquetTable"]

_MAX_FILE_BYTES = 100_000_000_000
_ENCODE = msgspec.json.Encoder().encode
_EXPECTED = {
    "integer": "int64",
    "number": "double or decimal",
    "percent": "double or decimal",
    "boolean": "bool",
    "category": "string",
    "grade": "string",
    "date": "date32, or string like `2025-12-31`",
}
_DAMAGED = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)
"""What Arrow raises for files that are not as it expects."""
_WITHOUT_THREADS = pa.ipc.IpcReadOptions(use_threads=False)
_IDS = ("id", "parent", "name")


@dataclass(frozen=True, slots=True)
class _Bad:
    """A value that is none; why."""

    detail: str


@dataclass(frozen=True, slots=True)
class _Reading:
    """A column of the file that holds something. `json`: a text that begins with a brace is an object."""

    name: str
    column: Column
    json: bool = False


class ParquetTable:
    """A `Table` of a Parquet file. Raises BadFile and BadHeadings."""

    notices: Sequence[Notice] = ()

    def __init__(
        self, stream: BinaryIO, facts: Sequence[FactSpec], defaults: Defaults, ignored: Iterable[str], budget: Budget
    ) -> None:
        self._budget = budget
        self._defaults = defaults
        try:
            # Without threads and read-ahead: memory stays small, and the process can still be forked.
            self._file = pq.ParquetFile(seekable(stream, _MAX_FILE_BYTES), pre_buffer=False, buffer_size=1 << 20)
            schema: pa.Schema = self._file.schema_arrow
        except _DAMAGED as error:
            raise BadFile(f"it is no Parquet file that can be read: {_first_line(error)}") from None
        if len(schema) > budget.limits.columns:
            raise BadFile(f"it has more than {budget.limits.columns:,} columns")
        self._whole: int = self._file.metadata.num_rows
        budget.row(self._whole)
        self._readings = _read_schema(schema, Names(facts, ignored), defaults)
        self._read = 0
        places: dict[tuple[str, ...], ColumnPlace] = {}
        given: set[str] = set()
        for reading in self._readings:
            column, at = reading.column, ColumnPlace(reading.column.heading)
            if column.place is not None:
                places[(column.place,)] = at
            for spec in column.specs:
                places["facts", spec.name, *([column.key] if column.key else [])] = at
                given.add(spec.name)
        self.origin = Origin(places, given=frozenset(given))
        self.families = any(reading.column.place == "parent" for reading in self._readings)

    def progress(self) -> tuple[int, int | None]:
        """Rows read, and how many there are."""
        return self._read, self._whole

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """The number of the first row, from 1, and the rows as an Arrow stream. Raises BadFile."""
        names = [reading.name for reading in self._readings]
        try:
            for batch in self._file.iter_batches(BLOCK_RECORDS, columns=names, use_threads=False):
                self._budget.in_time()
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as writer:
                    writer.write_batch(batch)
                yield self._read + 1, sink.getvalue().to_pybytes()
                self._read += batch.num_rows
        except _DAMAGED as error:
            raise BadFile(f"it is damaged after row {self._read:,}: {_first_line(error)}") from None

    def parse(self, block: object) -> Parsed:
        """The records of a block."""
        assert isinstance(block, tuple)
        first, content = block
        table = pa.ipc.open_stream(content, options=_WITHOUT_THREADS).read_all()
        columns = [_values(table.column(reading.name), reading) for reading in self._readings]
        parsed = Parsed([])
        for offset in range(table.num_rows):
            parsed.rows.append(self._row(first + offset, [values[offset] for values in columns], parsed.given))
        return parsed

    def _row(self, number: int, values: Sequence[object], given: set[str]) -> Row:
        said: dict[str, str | None] = {
            "id": None,
            "division": self._defaults.division,
            "subject": self._defaults.subject,
        }
        faults: list[Fault] = []
        facts: dict[str, object] = {}
        subject = self._defaults.subject or ""
        for reading, value in zip(self._readings, values, strict=True):
            column = reading.column
            if value is None:
                continue
            if isinstance(value, _Bad):
                faults.append(Fault("wrong-type", value.detail, ColumnPlace(column.heading)))
            elif column.place is not None:
                # Columns of places stand first, so the subject is known when facts are read.
                said[column.place] = str(value)
                subject = said["subject"] or ""
            else:
                name = column.fact(subject).name
                if column.key is None:
                    clash = facts.setdefault(name, value) is not value
                else:
                    parts = facts.setdefault(name, {})
                    clash = not isinstance(parts, dict)
                    if isinstance(parts, dict):
                        parts[column.key] = value
                if clash:
                    detail = f"`{name}` is given both whole and in parts"
                    faults.append(Fault("invalid-request", detail, ColumnPlace(column.heading)))
        for place in ("division", "subject"):
            if said[place] is None:
                at = self.origin.columns.get((place,))
                faults.append(Fault("invalid-request", f"`{place}` is missing: fill its column, or give --{place}", at))
        called = said.pop("name", None)
        id_ = said["id"] = said["id"] or called
        record: dict[str, object] = dict(said)
        if not faults:
            record["facts"] = facts
            given.update(facts)
        return Row(number, _ENCODE(record), self.origin, id_, called, said.get("parent"), tuple(faults))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


# --- the schema -------------------------------------------------------------------------------


def _read_schema(schema: pa.Schema, names: Names, defaults: Defaults) -> list[_Reading]:
    """What the columns hold, places first. Raises BadHeadings with every mistake."""
    found: list[_Reading] = []
    problems: list[str] = []
    seen: dict[tuple[object, ...], str] = {}
    for field in schema:
        if names.skips(field.name):
            continue
        shown = field.name[:60]
        try:
            column = names.column(field.name)
        except Unclear as unclear:
            problems.append(f"the column `{shown}` {unclear}")
            continue
        if column is None:
            help_ = names.hint(field.name)
            problems.append(f"unknown column `{shown}`" + (f": {help_}" if help_ else ""))
            continue
        if column.meaning in seen:
            problems.append(f"the columns `{seen[column.meaning][:60]}` and `{shown}` mean the same")
            continue
        seen[column.meaning] = field.name
        problem = _mismatch(field.type, column)
        if problem is not None:
            problems.append(f"the column `{shown}`: {problem}")
        found.append(
            _Reading(
                field.name, column, json=any(spec.period or spec.type_name == "checklist" for spec in column.specs)
            )
        )
    require = [reading.column for reading in found]
    try:
        require_places(require, defaults)
    except BadHeadings as missing:
        problems.extend(missing.problems)
    if problems:
        raise BadHeadings(problems)
    return sorted(found, key=lambda reading: reading.column.place is None)


def _mismatch(kind: pa.DataType, column: Column) -> str | None:
    """What is wrong with a column's type, or None where it fits."""
    if column.place is not None:
        fits = _is_text(kind) or pa.types.is_null(kind) or (column.place in _IDS and pa.types.is_integer(kind))
        return None if fits else f"expected string, found {kind}"
    for spec in column.specs:
        problem = _mismatch_of_fact(kind, spec, column)
        if problem is not None:
            return problem
    return None


def _mismatch_of_fact(kind: pa.DataType, spec: FactSpec, column: Column) -> str | None:
    if pa.types.is_null(kind):
        return None
    if column.item:
        return None if pa.types.is_boolean(kind) else f"expected bool, found {kind}"
    checklist = spec.type_name == "checklist"
    if column.key is None and (checklist or spec.period is not None):
        if _is_text(kind):
            return None
        if pa.types.is_struct(kind):
            return _mismatch_of_struct(kind, spec)
        if pa.types.is_map(kind) and _is_text(kind.key_type):
            return _mismatch_of_value(kind.item_type, "boolean" if checklist else spec.type_name, kind)
        if checklist:
            return f"expected a struct or map of bool, or JSON text, found {kind}"
    return _mismatch_of_value(kind, spec.type_name, kind)


def _mismatch_of_struct(kind: pa.StructType, spec: FactSpec) -> str | None:
    for i in range(kind.num_fields):
        field = kind.field(i)
        if spec.period is None:
            if field.name not in spec.options:
                help_ = did_you_mean(field.name, spec.options)
                return f"`{spec.name}` has no item `{field.name[:60]}`" + (f": {help_}" if help_ else "")
            problem = _mismatch_of_value(field.type, "boolean", field.type)
        else:
            try:
                spec.period.parse(field.name)
            except BadPeriod as error:
                return str(error)
            problem = _mismatch_of_value(field.type, spec.type_name, field.type)
        if problem is not None:
            return f"field `{field.name[:60]}`: {problem}"
    return None


def _mismatch_of_value(kind: pa.DataType, type_name: str, shown: pa.DataType) -> str | None:
    match type_name:
        case "integer" | "number" | "percent":
            fits = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
            fits = fits or pa.types.is_float32(kind) or pa.types.is_float64(kind)
        case "boolean":
            fits = pa.types.is_boolean(kind)
        case "date":
            fits = pa.types.is_date(kind) or _is_text(kind)
        case "category" | "grade":
            fits = _is_text(kind)
        case _:
            fits = False
    if fits or pa.types.is_null(kind):
        return None
    return f"expected {_EXPECTED.get(type_name, 'bool')}, found {shown}"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


# --- values -----------------------------------------------------------------------------------


def _values(column: Any, reading: _Reading) -> list[object]:
    """The values of a column as JSON would send them; None where null, `_Bad` where a value is none."""
    array = column.combine_chunks()
    values = _plain(array)
    if reading.column.place is not None:
        return [value if value is None or isinstance(value, _Bad) else str(value) for value in values]
    if reading.json and _is_text(array.type):
        return [
            _object(value) if isinstance(value, str) and value.lstrip().startswith("{") else value for value in values
        ]
    return values


def _plain(array: Any) -> list[object]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_map(kind):
        return _maps(array)
    if pa.types.is_float32(kind):
        # The shortest text of the float32: 0.1 and not 0.10000000149011612.
        array = pc.cast(pc.cast(array, pa.string()), pa.float64())
        kind = array.type
    if pa.types.is_float64(kind):
        return [_finite(value) for value in array.to_pylist()]
    if pa.types.is_decimal(kind):
        return [_of_decimal(value) for value in array.to_pylist()]
    if pa.types.is_date(kind):
        return [None if value is None else value.isoformat() for value in array.to_pylist()]
    try:
        found: list[object] = array.to_pylist()
    except UnicodeDecodeError:
        # The format does not check its texts.
        found = [_text(value) for value in array.cast(pa.binary()).to_pylist()]
    return found


def _text(value: bytes | None) -> object:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return _Bad("expected text, found bytes that are no UTF-8")


def _finite(value: float | None) -> object:
    return value if value is None or math.isfinite(value) else _Bad(f"expected a number, found {value}")


def _of_decimal(value: Decimal | None) -> object:
    """A decimal as the number that shows the same text; more digits than that cannot be kept, and are not rounded."""
    if value is None:
        return None
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else _Bad(f"{value} has more digits than can be kept exactly")


def _structs(array: Any) -> list[object]:
    names = [array.type.field(i).name for i in range(array.type.num_fields)]
    fields = [_plain(array.field(i)) for i in range(len(names))]
    valid = array.is_valid().to_pylist()
    found: list[object] = []
    for i, there in enumerate(valid):
        found.append(
            _together({name: values[i] for name, values in zip(names, fields, strict=True)}) if there else None
        )
    return found


def _maps(array: Any) -> list[object]:
    found: list[object] = []
    for start, end, there in zip(
        array.offsets.to_pylist()[:-1], array.offsets.to_pylist()[1:], array.is_valid().to_pylist(), strict=True
    ):
        keys, items = array.keys.slice(start, end - start), array.items.slice(start, end - start)
        found.append(_together(dict(zip(keys.to_pylist(), _plain(items), strict=True))) if there else None)
    return found


def _together(values: dict[str, object]) -> object:
    bad = next((value for value in values.values() if isinstance(value, _Bad)), None)
    return bad or {name: value for name, value in values.items() if value is not None}


def _object(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
