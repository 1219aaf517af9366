"""Parquet files → records. Columns have types: what nearly fits is refused before anything is judged.

Which types fit stands in `api/tabular/arrow.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from api.tabular.arrow import BadValue, is_text, mismatch, values_of
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

__all__ = ["Arrays", "ParquetTable"]

_MAX_FILE_BYTES = 100_000_000_000
_ENCODE = msgspec.json.Encoder().encode
_DAMAGED = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError)
"""What Arrow raises for files that are not as it expects."""
_WITHOUT_THREADS = pa.ipc.IpcReadOptions(use_threads=False)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A column of the file that holds something."""

    name: str
    column: Column


@dataclass(frozen=True, slots=True)
class Arrays:
    """A block of records as columns. `first`: the number of the first row, from 1. `places`: what they are about."""

    first: int
    count: int
    places: Mapping[str, Any]
    facts: Sequence[tuple[Column, Any]]


class ParquetTable:
    """A `Table` of a Parquet file. Raises BadFile and BadHeadings."""

    notices: Sequence[Notice] = ()

    def __init__(
        self, stream: BinaryIO, facts: Sequence[FactSpec], defaults: Defaults, ignored: Iterable[str], budget: Budget
    ) -> None:
        self._budget = budget
        self.defaults = defaults
        self.block_records = BLOCK_RECORDS
        try:
            whole = seekable(stream, _MAX_FILE_BYTES)
            self._file = _opened(whole)
            schema: pa.Schema = self._file.schema_arrow
        except _DAMAGED as error:
            raise BadFile(f"it is no Parquet file that can be read: {_first_line(error)}") from None
        if len(schema) > budget.limits.columns:
            raise BadFile(f"it has more than {budget.limits.columns:,} columns")
        self._whole: int = self._file.metadata.num_rows
        budget.row(self._whole)
        self._readings = _read_schema(schema, Names(facts, ignored), defaults)
        names = {reading.name for reading in self._readings}
        _refuse_long_columns(self._file.metadata, names, budget.limits.column_bytes)
        texts = [field.name for field in schema if field.name in names and is_text(field.type)]
        if texts:
            self._file = _opened(whole, texts)
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
            for read in self._file.iter_batches(self.block_records, columns=names, use_threads=False):
                self._budget.in_time()
                batch = self._spelled_out(read)
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as writer:
                    writer.write_batch(batch)
                yield self._read + 1, sink.getvalue().to_pybytes()
                self._read += batch.num_rows
        except _DAMAGED as error:
            raise BadFile(f"it is damaged after row {self._read:,}: {_first_line(error)}") from None

    def _spelled_out(self, batch: Any) -> Any:
        """A batch with its texts as such. Raises BadFile where one text, written once, would fill the memory."""
        limit, spent = self._budget.limits.text_bytes, 0
        columns = []
        for column in batch.columns:
            if not pa.types.is_dictionary(column.type):
                columns.append(column)
                continue
            lengths = pc.binary_length(column.dictionary)
            if (pc.max(lengths).as_py() or 0) * len(column) > limit:
                spent += pc.sum(lengths.take(column.indices)).as_py() or 0
                if spent > limit:
                    rows = f"rows {self._read + 1:,} to {self._read + batch.num_rows:,}"
                    raise BadFile(f"{rows} hold more than {limit:,} bytes of text")
            columns.append(column.dictionary_decode())
        return pa.record_batch(columns, names=batch.schema.names)

    def arrays(self, block: object) -> Arrays | None:
        """The columns of a block, or None where it must be looked at row by row: Parquet does not check its texts."""
        assert isinstance(block, tuple)
        first, content = block
        batch = pa.ipc.open_stream(content, options=_WITHOUT_THREADS).read_next_batch()
        try:
            batch.validate(full=True)
        except pa.ArrowException:
            return None
        arrays: list[tuple[Column, Any]] = [(r.column, batch.column(r.name)) for r in self._readings]
        facts = [(column, array) for column, array in arrays if column.place is None]
        return Arrays(first, batch.num_rows, {c.place: _texts(array) for c, array in arrays if c.place}, facts)

    def parse(self, block: object) -> Parsed:
        """The records of a block."""
        assert isinstance(block, tuple)
        first, content = block
        table = pa.ipc.open_stream(content, options=_WITHOUT_THREADS).read_all()
        columns = [values_of(table.column(reading.name).combine_chunks(), reading.column) for reading in self._readings]
        parsed = Parsed([])
        for offset in range(table.num_rows):
            parsed.rows.append(self._row(first + offset, [values[offset] for values in columns], parsed.given))
        return parsed

    def _row(self, number: int, values: Sequence[object], given: set[str]) -> Row:
        said: dict[str, str | None] = {
            "id": None,
            "division": self.defaults.division,
            "subject": self.defaults.subject,
        }
        faults: list[Fault] = []
        facts: dict[str, object] = {}
        subject = self.defaults.subject or ""
        for reading, value in zip(self._readings, values, strict=True):
            column = reading.column
            if value is None:
                continue
            if column.place is not None:
                if isinstance(value, BadValue):
                    faults.append(Fault("wrong-type", value.detail, ColumnPlace(column.heading)))
                    continue
                # Columns of places stand first, so the subject is known when facts are read.
                said[column.place] = str(value)
                subject = said["subject"] or ""
            elif subject not in (spec := column.fact(subject)).subjects:
                # Whatever it is, it says nothing of such a row but that it is there.
                facts[spec.name] = 0
            elif isinstance(value, BadValue):
                faults.append(Fault("wrong-type", value.detail, ColumnPlace(column.heading)))
            else:
                name = spec.name
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
        id_ = said["id"] = said["id"] or called or None
        record: dict[str, object] = dict(said)
        if not faults:
            record["facts"] = facts
            given.update(facts)
        return Row(number, _ENCODE(record), self.origin, id_, called, said.get("parent"), tuple(faults))


def _opened(stream: BinaryIO, texts: Sequence[str] = ()) -> Any:
    """A file whose columns of texts are read with each text once, as they stand there.

    Without threads and read-ahead: memory stays small, and the process can still be forked.
    """
    return pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20, read_dictionary=list(texts))


def _refuse_long_columns(metadata: Any, names: set[str], limit: int) -> None:
    """Raise BadFile for a column whose part of one row group is too long to be unpacked."""
    for group in range(metadata.num_row_groups):
        for i in range(metadata.num_columns):
            column = metadata.row_group(group).column(i)
            name = column.path_in_schema.split(".")[0]
            if column.total_uncompressed_size > limit and (name in names or column.path_in_schema in names):
                raise BadFile(
                    f"the column `{name[:60]}` unpacks to {column.total_uncompressed_size:,} bytes in row group "
                    f"{group + 1:,}, more than {limit:,}: write smaller row groups"
                )


def _texts(array: Any) -> Any:
    """What rows are about, as strings; a dictionary stays one."""
    return array if pa.types.is_dictionary(array.type) else pc.cast(array, pa.string())


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
        problem = mismatch(field.type, column)
        if problem is not None:
            problems.append(f"the column `{shown}`: {problem}")
        found.append(_Reading(field.name, column))
    require = [reading.column for reading in found]
    try:
        require_places(require, defaults)
    except BadHeadings as missing:
        problems.extend(missing.problems)
    if problems:
        raise BadHeadings(problems)
    return sorted(found, key=lambda reading: reading.column.place is None)
