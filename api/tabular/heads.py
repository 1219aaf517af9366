"""The first rows of a table → its columns: titles are passed over, heads merged over several rows are put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from api.tabular.cells import BadCell, Cell, cell_text, is_blank
from api.tabular.names import Column, Names, Unclear
from api.tabular.records import ColumnPlace, Origin

__all__ = ["HEAD_ROWS", "Heads", "Merge", "letters", "origin_of", "read_heads"]

HEAD_ROWS = 30
"""The headings stand in one of the first so many rows."""
_LEVELS = 3
"""Rows over which headings may be spread."""
_ASIDE = re.compile("[:：]")
"""What a form says of itself above the headings: `填报单位：…`, `单位：人`."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A merged range: rows and columns from 1, both ends included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Heads:
    """What the columns hold, in order; None for those without facts. `bottom` is the last row of the headings.

    `recognised` counts the columns that are known; `unheaded` are the places of those without any heading, from 0.
    """

    columns: tuple[Column | None, ...]
    bottom: int
    recognised: int
    unheaded: frozenset[int] = frozenset()
    problems: tuple[str, ...] = ()


def letters(column: int) -> str:
    """The letters of a column from 1: 1 is A, 28 is AB."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found


def read_heads(
    rows: Sequence[tuple[int, Sequence[Cell]]], merges: Sequence[Merge], names: Names, place: Callable[[int, int], str]
) -> Heads:
    """The headings among the first rows of a table: those with the most names that are known.

    `rows` with their numbers, from 1; `place` says where a cell is (row and column from 1). What is wrong with the
    headings stands in `problems`.
    """
    filled = _spread(
        {number: {i: c for i, c in enumerate(cells, 1) if not is_blank(c)} for number, cells in rows}, merges
    )
    numbers = [number for number, _ in rows if filled[number]]
    if not numbers:
        return Heads((), 0, 0, problems=("the first row has no headings",))
    # A head merged downwards ends the headings where it ends.
    bottoms = [
        number for number in numbers if not any(m.top <= number < m.bottom and m.bottom in filled for m in merges)
    ]
    candidates = [_Candidate(filled, merges, bottom, names) for bottom in bottoms or numbers[-1:]]
    # The first of equals: rows of data below the headings name nothing more.
    return max(candidates, key=lambda candidate: candidate.recognised).heads(names, place)


def _spread(rows: dict[int, dict[int, Cell]], merges: Sequence[Merge]) -> dict[int, dict[int, str]]:
    """The texts of the rows, each merged range filled with its text."""
    texts = {number: {i: _text(cell) for i, cell in cells.items()} for number, cells in rows.items()}
    for merge in merges:
        text = texts.get(merge.top, {}).get(merge.left)
        if text:
            for number in range(merge.top, merge.bottom + 1):
                if number in texts:
                    texts[number] |= dict.fromkeys(range(merge.left, merge.right + 1), text)
    return texts


def _text(cell: Cell) -> str:
    try:
        return cell_text(cell)
    except BadCell:
        # An error or a broken formula says nothing as a heading, and is named as an unknown one.
        return "?"


class _Candidate:
    """Headings that end in one row."""

    def __init__(
        self,
        rows: Mapping[int, Mapping[int, str]],
        merges: Sequence[Merge],
        bottom: int,
        names: Names,
    ) -> None:
        levels = [bottom]
        while len(levels) < _LEVELS and _is_level(rows.get(levels[0] - 1, {}), levels[0] - 1, merges):
            levels.insert(0, levels[0] - 1)
        self.bottom = bottom
        width = max(max(rows[number], default=0) for number in levels)
        self.parts: list[list[str]] = []
        self.columns: list[Column | Unclear | None] = []
        for i in range(1, width + 1):
            above = [text for number in levels[:-1] if not _ASIDE.search(text := rows[number].get(i, ""))]
            parts = [text for text in dict.fromkeys((*above, rows[bottom].get(i, ""))) if text]
            self.parts.append(parts)
            self.columns.append(_column(parts, names))
        self.recognised = sum(isinstance(column, Column) for column in self.columns)

    def heads(self, names: Names, place: Callable[[int, int], str]) -> Heads:
        problems: list[str] = []
        seen: dict[tuple[object, ...], tuple[str, str]] = {}
        columns: list[Column | None] = []
        for i, (parts, column) in enumerate(zip(self.parts, self.columns, strict=True), 1):
            shown, at = "/".join(parts).strip()[:60], place(self.bottom, i)
            columns.append(column if isinstance(column, Column) else None)
            match column:
                case Unclear():
                    problems.append(f"{at}: the heading `{shown}` {column}")
                case Column():
                    first, first_at = seen.setdefault(column.meaning, (shown, at))
                    if first_at != at:
                        problems.append(f"{at}: the headings `{first}` ({first_at}) and `{shown}` mean the same")
                case _ if parts and not names.skips(parts[-1]):
                    help_ = names.hint("".join(parts)) or names.hint(parts[-1])
                    problems.append(f"{at}: unknown heading `{shown}`" + (f": {help_}" if help_ else ""))
        if not any(self.parts):
            problems.append("the first row has no headings")
        unheaded = frozenset(i for i, parts in enumerate(self.parts) if not parts)
        return Heads(tuple(columns), self.bottom, self.recognised, unheaded, tuple(problems))


def _is_level(cells: Mapping[int, str], number: int, merges: Sequence[Merge]) -> bool:
    """True for a row of heads above others: one of them is merged. A row with one text alone is a title, unless that
    covers inner columns only.
    """
    here = [m for m in merges if m.top <= number <= m.bottom]
    texts = set(cells.values())
    if len(texts) == 1:
        return min(cells) > 1 and any(m.left == min(cells) < m.right for m in here)
    return any(m.bottom > number or m.left < m.right for m in here)


def _column(parts: Sequence[str], names: Names) -> Column | Unclear | None:
    if not parts or names.skips(parts[-1]):
        return None
    try:
        return names.merged(parts)
    except Unclear as unclear:
        return unclear


def origin_of(columns: Sequence[Column | None], sheet: str | None = None) -> Origin:
    """Where the values of the columns stand; letters only in a sheet."""
    places: dict[tuple[str, ...], ColumnPlace] = {}
    given: set[str] = set()
    for i, column in enumerate(columns, 1):
        if column is None:
            continue
        at = ColumnPlace(column.heading, None if sheet is None else letters(i))
        if column.place is not None:
            places[(column.place,)] = at
        for spec in column.specs:
            places["facts", spec.name, *([column.key] if column.key else [])] = at
            given.add(spec.name)
    return Origin(places, sheet, frozenset(given))
