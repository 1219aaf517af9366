"""CSV files → rows of cells."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
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
_QUOTED = re.compile(r'"[^"]*"')
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
    source = _Lines(chain(first, lines))
    reader = csv.reader(source, delimiter=_delimiter(first), strict=True)
    longest = budget.limits.cell_characters
    number = 0
    while True:
        number += 1
        source.taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            # A quotation mark that is never closed takes in what follows: only the line where it stands is wrong.
            source.back_to_second()
            yield number, Unreadable(_said(str(error)))
            continue
        if cells is None:
            return
        if any(len(cell) > longest for cell in cells):
            yield number, Unreadable(f"a cell is longer than {longest:,} characters")
        else:
            yield number, cells


class _Lines:
    """Lines of which those of the last row can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def back_to_second(self) -> None:
        """Go back to the second line of the row, whose first was no row by itself."""
        self._again.extendleft(reversed(self.taken[1:]))


def _said(error: str) -> str:
    if "unexpected end" in error or "field larger" in error:
        return "a quotation mark opens a cell in this line and none closes it: double it where it is meant as a sign"
    if "expected after" in error:
        return "a cell goes on behind the quotation mark that closes it: double quotation marks inside of a cell"
    return f"not readable as CSV: {error}"


def _delimiter(first: Sequence[str]) -> str:
    """What parts the cells: the sign that stands most often in one of the first lines, in doubt the comma.

    Signs inside of quotation marks part nothing; of a line with an open one nobody knows what is inside.
    """
    lines = [_QUOTED.sub("", line) for line in first if line.count('"') % 2 == 0] or first
    return max((",", "\t", ";"), key=lambda sign: max((line.count(sign) for line in lines), default=0))
