"""Files of records → numbered JSON records, as the batch takes them, one at a time.

Memory stays bounded: a file is read line by line, whatever its size.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from api.cli.cells import ascii_width, cell_value
from api.cli.headings import Column, read_headings
from engine.check.ir import FactSpec

if TYPE_CHECKING:
    from typing_extensions import Buffer  # Python 3.11 has no name of its own for it

__all__ = ["MAX_LINE_BYTES", "BadFile", "Defaults", "Fault", "Row", "csv_rows", "ndjson_rows", "text_lines"]

MAX_LINE_BYTES = 4_000_000
_SAMPLE_BYTES = 1 << 20
_ENCODER = msgspec.json.Encoder()
_OBJECT: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class BadFile(Exception):
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a record is about where it does not say so itself."""

    division: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record before it can be judged: a kind of problem, a sentence, a column."""

    slug: str
    detail: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its number in the file (line or row, from 1), and its JSON or what is wrong with it.

    `columns` leads from a fact and a key (or place) to the heading it stood under; empty for NDJSON.
    """

    number: int
    body: bytes
    id: str | None = None
    faults: tuple[Fault, ...] = ()
    columns: Mapping[tuple[str, ...], str] = field(default_factory=dict)


def ndjson_rows(stream: BinaryIO, defaults: Defaults) -> Iterator[Row]:
    """The records of an NDJSON file; blank lines are left out."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE_BYTES)
            detail = f"the line is longer than {MAX_LINE_BYTES:,} bytes"
            yield Row(number, b"{}", faults=(Fault("body-too-large", detail),))
            continue
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        line = line.strip()
        if line:
            yield Row(number, _completed(line, defaults))


def _completed(line: bytes, defaults: Defaults) -> bytes:
    """The record with the defaults where it lacks them. A line that is no object stays as it is."""
    wanted = {"division": defaults.division, "subject": defaults.subject}
    given = {name: value for name, value in wanted.items() if value is not None}
    if not given:
        return line
    try:
        record = _OBJECT.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
    return line if given.keys() <= record.keys() else _ENCODER.encode({**given, **record})


def text_lines(stream: BinaryIO, encoding: str | None) -> tuple[Iterator[str], str]:
    """The lines of a text file, with their ends, and the encoding in which it is read.

    Without one: by its byte order mark, else UTF-8 where the first megabyte is that, else GB18030, in
    which Chinese spreadsheets are saved. Raises LookupError for an encoding that does not exist, and
    BadFile while reading, when bytes do not fit.
    """
    sample = stream.read(_SAMPLE_BYTES)
    chosen = encoding or _guessed(sample)
    text = io.TextIOWrapper(io.BufferedReader(_Resumed(sample, stream)), chosen, newline="")
    return _lines(text, chosen), chosen


def _guessed(sample: bytes) -> str:
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


class _Resumed(io.RawIOBase):
    """A stream from its beginning, although a sample has been taken from it."""

    def __init__(self, sample: bytes, stream: BinaryIO) -> None:
        self._sample = memoryview(sample)
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        room = memoryview(buffer)
        block = self._sample[: len(room)] if self._sample else self._stream.read(len(room))
        self._sample = self._sample[len(block) :]
        room[: len(block)] = block
        return len(block)


def _lines(text: io.TextIOWrapper, encoding: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        try:
            line = text.readline(MAX_LINE_BYTES + 1)
        except UnicodeDecodeError:
            raise BadFile(f"near line {number:,} it is no {encoding.upper()}; name the --encoding") from None
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            raise BadFile(f"line {number:,} is longer than {MAX_LINE_BYTES:,} characters")
        yield line


def csv_rows(
    lines: Iterable[str], facts: Sequence[FactSpec], defaults: Defaults, ignored: Iterable[str] = ()
) -> Iterator[Row]:
    """The records of a CSV file (commas, semicolons or tabs). Raises BadHeadings, and BadFile for no rows."""
    stream = iter(lines)
    first = next(stream, None)
    if first is None or not first.strip():
        raise BadFile("the file is empty, or its first line is: the first row must hold the headings")
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(_joined(first, stream), delimiter=_delimiter(first))
    columns = read_headings(next(reader), facts, ignored)
    headings = _headings(columns)
    # The headings are row 1, as spreadsheets count.
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(number, b"{}", faults=(Fault("invalid-request", f"not readable as CSV: {error}"),))
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _row(number, cells, columns, defaults, headings)


def _joined(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(first: str) -> str:
    """What parts the headings: the sign that stands there most often, in doubt the comma."""
    return max((",", "\t", ";"), key=first.count)


def _headings(columns: Sequence[Column | None]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for column in columns:
        if column is None:
            continue
        if column.place is not None:
            found[(column.place,)] = column.heading
        else:
            for spec in (column.facts or {}).values():
                found["facts", spec.name, *([column.key] if column.key else [])] = column.heading
    return found


def _row(
    number: int,
    cells: Sequence[str],
    columns: Sequence[Column | None],
    defaults: Defaults,
    headings: Mapping[tuple[str, ...], str],
) -> Row:
    places: dict[str, str | None] = {"id": None, "division": defaults.division, "subject": defaults.subject}
    for column, cell in zip(columns, cells, strict=False):
        if column is not None and column.place is not None and cell.strip():
            places[column.place] = cell.strip() if column.place == "id" else ascii_width(cell)
    faults = [
        Fault("invalid-request", f"`{name}` is missing: fill its column, or give --{name}", headings.get((name,)))
        for name in ("division", "subject")
        if places[name] is None
    ]
    extra = [cell for cell in cells[len(columns) :] if cell.strip()]
    if extra:
        detail = f"expected at most {len(columns)} cells, as many as headings, found {len(cells)}"
        faults.append(Fault("invalid-request", detail))
    facts: dict[str, object] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column is None or column.facts is None:
            continue
        spec = column.fact(places["subject"] or "")
        value = cell_value(cell, spec, item=column.item)
        if value is None:
            continue
        if column.key is None:
            whole = facts.setdefault(spec.name, value)
            clash = whole is not value
        else:
            parts = facts.setdefault(spec.name, {})
            clash = not isinstance(parts, dict)
            if isinstance(parts, dict):
                parts[column.key] = value
        if clash:
            faults.append(Fault("invalid-request", f"`{spec.name}` is given both whole and in parts", column.heading))
    # A row with faults is told apart by them; it is sent on without content, so that it is not judged.
    body = b"{}" if faults else _ENCODER.encode({**places, "facts": facts})
    return Row(number, body, places["id"], tuple(faults), headings)
