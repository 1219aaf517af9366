"""Rows of cells below headings → records. For CSV files and sheets of workbooks alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import msgspec

from api.tabular.cells import BadCell, Broken, Cell, Figure, ascii_width, cell_text, cell_value, is_blank
from api.tabular.heads import HEAD_ROWS, Heads, Merge, letters, origin_of, read_heads
from api.tabular.names import BadHeadings, Column, Names, folded
from api.tabular.records import (
    BLOCK_BYTES,
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
from engine.check.ir import FactSpec
from engine.phrases import SUBJECTS

__all__ = ["Grid", "GridTable", "Progress", "RawRow", "Spread", "open_grid", "require_places"]

_ENCODE = msgspec.json.Encoder().encode
_SUM = re.compile(
    r"[本全]?[省市县区旗校园乡镇]?(合计|总计|小计|共计|总和|平均值?|均值|total|subtotal|sum|average)[::]?"
)
_NOTE = re.compile(r"(注|备注|说明|填表|填报|制表|审核|复核|负责人|单位负责人|联系|日期|报送|note)[^0-9]?.*", re.DOTALL)
_SUBJECT_WORDS: Mapping[str, str] = {
    **{folded(word): subject for subject, words in SUBJECTS.items() for word in words},
    **dict.fromkeys(("县", "区", "旗", "县区", "县(市、区)"), "county"),
}
_SPREAD_PLACES = frozenset({"division", "subject", "parent"})
"""What a range merged over several rows says of each of them; of a fact that cannot be known."""


class Spread(NamedTuple):
    """A cell of a merged range: what stands in its first cell, and the range."""

    cell: Cell
    range: str


class Unreadable(NamedTuple):
    """A row that is no row of cells; why."""

    reason: str


RawCell = Cell | Spread
RawRow = tuple[int, Sequence[RawCell] | Unreadable]
Progress = Callable[[], tuple[int, int | None]]


@dataclass(slots=True)
class Grid:
    """Rows with numbers from 1 as they come, and what is known of the table as a whole."""

    rows: Iterator[RawRow]
    budget: Budget
    progress: Progress
    sheet: str | None = None
    merges: Sequence[Merge] = ()
    notices: Sequence[Notice] = ()
    size: Callable[[], int] = lambda: 0
    """Characters read so far, so that blocks stay small whatever stands in a row."""


def open_grid(grid: Grid, facts: Sequence[FactSpec], defaults: Defaults, ignored: Iterable[str]) -> GridTable:
    """The table of a grid whose headings are read. Raises BadHeadings, and BadFile where there are no rows."""
    first: list[RawRow] = []
    for row in grid.rows:
        first.append(row)
        if len(first) == HEAD_ROWS:
            break
    readable = [
        (number, [_inner(cell) for cell in cells]) for number, cells in first if not isinstance(cells, Unreadable)
    ]
    above = next((number for number, cells in readable if not all(map(is_blank, cells))), None)
    for number, cells in first:
        if isinstance(cells, Unreadable) and (above is None or number < above):
            raise BadFile(f"row {number}: {cells.reason}")
    if above is None:
        raise BadFile(
            "the sheet is empty" if grid.sheet is not None else "the file is empty: it must begin with headings"
        )
    names = Names(facts, ignored)

    def place(row: int, column: int) -> str:
        return f"row {row}, column {column}" if grid.sheet is None else f"{grid.sheet}!{letters(column)}{row}"

    heads = read_heads(readable, grid.merges, names, place)
    if len(heads.columns) > grid.budget.limits.columns:
        raise BadFile(f"it has more than {grid.budget.limits.columns:,} columns")
    if heads.problems:
        raise BadHeadings(heads.problems)
    require_places([column for column in heads.columns if column is not None], defaults)
    rest = chain((row for row in first if row[0] > heads.bottom), grid.rows)
    return GridTable(grid, rest, heads, defaults)


def require_places(columns: Sequence[Column], defaults: Defaults) -> None:
    """Raise BadHeadings where no column and no option says what the records are about."""
    present = {column.place for column in columns}
    problems = [
        f"there is no column `{name}`, and --{name} is not given"
        for name, default in (("division", defaults.division), ("subject", defaults.subject))
        if name not in present and default is None
    ]
    if problems:
        raise BadHeadings(problems)


def _inner(cell: RawCell) -> Cell:
    return cell.cell if isinstance(cell, Spread) else cell


class GridTable:
    """A `Table` of rows of cells."""

    def __init__(self, grid: Grid, rows: Iterator[RawRow], heads: Heads, defaults: Defaults) -> None:
        self._grid = grid
        self._rows = rows
        self._heads = heads
        self._defaults = defaults
        columns = heads.columns
        self.origin: Origin = origin_of(columns, grid.sheet)
        self.families = any(column is not None and column.place == "parent" for column in columns)
        self._at = [
            ColumnPlace(column.heading if column else "", None if grid.sheet is None else letters(i))
            for i, column in enumerate(columns, 1)
        ]

    @property
    def notices(self) -> Sequence[Notice]:
        """What was noticed about the sheet itself."""
        return self._grid.notices

    def progress(self) -> tuple[int, int | None]:
        """How much has been read."""
        return self._grid.progress()

    def blocks(self) -> Iterator[list[RawRow]]:
        """The rows in blocks. Raises BadFile."""
        size, block = self._grid.size(), list[RawRow]()
        for row in self._rows:
            self._grid.budget.row(row[0])
            block.append(row)
            if len(block) == BLOCK_RECORDS or self._grid.size() - size > BLOCK_BYTES:
                self._grid.budget.in_time()
                yield block
                size, block = self._grid.size(), []
        self._grid.budget.in_time()
        if block:
            yield block

    def parse(self, block: object) -> Parsed:
        """The records of a block: blank rows, sums and notes are left out, the last two with a notice."""
        assert isinstance(block, list)
        parsed = Parsed([])
        reader = _Reader(self._heads, self._at, self._defaults, self.origin, parsed)
        for number, cells in block:
            reader.row(number, cells)
        parsed.notices = list(dict.fromkeys(parsed.notices))
        return parsed


class _Reader:
    """Makes the records of one block."""

    def __init__(
        self,
        heads: Heads,
        at: Sequence[ColumnPlace],
        defaults: Defaults,
        origin: Origin,
        parsed: Parsed,
    ) -> None:
        columns = heads.columns
        self._columns = columns
        self._unheaded = heads.unheaded
        self._at = at
        self._defaults = defaults
        self._origin = origin
        self._parsed = parsed
        self._places = [(i, c.place) for i, c in enumerate(columns) if c is not None and c.place is not None]
        self._facts = [(i, c) for i, c in enumerate(columns) if c is not None and c.facts is not None]
        self._others = [i for i, c in enumerate(columns) if c is None or c.place in ("id", "name")]
        self._percents: dict[str, set[str]] = {}
        # Cells of a sheet end where they end; in a line of text a missing cell may have moved the others.
        self._width = max((i for i, c in enumerate(columns, 1) if c is not None), default=0) if not origin.sheet else 0

    def row(self, number: int, cells: Sequence[RawCell] | Unreadable) -> None:
        """Read one row."""
        if isinstance(cells, Unreadable):
            self._parsed.rows.append(Row(number, b"{}", self._origin, faults=(Fault("invalid-request", cells.reason),)))
            return
        filled = [cell for cell in map(_inner, cells) if not is_blank(cell)]
        if not filled:
            return
        word = self._sum(cells)
        if word is not None:
            self._parsed.notices.append(Notice("sum", str(number), word))
        elif all(isinstance(cell, str) and _NOTE.fullmatch(ascii_width(cell)) for cell in filled):
            self._parsed.notices.append(Notice("note", str(number), str(filled[0]).strip()[:20]))
        else:
            if len(cells) < self._width:
                self._parsed.notices.append(Notice("short-row", str(number)))
            self._parsed.rows.append(self._record(number, cells))

    def _sum(self, cells: Sequence[RawCell]) -> str | None:
        """The word that makes a row a sum of others."""
        for i in self._others:
            cell = _inner(cells[i]) if i < len(cells) else None
            if isinstance(cell, str) and _SUM.fullmatch(folded(cell)):
                return cell.strip()
        return None

    def _record(self, number: int, cells: Sequence[RawCell]) -> Row:
        faults: list[Fault] = []
        places = self._said(cells, faults)
        for name in ("division", "subject"):
            if places[name] is None and not any(f.column == self._origin.columns.get((name,)) for f in faults):
                detail = f"`{name}` is missing: fill its column, or give --{name}"
                faults.append(Fault("invalid-request", detail, self._origin.columns.get((name,))))
        self._beyond(cells, faults)
        facts = self._facts_of(cells, places["subject"] or "", faults)
        called = places.pop("name", None)
        id_ = places["id"] or called
        record: dict[str, object] = {**places, "id": id_}
        if not faults:
            record["facts"] = facts
            self._parsed.given.update(facts)
        return Row(number, _ENCODE(record), self._origin, id_, called, places.get("parent"), tuple(faults))

    def _said(self, cells: Sequence[RawCell], faults: list[Fault]) -> dict[str, str | None]:
        """What the row is about."""
        said: dict[str, str | None] = {
            "id": None,
            "division": self._defaults.division,
            "subject": self._defaults.subject,
        }
        for i, place in self._places:
            cell = cells[i] if i < len(cells) else None
            if isinstance(cell, Spread):
                if place not in _SPREAD_PLACES:
                    faults.append(Fault("invalid-request", _merged(cell), self._at[i]))
                    continue
                cell = cell.cell
            try:
                text = cell_text(cell)
            except BadCell as bad:
                faults.append(Fault("invalid-request", str(bad), self._at[i]))
                continue
            if text:
                said[place] = _plain_place(place, text)
        return said

    def _beyond(self, cells: Sequence[RawCell], faults: list[Fault]) -> None:
        """Cells under no heading."""
        extra = [i for i in range(len(self._columns), len(cells)) if not is_blank(_inner(cells[i]))]
        if extra and self._origin.sheet is None:
            detail = f"expected at most {len(self._columns)} cells, as many as headings, found {len(cells)}"
            faults.append(Fault("invalid-request", detail))
        elif extra:
            at = ColumnPlace("", letters(extra[0] + 1))
            faults.append(Fault("invalid-request", "the cell stands under no heading", at))
        for i in self._unheaded:
            if i < len(cells) and not is_blank(_inner(cells[i])):
                self._parsed.notices.append(Notice("unread-column", letters(i + 1)))

    def _facts_of(self, cells: Sequence[RawCell], subject: str, faults: list[Fault]) -> dict[str, object]:
        facts: dict[str, object] = {}
        for i, column in self._facts:
            if i >= len(cells):
                break
            cell = cells[i]
            if cell is None or cell == "":
                continue
            if isinstance(cell, Spread):
                faults.append(Fault("invalid-request", _merged(cell), self._at[i]))
                continue
            spec = column.fact(subject)
            try:
                value = cell_value(cell, spec, item=column.item)
            except BadCell as bad:
                faults.append(Fault("wrong-type", str(bad), self._at[i]))
                continue
            if value is None:
                continue
            if spec.unit == "percent" and isinstance(value, int | float) and value is not True and value is not False:
                self._percent(column.heading, cell, value)
            if column.key is None:
                whole = facts.setdefault(spec.name, value)
                clash = whole is not value
            else:
                parts = facts.setdefault(spec.name, {})
                clash = not isinstance(parts, dict)
                if isinstance(parts, dict):
                    parts[column.key] = value
            if clash:
                detail = f"`{spec.name}` is given both whole and in parts"
                faults.append(Fault("invalid-request", detail, self._at[i]))
        return facts

    def _percent(self, heading: str, cell: Cell, value: float) -> None:
        """Note how percentages are written: 0.45 among 45% is likely to mean 45."""
        if isinstance(cell, Figure):
            signed = cell.form == "percent"
        else:
            signed = isinstance(cell, str) and cell.rstrip().endswith(("%", "％"))
        if value == 0:
            return
        how = "percent-signed" if signed else "percent-small" if abs(value) <= 1 else "percent-large"
        seen = self._percents.setdefault(heading, set())
        if how not in seen:
            seen.add(how)
            self._parsed.notices.append(Notice(how, heading))


def _plain_place(place: str, text: str) -> str:
    if place in ("id", "name", "parent"):
        return text
    plain = ascii_width(text)
    return _SUBJECT_WORDS.get(folded(plain), plain) if place == "subject" else plain


def _merged(cell: Spread) -> str:
    if isinstance(cell.cell, Broken):
        return cell.cell.reason
    return f"the cells {cell.range} are merged: part them and fill each"
