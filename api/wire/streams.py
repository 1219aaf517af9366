"""An Arrow IPC stream as it came over the wire → record batches that are safe to look into.

The stream is looked over before anything is unpacked: how far it goes, how much its buffers unpack to, how many records
it has. What a record batch says of itself (offsets, places in dictionaries, UTF-8) is checked before it is used.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.problems import Problem, ProblemError, pointer
from api.settings import Limits
from api.tabular.arrow import is_text, mismatch
from api.tabular.names import Column
from engine.check.ir import FactSpec
from engine.facts import called_otherwise
from engine.nearest import did_you_mean

__all__ = ["PLACES", "Columns", "known_columns", "read_columns", "read_stream"]

PLACES = ("division", "subject", "id", "parent")
_REQUIRED = ("division", "subject")
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_WITHOUT_THREADS = pa.ipc.IpcReadOptions(use_threads=False)
_MOST_ERRORS = 20
_MOST_COLUMNS = 10_000
_OTHERS = {
    b"ARROW1": "an Arrow file",
    b"PAR1": "a Parquet file",
    b"{": "JSON",
    b"\x1f\x8b": "compressed with gzip, which `Content-Encoding` does not say",
    b"\x28\xb5\x2f\xfd": "compressed with zstd, which `Content-Encoding` does not say",
}
"""How bodies begin that are sent in place of a stream."""
_WRITE = "write the records with a stream writer, as `pyarrow.ipc.new_stream`, and send what it wrote"
_UNREADABLE = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)
"""What Arrow raises for what it cannot read; UnicodeDecodeError of a name is a ValueError."""


def read_stream(
    body: bytes, limits: Limits, most: int, in_time: Callable[[], None]
) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """The schema and the record batches of a stream, checked. Raises Problem.

    `most`: how many records there may be; of more only the number is looked at. `in_time` is called for each batch and
    may raise a Problem.
    """
    if not body:
        raise Problem("malformed-arrow", "the body is empty: send an Arrow IPC stream")
    for magic, found in _OTHERS.items():
        if body.startswith(magic):
            raise Problem(
                "malformed-arrow", f"the body is {found}, and no Arrow IPC stream that can be read", help=_WRITE
            )
    try:
        packed = _look_over(body)
        if packed > limits.unpacked_bytes:
            raise _too_large(limits)
        reader = pa.ipc.open_stream(pa.py_buffer(body), options=_WITHOUT_THREADS)
        schema: pa.Schema = reader.schema
        if len(schema) > _MOST_COLUMNS:
            raise Problem("malformed-arrow", f"expected at most {_MOST_COLUMNS:,} columns, found {len(schema):,}")
        batches: list[pa.RecordBatch] = []
        records = unpacked = 0
        for batch in reader:
            in_time()
            batches.append(batch)
            records += batch.num_rows
            if records > most:
                # Told by the caller, in words that fit its limit.
                continue
            batch.validate(full=True)
            unpacked += _unpacked(batch)
            if unpacked > limits.unpacked_bytes:
                raise _too_large(limits)
    except _UNREADABLE as error:
        raise _malformed(error) from None
    return schema, batches


def _malformed(error: BaseException) -> Problem:
    said = (str(error).splitlines() or [""])[0][:200]
    return Problem("malformed-arrow", f"it is no Arrow IPC stream that can be read: {said or type(error).__name__}")


def _too_large(limits: Limits) -> Problem:
    return Problem("body-too-large", f"the columns unpack to more than {limits.unpacked_bytes:,} bytes")


# --- before anything is unpacked --------------------------------------------------------------


def _look_over(body: bytes) -> int:
    """How many bytes the compressed buffers of a stream say they unpack to.

    Raises Problem for a stream that does not end where it should: without its end nobody knows what is missing.
    """
    source = pa.BufferReader(body)
    messages = pa.ipc.MessageReader.open_stream(source)
    total = 0
    for message in messages:
        if message.type in ("record batch", "dictionary batch") and message.body is not None:
            total += _announced(message.metadata.to_pybytes(), message.body, message.type == "dictionary batch")
    end: int = source.tell()
    if body[max(end - len(_END), 0) : end] != _END:
        raise Problem(
            "malformed-arrow",
            "the stream has no end-of-stream marker, so it may have been cut off",
            help="close the writer before sending what it wrote",
        )
    if end != len(body):
        raise Problem("malformed-arrow", f"{len(body) - end:,} bytes follow the end of the stream")
    return total


class _Tables:
    """As much of the FlatBuffers format as it takes to find fields of tables. Raises struct.error beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def number(self, form: str, at: int) -> int:
        if at < 0:
            raise struct.error("a place before the beginning")
        found: int = struct.unpack_from(form, self.data, at)[0]
        return found

    def follow(self, at: int) -> int:
        """What an offset that stands at a place leads to."""
        return at + self.number("<I", at)

    def field(self, table: int, index: int) -> int | None:
        """Where a field of a table stands, or None where it has its default."""
        names = table - self.number("<i", table)
        entry = 4 + 2 * index
        if entry + 2 > self.number("<H", names):
            return None
        offset = self.number("<H", names + entry)
        return table + offset if offset else None


