"""Workbooks → the rows of the sheet that holds the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO

from api.tabular.cells import Cell
from api.tabular.grid import Grid, RawRow, Spread
from api.tabular.heads import HEAD_ROWS, Merge, letters, read_heads
from api.tabular.names import Names
from api.tabular.ooxml import Layout, SheetEntry, Workbook
from api.tabular.records import BadFile, Budget, Notice
from api.tabular.streams import seekable, size_of
from api.tabular.xls import MAX_BYTES, OldWorkbook
from engine.check.ir import FactSpec

__all__ = ["sheet_grid"]

_MAX_FILE_BYTES = 1_000_000_000
_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
"""How files of Office begin that are no ZIP: old workbooks, and new ones behind a password."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_SHOWN = 20


def sheet_grid(
    stream: BinaryIO, budget: Budget, wanted: str | None, facts: Sequence[FactSpec], ignored: Iterable[str]
) -> Grid:
    """The rows of the wanted sheet; without a wish of the only one whose headings name facts. Raises BadFile."""
    stream = seekable(stream, _MAX_FILE_BYTES)
    book = _open(stream, budget)
    layouts: dict[str, Layout] = {}
    entry = _named(book, wanted) if wanted is not None else _chosen(book, Names(facts, ignored), layouts)
    layout = layouts.get(entry.name) or book.layout(entry)
    counted = _CountedRows(book.rows(entry), size_of(stream), stream)
    return Grid(
        _spread(counted.rows(), layout.merges),
        budget,
        counted.progress,
        entry.name,
        layout.merges,
        list(_notices(layout)),
        counted.characters,
    )


def _open(stream: BinaryIO, budget: Budget) -> Workbook | OldWorkbook:
    start = stream.read(len(_COMPOUND))
    stream.seek(0)
    if start == _COMPOUND:
        content = stream.read(MAX_BYTES + 1)
        if _ENCRYPTED in content:
            raise BadFile("it is protected by a password: save it without one")
        return OldWorkbook(content)
    if not start.startswith(b"PK"):
        raise BadFile("it is no workbook (.xlsx or .xls), whatever its name says")
    return Workbook(stream, budget)


def _named(book: Workbook | OldWorkbook, wanted: str) -> SheetEntry:
    for entry in book.sheets:
        if entry.name.strip() == wanted.strip():
            return entry
    raise BadFile(f"there is no sheet `{wanted}`; there are {_listed(book.sheets)}")


def _chosen(book: Workbook | OldWorkbook, names: Names, layouts: dict[str, Layout]) -> SheetEntry:
    """The only sheet that is not hidden; else the only one whose headings name a fact."""
    visible = [entry for entry in book.sheets if not entry.hidden]
    if len(visible) == 1:
        return visible[0]
    found = []
    for entry in visible:
        layouts[entry.name] = book.layout(entry)
        first = list(islice(book.rows(entry), HEAD_ROWS))
        heads = read_heads(first, layouts[entry.name].merges, names, lambda row, column: f"{letters(column)}{row}")
        if any(column is not None and column.facts for column in heads.columns):
            found.append(entry)
    if len(found) == 1:
        return found[0]
    if not found:
        hidden = "" if len(visible) == len(book.sheets) else " that is not hidden"
        raise BadFile(f"no sheet{hidden} has headings that name facts; there are {_listed(book.sheets)}: say --sheet")
    raise BadFile(f"the sheets {_listed(found)} have headings: say which with --sheet")


def _listed(entries: Sequence[SheetEntry]) -> str:
    shown = ", ".join(f"`{entry.name}`" for entry in entries[:_SHOWN])
    return shown + (f" and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else "") if entries else "none"


def _notices(layout: Layout) -> Iterator[Notice]:
    for number in layout.hidden_rows:
        yield Notice("hidden-row", str(number))
    for first, last in layout.hidden_columns:
        yield Notice("hidden-column", letters(first) if first == last else f"{letters(first)}–{letters(last)}")


class _CountedRows:
    """Rows that know how much of them has been read."""

    def __init__(self, rows: Iterator[tuple[int, list[Cell]]], whole: int | None, stream: BinaryIO) -> None:
        self._rows = rows
        self._whole = whole
        self._stream = stream
        self._characters = 0

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        for row in self._rows:
            # A figure is about so long; what is counted is the order of magnitude.
            self._characters += sum(len(cell) if isinstance(cell, str) else 16 for cell in row[1])
            yield row

    def characters(self) -> int:
        return self._characters

    def progress(self) -> tuple[int, int | None]:
        """Bytes of the packed file; where the archive stands is close enough to what was read."""
        whole = self._whole or 0
        return min(self._stream.tell(), whole), whole


def _spread(rows: Iterator[tuple[int, list[Cell]]], merges: Sequence[Merge]) -> Iterator[RawRow]:
    """The rows, each cell of a merged range with what stands in the first of it.

    Rows that are not written because all their cells are covered come back only as far as something else stands there.
    """
    waiting = sorted(merges, key=lambda merge: (merge.top, merge.left))
    waiting.reverse()
    active: list[tuple[Merge, Cell]] = []
    for number, cells in rows:
        active = [(merge, cell) for merge, cell in active if merge.bottom >= number]
        while waiting and waiting[-1].top <= number:
            merge = waiting.pop()
            if merge.bottom >= number:
                cell = cells[merge.left - 1] if merge.top == number and merge.left <= len(cells) else None
                active.append((merge, cell))
        yield number, _covered(cells, active) if active else cells


def _covered(cells: list[Cell], active: Sequence[tuple[Merge, Cell]]) -> list[Cell | Spread]:
    found: list[Cell | Spread] = list(cells)
    for merge, cell in active:
        if cell is None:
            continue
        right = min(merge.right, max(len(found), merge.left))
        found.extend([None] * (merge.left - len(found)))
        shown = f"{letters(merge.left)}{merge.top}:{letters(merge.right)}{merge.bottom}"
        found[merge.left - 1 : right] = [Spread(cell, shown)] * (right - merge.left + 1)
    return found
