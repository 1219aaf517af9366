"""Workbooks of the old kind .xls (BIFF) → the same cells as those of new ones."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import xlrd
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from api.tabular.cells import Broken, Cell, Figure
from api.tabular.formats import form_of
from api.tabular.heads import Merge
from api.tabular.ooxml import Layout, SheetEntry
from api.tabular.records import BadFile

__all__ = ["OldWorkbook"]

MAX_BYTES = 100_000_000
"""The format ends at 65,536 rows of 256 columns a sheet, and xlrd holds a sheet in memory."""
_DAMAGED = (
    XLRDError,
    CompDocError,
    struct.error,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    UnicodeError,
    ValueError,
)
"""What xlrd raises for files that are not as it expects."""


class OldWorkbook:
    """An open workbook. Raises BadFile for what is none or needs a password."""

    def __init__(self, content: bytes) -> None:
        if len(content) > MAX_BYTES:
            raise BadFile(f"it is longer than {MAX_BYTES:,} bytes: save it as .xlsx")
        try:
            self._book = xlrd.open_workbook(
                file_contents=content, formatting_info=True, on_demand=True, logfile=io.StringIO()
            )
        except _DAMAGED as error:
            if "encrypted" in str(error):
                raise BadFile("it is protected by a password: save it without one") from None
            raise BadFile(f"it is no .xls workbook that can be read: {error}") from None
        self._opened: dict[str, xlrd.sheet.Sheet] = {}
        self.sheets = [
            SheetEntry(name, name, self._book._sheet_visibility[i] != 0)  # type: ignore[attr-defined]  # xlrd documents it only of loaded sheets
            for i, name in enumerate(self._book.sheet_names())
        ]

    def _sheet(self, entry: SheetEntry) -> xlrd.sheet.Sheet:
        if entry.name not in self._opened:
            try:
                self._opened[entry.name] = self._book.sheet_by_name(entry.name)
            except _DAMAGED as error:
                raise BadFile(f"the sheet {entry.name} cannot be read: {error}") from None
        return self._opened[entry.name]

    def layout(self, entry: SheetEntry) -> Layout:
        """Merged ranges, hidden rows and columns."""
        sheet = self._sheet(entry)
        return Layout(
            [Merge(top + 1, left + 1, bottom, right) for top, bottom, left, right in sheet.merged_cells],
            [(i + 1, i + 1) for i, info in sorted(sheet.colinfo_map.items()) if info.hidden and i < sheet.ncols],
            [i + 1 for i, info in sorted(sheet.rowinfo_map.items()) if info.hidden and i < sheet.nrows],
        )

    def rows(self, entry: SheetEntry) -> Iterator[tuple[int, list[Cell]]]:
        """The rows with their numbers, from 1."""
        sheet = self._sheet(entry)
        for number in range(sheet.nrows):
            yield number + 1, [self._cell(cell) for cell in sheet.row(number)]

    def _cell(self, cell: xlrd.sheet.Cell) -> Cell:
        match cell.ctype:
            case xlrd.XL_CELL_TEXT:
                return str(cell.value)
            case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
                assert cell.xf_index is not None  # read with formatting_info
                number = self._book.xf_list[cell.xf_index].format_key
                form = form_of(number, self._book.format_map[number].format_str)
                return Figure(repr(float(cell.value)), form, self._book.datemode == 1)
            case xlrd.XL_CELL_BOOLEAN:
                return bool(cell.value)
            case xlrd.XL_CELL_ERROR:
                return Broken(f"the cell shows the error {xlrd.error_text_from_code.get(int(cell.value), '')}")
            case _:
                return None