_HEADER, _DICTIONARY_DATA, _BUFFERS, _COMPRESSION = 2, 1, 2, 3
"""Fields of Message, DictionaryBatch and RecordBatch, as numbered in Arrow's format/Message.fbs."""


def _announced(metadata: bytes, body: Any, in_dictionary: bool) -> int:
    """The bytes that the compressed buffers of a message say they unpack to: the first eight of each."""
    tables = _Tables(metadata)
    try:
        at = tables.field(tables.follow(0), _HEADER)
        batch = None if at is None else tables.follow(at)
        if batch is not None and in_dictionary:
            at = tables.field(batch, _DICTIONARY_DATA)
            batch = None if at is None else tables.follow(at)
        if batch is None or tables.field(batch, _COMPRESSION) is None:
            return 0
        at = tables.field(batch, _BUFFERS)
        if at is None:
            return 0
        vector = tables.follow(at)
        total = 0
        for i in range(tables.number("<I", vector)):
            offset, length = struct.unpack_from("<qq", metadata, vector + 4 + 16 * i)
            if length >= 8:
                (unpacked,) = struct.unpack_from("<q", body, offset)
                # -1: the buffer was left as it is.
                total += length if unpacked < 0 else unpacked
    except (struct.error, ValueError):
        raise Problem("malformed-arrow", "it is no Arrow IPC stream that can be read: a message is damaged") from None
    return total


def _unpacked(batch: pa.RecordBatch) -> int:
    """The bytes of a batch as if no two values shared any: texts of a dictionary count wherever they are used."""
    total: int = batch.nbytes
    for i, kind in enumerate(batch.schema.types):
        if not pa.types.is_dictionary(kind):
            continue
        array: Any = batch.column(i)
        total -= array.dictionary.nbytes
        if is_text(kind) and len(array.dictionary):
            lengths: Any = pc.fill_null(pc.binary_length(array.dictionary), 0)
            used = np.asarray(array.indices.drop_null()).astype(np.intp)
            total += int(np.asarray(lengths).astype(np.int64)[used].sum())
    return total


# --- what the columns hold --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a schema hold, by place in it: `places` say what a record is about, `facts` its facts."""

    places: dict[str, int]
    facts: list[tuple[int, Column]]


def known_columns(facts: Iterable[FactSpec]) -> dict[str, Column]:
    """The columns that a stream may have, by their exact names: places and facts. Made once for a dictionary."""
    places = {name: Column(name, place=name) for name in PLACES}
    return places | {spec.name: Column(spec.name, facts=dict.fromkeys(spec.subjects, spec)) for spec in facts}


def read_columns(schema: pa.Schema, known: Mapping[str, Column]) -> Columns:
    """What the columns of a schema hold. Raises Problem with every mistake."""
    found = Columns({}, [])
    errors = list(_schema_errors(schema, known, found))
    if errors:
        more = len(errors) - _MOST_ERRORS
        problem = Problem.of(tuple(errors[:_MOST_ERRORS]))
        if more > 0:
            problem.extra["further_errors"] = more
        raise problem
    return found


def _schema_errors(schema: pa.Schema, known: Mapping[str, Column], found: Columns) -> Iterator[ProblemError]:
    """Every mistake; `found` is filled on the way. For the first unknown names, what they may have meant."""
    seen: set[str] = set()
    unknown = 0
    for i, (name, kind) in enumerate(zip(schema.names, schema.types, strict=True)):
        column = known.get(name)
        if name in seen:
            yield ProblemError("invalid-request", f"the column `{name[:60]}` stands twice", _at(name))
        elif column is None:
            unknown += 1
            help_ = _meant(name[:200], known) if unknown <= _MOST_ERRORS else None
            yield ProblemError("unknown-fact", f"unknown column `{name[:60]}`", _at(name), help_)
        else:
            problem = mismatch(kind, column)
            if problem is not None:
                yield ProblemError("wrong-type", f"the column `{name}`: {problem}", _at(name))
            elif column.place is not None:
                found.places[name] = i
            else:
                found.facts.append((i, column))
        seen.add(name)
    for name in _REQUIRED:
        if name not in seen:
            yield ProblemError("invalid-request", f"there is no column `{name}`")


def _meant(name: str, known: Mapping[str, Column]) -> str | None:
    specs = (spec for column in known.values() for spec in column.specs)
    return called_otherwise(name, specs) or did_you_mean(name, known)


def _at(name: str) -> str:
    return pointer(["columns", name[:60]])
