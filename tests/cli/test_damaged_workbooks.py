"""`xueheng check` on what is no workbook, is damaged, or is of the old kind."""

import io
from pathlib import Path

import pytest
import xlwt

from api.tabular.records import Limits
from tests.cli.lines import Call
from tests.cli.workbooks import HEADS, SHEET, Check, checker, patched, saved, with_shared_texts, workbook


@pytest.fixture
def check(xueheng: Call, rulesets: Path, tmp_path: Path) -> Check:
    """Checks a workbook."""
    return checker(xueheng, rulesets, tmp_path)


# --- what is no workbook ----------------------------------------------------------------------


def bomb() -> bytes:
    """A sheet of blanks that unpacks to far more than it holds."""
    book = saved(workbook({**HEADS, "A2": "甲"}))
    return patched(book, SHEET, lambda xml: xml.replace("</sheetData>", " " * 200_000_000 + "</sheetData>"))


def test_a_file_that_unpacks_without_end(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "api.tabular.opening.Limits",
        lambda: Limits(unpacked_bytes=10**8),
    )
    content = bomb()
    assert len(content) < 1_000_000
    found = check(content)
    assert found.exit_code == 2
    assert "it unpacks to more than 100,000,000 bytes" in found.stderr


@pytest.mark.parametrize(
    ("part", "old", "new", "says"),
    [
        (SHEET, "<sheetData>", "<!DOCTYPE x [<!ENTITY a 'b'>]><sheetData>", "it is damaged"),
        (SHEET, '<row r="2"', '<row r="0"', "row 0 stands after row 1"),
        (SHEET, '<c r="A2"', '<c r="ZZZ2"', "there is no cell"),
        (SHEET, "</sheetData>", "", "is no XML"),
        (SHEET, '<c r="B2"', '<c r="A2"', "stands twice"),
        (SHEET, "<v>1</v>", "<v>eins</v>", "is no number"),
        (SHEET, "<sheetData>", "<sheetData " + "x" * 5_000_000, "a tag without end"),
        ("xl/_rels/workbook.xml.rels", "worksheets/sheet1.xml", "worksheets/gone.xml", "is missing"),
        ("_rels/.rels", "xl/workbook.xml", "gone.xml", "names no list of sheets"),
    ],
)
def test_damaged_workbooks(check: Check, part: str, old: str, new: str, says: str) -> None:
    book = saved(workbook({**HEADS, "A2": "甲", "B2": 1, "C2": 45}))

    def change(xml: str) -> str:
        assert old in xml
        return xml.replace(old, new, 1)

    found = check(patched(book, part, change))
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_text_that_is_not_there(check: Check) -> None:
    book = with_shared_texts({**HEADS, "A2": "甲"})
    found = check(
        patched(book, SHEET, lambda xml: xml.replace('<c r="A2" t="s"><v>3</v>', '<c r="A2" t="s"><v>99</v>'))
    )
    assert found.exit_code == 2
    assert "there is no text number 99" in found.stderr


def test_entities_are_not_unfolded(check: Check) -> None:
    book = saved(workbook({**HEADS, "A2": "甲"}))
    laughs = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    found = check(patched(book, SHEET, lambda xml: laughs + xml[xml.index("<worksheet") :]))
    assert found.exit_code == 2
    assert "declares a document type" in found.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is no workbook"),
        (b"a,b\n1,2\n", "it is no workbook"),
        (b"PK\x03\x04 no more", "it is no workbook"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 2000, "it is no .xls workbook"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600,
            "it is protected by a password",
        ),
    ],
)
def test_what_is_no_workbook(check: Check, content: bytes, says: str) -> None:
    found = check(content)
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_truncated_workbook(check: Check) -> None:
    content = saved(workbook({**HEADS, "A2": "甲"}))
    found = check(content[: len(content) // 2])
    assert found.exit_code == 2
    assert "it is no workbook" in found.stderr


# --- the old kind -----------------------------------------------------------------------------


def test_old_workbooks(check: Check) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("表1")
    sheet.write_merge(0, 0, 0, 4, "情况表")
    sheet.write_merge(1, 2, 0, 0, "学校名称")
    sheet.write_merge(1, 1, 1, 2, "小学")
    for column, head in enumerate(("班数", "最大班额"), 1):
        sheet.write(2, column, head)
    sheet.write_merge(1, 2, 3, 3, "年度交流比例")
    sheet.write_merge(1, 2, 4, 4, "建校日期")
    percent, day = xlwt.easyxf(num_format_str="0%"), xlwt.easyxf(num_format_str="yyyy-mm-dd")
    sheet.write(3, 0, "甲")
    sheet.write(3, 1, 1)
    sheet.write(3, 2, 46)
    sheet.write(3, 3, 0.1, percent)
    sheet.write(3, 4, 44197, day)
    sheet.row(3).hidden = True
    made = io.BytesIO()
    book.save(made)
    found = check(made.getvalue(), name="r.xls")
    assert found.exit_code == 0, found.stderr
    assert (found.letters("class-size"), found.letters("rotation"), found.letters("open")) == ("N", "C", "N")
    assert "read although hidden: row 4" in found.stderr


def test_an_old_workbook_under_the_new_ending(check: Check) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("表1")
    for column, (head, value) in enumerate((("小学班数", 1), ("小学最大班额", 45))):
        sheet.write(0, column, head)
        sheet.write(1, column, value)
    made = io.BytesIO()
    book.save(made)
    assert check(made.getvalue(), name="r.xlsx").letters("class-size") == "C"
