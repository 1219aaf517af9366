"""Many records as an Arrow IPC stream, answered with one: `POST /v1/evaluations/batch` in columns."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from api.problems import Problem, problem_body
from api.services.frames import FrameBatch, Tied
from api.services.kin import Records, together
from api.services.told import named, nulls
from api.tabular.arrow import concatenated
from api.wire.frames import Frame
from api.wire.streams import Columns, read_columns, read_stream
from api.wire.verdicts import joined

__all__ = ["BLOCK_RECORDS", "ArrowBatch"]

BLOCK_RECORDS = 8_192
"""Records that are judged together. Larger batches are cut, smaller ones put together."""

_ENCODE = msgspec.json.Encoder().encode
_ERROR = pa.struct([(name, pa.string()) for name in ("type", "title", "detail", "pointer", "help", "more")])
_TOLD = ("type", "title", "detail", "pointer", "help")


class ArrowBatch(FrameBatch):
    """One batch that came as an Arrow stream."""

    def arrow(self, body: bytes) -> bytes:
        """The reply. Raises Problem."""
        self.meter.begin()
        schema, batches = read_stream(body, self._limits, self._limit, self._in_time)
        self._check_length(sum(batch.num_rows for batch in batches))
        columns = read_columns(schema, self._plans.columns)
        blocks = [_records(columns, block) for block in _cut(batches)]
        # Together only where they must be: that copies all of them.
        tied = self.gathered(together(blocks)) if any(block.names_parents for block in blocks) else None
        self.meter.end("decode")
        # The words of one column must be the same in all batches, so they are put in when all are known.
        told = []
        first = 0
        for block in blocks:
            self._in_time()
            told.append((block.ids, *self._told(block, tied, first)))
            first += block.frame.count
        self.meter.begin()
        reply = self._written(told)
        self.meter.end("encode")
        return reply

    def _in_time(self) -> None:
        if time.monotonic() > self._give_up_at:
            raise Problem("took-too-long", f"the batch did not end within {self._seconds:g} seconds")

    def _check_length(self, records: int) -> None:
        if records > self._limit:
            detail = f"expected at most {self._limit:,} records with detail `{self._options.detail}`, found {records:,}"
            raise Problem("too-many-records", detail)

    def _told(self, records: Records, tied: Tied | None, first: int) -> tuple[dict[str, Any], Any]:
        told = self.judged(records, tied, first)
        return told.columns, self._errors(told.problems, records.frame.count)

    def _errors(self, problems: Mapping[int, Problem], count: int) -> Any:
        """The error of each row that has one. What has no column of its own is JSON in `more`."""
        if not problems:
            return pa.nulls(count, _ERROR)
        rows: list[dict[str, object] | None] = [None] * count
        for row, problem in problems.items():
            body = problem_body(problem, self._language, status=False)
            told = {name: body.pop(name) for name in _TOLD if name in body}
            rows[row] = {**told, "more": _ENCODE(body) if body else None}
        return pa.array(rows, _ERROR)

    def _written(self, told: Sequence[tuple[Any, dict[str, Any], Any]]) -> bytes:
        rulesets, names = pa.array(self.ruleset_names, pa.string()), self.telling.names.array()
        empty = {name: nulls(kind, 0) for name, kind in self.fields().items()}
        head = {"id": pa.nulls(0, pa.string()), **named(empty, rulesets, names), "error": pa.nulls(0, _ERROR)}
        about: dict[bytes | str, bytes | str] = {"rulesets": joined(self.rulesets), "counts": self._counted()}
        schema = pa.schema([(name, array.type) for name, array in head.items()], metadata=about)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, schema) as writer:
            for ids, columns, errors in told:
                first = pa.nulls(len(errors), pa.string()) if ids is None else ids
                arrays = [first, *named(columns, rulesets, names).values(), errors]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
        written: bytes = sink.getvalue().to_pybytes()
        return written


# --- records ----------------------------------------------------------------------------------


def _cut(batches: Sequence[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about the size of a block; empty ones are left out."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        if waiting and rows + batch.num_rows > BLOCK_RECORDS:
            yield _as_one(waiting)
            waiting, rows = [], 0
        if batch.num_rows > BLOCK_RECORDS:
            for start in range(0, batch.num_rows, BLOCK_RECORDS):
                yield batch.slice(start, BLOCK_RECORDS)
        elif batch.num_rows:
            waiting.append(batch)
            rows += batch.num_rows
    if waiting:
        yield _as_one(waiting)


def _as_one(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    columns = zip(*(batch.columns for batch in batches), strict=True)
    return pa.record_batch([concatenated(parts) for parts in columns], names=batches[0].schema.names)


def _records(columns: Columns, batch: pa.RecordBatch) -> Records:
    places = {name: batch.column(i) for name, i in columns.places.items()}
    frame = Frame(batch.num_rows, [(column, batch.column(i)) for i, column in columns.facts])
    ids, parents = (_texts(places[name]) if name in places else None for name in ("id", "parent"))
    return Records(frame, _words(places["division"]), _words(places["subject"]), ids, parents)


def _words(array: Any) -> Any:
    return array if pa.types.is_dictionary(array.type) else _texts(array)


def _texts(array: Any) -> Any:
    """Strings; whole numbers become their text."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())
