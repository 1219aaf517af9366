"""What every reader of files hands over: records as JSON, each with its place in the file for messages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

__all__ = [
    "BLOCK_BYTES",
    "BLOCK_RECORDS",
    "BadFile",
    "Budget",
    "ColumnPlace",
    "Defaults",
    "Fault",
    "HasArrays",
    "Limits",
    "Notice",
    "Origin",
    "Parsed",
    "Row",
    "Table",
]

BLOCK_RECORDS = 4_000
"""Records that are handed on together."""
BLOCK_BYTES = 8_000_000
"""A block is closed early when it holds about so much text: lines may be long."""


class BadFile(Exception):
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read. Who sends more is told so; nothing is cut off silently.

    `seconds` is for reading alone and looked at between rows: a server sets it, a person at a terminal has Ctrl-C.
    """

    rows: int = 2_000_000_000
    columns: int = 4_000
    cell_characters: int = 32_767
    unpacked_bytes: int = 4_000_000_000
    text_bytes: int = 256_000_000
    column_bytes: int = 500_000_000
    seconds: float = float("inf")


class Budget:
    """The limits of one reading under way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._end = time.monotonic() + limits.seconds
        self._unpacked = 0

    def unpacked(self, number_of_bytes: int) -> None:
        """Count what came out of a compressed file. Raises BadFile."""
        self._unpacked += number_of_bytes
        if self._unpacked > self.limits.unpacked_bytes:
            raise BadFile(f"it unpacks to more than {self.limits.unpacked_bytes:,} bytes")
        self.in_time()

    def row(self, number: int) -> None:
        """Raises BadFile when a row lies beyond the limit."""
        if number > self.limits.rows:
            raise BadFile(f"it has more than {self.limits.rows:,} rows")

    def in_time(self) -> None:
        """Raises BadFile when the time is up."""
        if time.monotonic() > self._end:
            raise BadFile(f"it could not be read within {self.limits.seconds:g} seconds")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a record is about where it does not say so itself."""

    division: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """A column as a person finds it: its heading, and its letter in a sheet."""

    heading: str
    letter: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the records of a file stand. Shared by all of them.

    `columns` leads from the path of a value in the record (`("facts", "rate", "2025")`, `("division",)`) to its
    column; empty where records are lines of JSON. `given` are the facts that have a column, None where any may occur.
    """

    columns: Mapping[tuple[str, ...], ColumnPlace] = field(default_factory=dict)
    sheet: str | None = None
    given: frozenset[str] | None = None

    def at(self, number: int, column: ColumnPlace | None) -> dict[str, Any]:
        """The members of a problem that say where: a line, or a row and column, or also sheet and cell (`表1!C4`)."""
        if not self.columns:
            return {"line": number}
        found: dict[str, Any] = {"row": number}
        if self.sheet is not None:
            found["sheet"] = self.sheet
        if column is not None:
            found["column"] = column.heading
            if column.letter is not None:
                found["cell"] = f"{self.sheet}!{column.letter}{number}"
        return found


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a record before it can be judged: a kind of problem, a sentence, a column."""

    slug: str
    detail: str
    column: ColumnPlace | None = None
    help: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its number in the file (line or row, from 1), and its JSON or what is wrong with it.

    `body` is a record of the batch interface; without facts where there are faults, so that it is refused there too and
    its parent still knows of it. `name` is what people call the subject.
    """

    number: int
    body: bytes
    origin: Origin
    id: str | None = None
    name: str | None = None
    parent: str | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that whoever reads the results should know: a kind, the place, and a word from the file."""

    kind: str
    place: str
    word: str = ""


@dataclass(slots=True)
class Parsed:
    """A block of records, in order. `given` are the facts with a value in any of them."""

    rows: list[Row]
    notices: list[Notice] = field(default_factory=list)
    given: set[str] = field(default_factory=set)


class Table(Protocol):
    """An open file of records.

    Reading is split in two, so that the second half can be done by other processes: `blocks` reads what can be sent
    to them, `parse` makes records of a block and depends on nothing that happens while blocks are read.
    """

    origin: Origin
    families: bool
    """True when records name a parent: they must then be judged together."""

    @property
    def notices(self) -> Sequence[Notice]:
        """What was noticed about the file itself."""
        ...

    def blocks(self) -> Iterator[object]:
        """The blocks of the file, to be read once. Raises BadFile."""
        ...

    def parse(self, block: object) -> Parsed:
        """The records of a block."""
        ...

    def progress(self) -> tuple[int, int | None]:
        """How much has been read, and of how much, in units of the file's own."""
        ...


@runtime_checkable
class HasArrays(Table, Protocol):
    """A table whose blocks can be had as columns of Arrow."""

    defaults: Defaults
    block_records: int
    """How many records are handed on together; to be set before `blocks` is called."""

    def arrays(self, block: object) -> Any:
        """The columns of a block, or None where it must be looked at row by row."""
        ...
