"""Workbooks made for tests, and what `xueheng check` says of them."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from click.testing import Result

from tests.cli.lines import OPTIONS, Call, letters, results

Cells = Mapping[str, Any]


class Checked:
    """What a run on one workbook gave."""

    def __init__(self, result: Result) -> None:
        self.exit_code = result.exit_code
        self.stderr = result.stderr
        self.lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.results = results(result)
        self._result = result

    def letters(self, rule: str) -> str:
        """The verdicts of a rule, `!` for a record that was not judged."""
        return letters(self._result, rule)

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [result["error"] for result in self.results if "error" in result]


def workbook(cells: Cells, *, merges: tuple[str, ...] = (), title: str = "表1") -> openpyxl.Workbook:
    """A workbook of one sheet. A pair is a value and its number format."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    fill(sheet, cells, merges)
    return book


def fill(sheet: Any, cells: Cells, merges: tuple[str, ...] = ()) -> None:
    for place, value in cells.items():
        if isinstance(value, tuple):
            sheet[place].value, sheet[place].number_format = value
        else:
            sheet[place].value = value
    for merge in merges:
        sheet.merge_cells(merge)


def patched(content: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """The workbook with one part changed: what other programs write, and what goes wrong."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, change(text.decode()).encode() if name == part else text)
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def calculated(content: bytes) -> bytes:
    """As a spreadsheet program leaves it: nothing is asked to be calculated on opening."""
    return patched(content, "xl/workbook.xml", lambda xml: xml.replace(' fullCalcOnLoad="1"', ""))


def saved(book: openpyxl.Workbook) -> bytes:
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def with_shared_texts(cells: Cells) -> bytes:
    """A workbook whose texts stand in a part of their own, as spreadsheet programs write them."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet("表1")
        for place, value in cells.items():
            sheet.write(place, value)
    return made.getvalue()


Check = Callable[..., Checked]
HEADS = {"A1": "学校名称", "B1": "小学班数", "C1": "小学最大班额"}


def checker(xueheng: Call, rulesets: Path, tmp_path: Path) -> Check:
    """What checks a workbook."""

    def call(book: openpyxl.Workbook | bytes, *options: str, name: str = "r.xlsx") -> Checked:
        (tmp_path / name).write_bytes(book if isinstance(book, bytes) else saved(book))
        result = xueheng("check", tmp_path / name, *OPTIONS, "--format", "ndjson", "--rulesets", rulesets, *options)
        return Checked(result)

    return call
