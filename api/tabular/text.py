"""CSV files → rows of cells."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO

from api.tabular.grid import Grid, RawRow, Unreadable
from api.tabular.records import BadFile, Budget
from api.tabular.streams import Counted

if TYPE_CHECKING:
    from typing_extensions import Buffer  # Python 3.11 has no name of its own for it

__all__ = ["MAX_LINE_BYTES", "csv_grid", "text_lines"]

MAX_LINE_BYTES = 4_000_000
_SAMPLE_BYTES = 1 << 20
_SAMPLE_LINES = 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def csv_grid(stream: Counted, encoding: str | None, budget: Budget) -> tuple[Grid, str]:
    """The rows of a CSV file (commas, semicolons or tabs), and the encoding in which it is read.

    Raises LookupError for an encoding that does not exist.
    """
    lines, chosen = text_lines(stream, encoding)
    return Grid(_rows(lines, budget), budget, stream.progress, size=lambda: stream.taken), chosen


def text_lines(stream: BinaryIO | Counted, encoding: str | None) -> tuple[Iterator[str], str]:
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

    def __init__(self, sample: bytes, stream: BinaryIO | Counted) -> None:
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


def _rows(lines: Iterator[str], budget: Budget) -> Iterator[RawRow]:
    first = list(islice(lines, _SAMPLE_LINES))
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(chain(first, lines), delimiter=_delimiter(first))
    longest = budget.limits.cell_characters
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield number, Unreadable(f"not readable as CSV: {error}")
            continue
        if cells is None:
            return
        if any(len(cell) > longest for cell in cells):
            yield number, Unreadable(f"a cell is longer than {longest:,} characters")
        else:
            yield number, cells


def _delimiter(first: Iterable[str]) -> str:
    """What parts the cells: the sign that stands most often in one of the first lines, in doubt the comma."""
    lines = list(first)
    return max((",", "\t", ";"), key=lambda sign: max((line.count(sign) for line in lines), default=0))
