"""`xueheng check` on workbooks, as offices send them. All of them are made here."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.lines import Call
from tests.cli.workbooks import (
    HEADS,
    SHEET,
    Check,
    calculated,
    checker,
    fill,
    patched,
    saved,
    with_shared_texts,
    workbook,
)


@pytest.fixture
def check(xueheng: Call, rulesets: Path, tmp_path: Path) -> Check:
    """Checks a workbook."""
    return checker(xueheng, rulesets, tmp_path)


def test_a_plain_sheet(check: Check) -> None:
    found = check(workbook({**HEADS, "A2": "甲", "B2": 1, "C2": 45, "A4": "乙", "B4": "１", "C4": "46人"}))
    assert found.exit_code == 0
    assert [result["id"] for result in found.results] == ["甲", "乙"]
    assert found.letters("class-size") == "CN"


def test_titles_and_merged_heads(check: Check) -> None:
    cells = {
        "A1": "某县义务教育学校基本情况表",
        "A2": "填报单位：某县教育局",
        "E2": "单位：人",
        "A3": "序号",
        "B3": "学校名称",
        "C3": "小学",
        "C4": "班数",
        "D4": "最大\n班额（人）",
        "E3": "年度交流比例",
        "E4": "2024年",
        "F4": "2025年",
        "G3": "专用教室",
        "G4": "音乐",
        "H4": "美术",
        "I3": "备注",
        "A5": 1,
        "B5": "甲",
        "C5": 6,
        "D5": 45,
        "E5": 20,
        "F5": 9,
        "G5": "√",
        "H5": "有",
        "I5": "无",
        "A6": "合计",
        "C6": 6,
        "A7": "注：班额为各班最多人数。",
    }
    merges = ("A1:I1", "A2:D2", "A3:A4", "B3:B4", "C3:D3", "E3:F3", "G3:H3", "I3:I4", "A6:B6", "A7:I7")
    found = check(workbook(cells, merges=merges))
    assert found.exit_code == 0, found.stderr
    [result] = found.results
    assert result["id"] == "甲"
    assert (found.letters("class-size"), found.letters("rotation"), found.letters("rooms")) == ("C", "N", "C")
    assert "left out as sums of others: row 6" in found.stderr
    assert "left out as notes: row 7" in found.stderr


@pytest.mark.parametrize(
    ("group", "head", "says"),
    [
        ("初中", "小学最大班额", "表1!B2: unknown heading `初中/小学最大班额`"),
        ("小学", "最小班额", "表1!B2: unknown heading `小学/最小班额`"),
        ("基本情况", "小学最大班额(万人)", "unknown heading"),
    ],
)
def test_merged_heads_that_say_something_else(check: Check, group: str, head: str, says: str) -> None:
    cells = {"A1": "学校名称", "B1": group, "B2": head, "C2": "小学班数", "A3": "甲", "B3": 45}
    found = check(workbook(cells, merges=("A1:A2", "B1:C1")))
    assert found.exit_code == 2
    assert says in found.stderr


def test_a_group_that_changes_nothing(check: Check) -> None:
    cells = {
        "A1": "学校名称",
        "B1": "班级情况",
        "B2": "小学最大班额",
        "C2": "小学班数（个班）",
        "A3": "甲",
        "B3": 45,
        "C3": 1,
    }
    found = check(workbook(cells, merges=("A1:A2", "B1:C1")))
    assert found.exit_code == 0, found.stderr
    assert found.letters("class-size") == "C"


def test_headings_are_refused_by_their_cells(check: Check) -> None:
    found = check(workbook({**HEADS, "D1": "校长", "E1": "最大班额(小学)", "A2": "甲"}))
    assert found.exit_code == 2
    assert "表1!D1: unknown heading `校长`" in found.stderr
    assert "表1!E1: the headings `小学最大班额` (表1!C1) and `最大班额(小学)` mean the same" in found.stderr


def test_percentages_dates_and_times(check: Check) -> None:
    cells = {
        "A1": "年度交流比例",
        "B1": "建校日期",
        "A2": (0.1, "0%"),
        "B2": (44196, "yyyy/m/d"),
        "A3": (0.0999, "0%"),
        "B3": (44197, 'yyyy"年"m"月"d"日"'),
        "A4": 10,
        "B4": 44196,
        "A5": (44196, "yyyy-mm-dd"),
        "A6": (0.5, "h:mm"),
    }
    found = check(workbook(cells))
    assert found.letters("rotation") == "CNC!!"
    assert found.letters("open") == "CNC!!"
    assert [error["cell"] for error in found.errors] == ["表1!A5", "表1!A6"]
    assert "found the date 2020-12-31" in found.errors[0]["detail"]


def test_a_percent_sign_on_what_is_no_percentage(check: Check) -> None:
    found = check(workbook({**HEADS, "A2": "甲", "C2": (0.45, "0%")}))
    assert found.exit_code == 1
    assert found.errors[0]["cell"] == "表1!C2"
    assert "the cell shows 45%" in found.errors[0]["detail"]


@pytest.mark.parametrize(
    ("values", "noted"),
    [
        ((0.1, 0.2), "every number of column `年度交流比例` is at most 1"),
        ((0.1, (0.2, "0%")), "has percent signs, and numbers of at most 1 without"),
        ((0.1, 20), ""),
        (((0.1, "0%"), 20), ""),
        ((0, 0), ""),
    ],
)
def test_fractions_that_may_be_percentages_are_noted(check: Check, values: tuple[Any, Any], noted: str) -> None:
    found = check(workbook({"A1": "年度交流比例", "A2": values[0], "A3": values[1]}))
    assert found.exit_code == 0
    assert noted in found.stderr
    assert noted or "column `年度交流比例`" not in found.stderr


def test_numbers_have_15_significant_digits(check: Check) -> None:
    book = saved(workbook({"A1": "建筑面积", "A2": 3.825, "A3": 3.825}))
    book = patched(book, SHEET, lambda xml: xml.replace("<v>3.825</v>", "<v>3.8249999999999997</v>", 1))
    assert check(book).letters("area") == "CC"


def test_error_cells_are_named(check: Check) -> None:
    book = workbook({**HEADS, "A2": "甲", "B2": 1, "C2": "#N/A", "A3": "乙", "B3": "#DIV/0!", "C3": "#VALUE!"})
    for place in ("C2", "B3", "C3"):
        book.active[place].data_type = "e"
    found = check(book)
    assert found.letters("class-size") == "!!"
    first, second = found.errors
    assert first["cell"] == "表1!C2"
    assert "the error #N/A" in first["detail"]
    assert [one["cell"] for one in second["errors"]] == ["表1!B3", "表1!C3"]


def with_value(content: bytes, formula: str, value: str) -> bytes:
    """A formula with the value that a program has kept for it."""
    pattern = re.compile(re.escape(f"<f>{formula}</f>") + r"<v ?/>|" + re.escape(f"<f>{formula}</f>") + "<v></v>")

    def change(xml: str) -> str:
        changed, number = pattern.subn(f"<f>{formula}</f><v>{value}</v>", xml)
        assert number == 1
        return changed

    return patched(content, SHEET, change)


def test_a_formula_counts_with_its_kept_value(check: Check) -> None:
    book = calculated(saved(workbook({**HEADS, "A2": "甲", "B2": "=3-2", "C2": "=40+5"})))
    book = with_value(book, "3-2", "1")
    assert check(with_value(book, "40+5", "46")).letters("class-size") == "N"
    found = check(book)
    assert found.errors[0]["cell"] == "表1!C2"
    assert "never calculated" in found.errors[0]["detail"]


def test_values_of_a_program_that_does_not_calculate_do_not_count(check: Check) -> None:
    book = saved(workbook({**HEADS, "A2": "甲", "B2": 1, "C2": "=40+5"}))
    found = check(with_value(book, "40+5", "0"))
    assert found.letters("class-size") == "!"
    assert "never calculated" in found.errors[0]["detail"]


def test_merged_facts_are_refused_and_merged_places_are_not(check: Check) -> None:
    cells = {
        "A1": "行政区划代码",
        "B1": "小学班数",
        "C1": "小学最大班额",
        "A2": 150603,
        "B2": 1,
        "C2": 45,
        "B3": 1,
        "C4": 45,
        "B4": 1,
    }
    found = check(workbook(cells, merges=("A2:A3", "C2:C3")))
    assert found.letters("class-size") == "!!C"
    assert [error["cell"] for error in found.errors] == ["表1!C2", "表1!C3"]
    assert "the cells C2:C3 are merged" in found.errors[0]["detail"]


def test_hidden_rows_and_columns_are_read_with_a_notice(check: Check) -> None:
    book = workbook({**HEADS, "A2": "甲", "B2": 1, "C2": 46})
    book.active.row_dimensions[2].hidden = True
    book.active.column_dimensions["C"].hidden = True
    found = check(book)
    assert found.letters("class-size") == "N"
    assert "read although hidden: row 2" in found.stderr
    assert "read although hidden: column C" in found.stderr


def test_the_sheet_with_headings_is_found(check: Check) -> None:
    book = workbook({"A1": "填表说明", "A2": "请如实填写"}, title="说明")
    fill(book.create_sheet("数据"), {**HEADS, "A2": "甲", "B2": 1, "C2": 45})
    assert check(book).letters("class-size") == "C"
    fill(book.create_sheet("去年"), {**HEADS, "A2": "甲", "B2": 1, "C2": 46})
    found = check(book)
    assert found.exit_code == 2
    assert "the sheets `数据`, `去年` have headings: say which with --sheet" in found.stderr
    assert check(book, "--sheet", "去年").letters("class-size") == "N"
    found = check(book, "--sheet", "前年")
    assert found.exit_code == 2
    assert "there is no sheet `前年`; there are `说明`, `数据`, `去年`" in found.stderr
    book["去年"].sheet_state = "hidden"
    assert check(book).letters("class-size") == "C"


def test_no_sheet_has_headings(check: Check) -> None:
    book = workbook({"A1": "填表说明"}, title="说明")
    fill(book.create_sheet("另一页"), {"A1": "甲"})
    found = check(book)
    assert found.exit_code == 2
    assert "no sheet has headings that name facts" in found.stderr


def test_an_empty_sheet(check: Check) -> None:
    found = check(workbook({}))
    assert found.exit_code == 2
    assert "the sheet is empty" in found.stderr


def test_cells_beside_the_headings(check: Check) -> None:
    cells = {
        "A1": "学校名称",
        "C1": "小学最大班额",
        "A2": "甲",
        "B2": "随手",
        "C2": 45,
        "E2": "另有",
        "A3": "乙",
        "C3": 45,
    }
    found = check(workbook(cells))
    assert found.errors[0]["cell"] == "表1!E2"
    assert "not read, for want of a heading: column B" in found.stderr
    assert len(found.errors) == 1


def test_ids_whose_digits_are_lost(check: Check) -> None:
    book = workbook({"A1": "编号", "B1": "小学班数", "A2": 1506030001, "B2": 1, "A3": 3150603000100012345, "B3": 1})
    found = check(book)
    assert found.results[0]["id"] == "1506030001"
    assert found.errors[0]["cell"] == "表1!A3"
    assert "more than 15 digits" in found.errors[0]["detail"]


def test_subjects_in_chinese(check: Check) -> None:
    book = workbook({"A1": "对象", "B1": "已制定规划", "C1": "小学班数", "A2": "县", "B2": "是", "A3": "学校", "C3": 1})
    found = check(book)
    assert found.exit_code == 0
    assert [len(result["codes"]) for result in found.results] == [1, 7]


def test_texts_with_readings_and_escapes(check: Check) -> None:
    book = with_shared_texts({**HEADS, "A2": "甲", "B2": 1, "C2": 45})
    rich = "<si><r><t>小学</t></r><r><t>最大班额</t></r><rPh sb='0' eb='1'><t>xiao</t></rPh></si>"

    def change(xml: str) -> str:
        assert "<si><t>小学最大班额</t></si>" in xml
        return xml.replace("<si><t>小学最大班额</t></si>", rich).replace("<t>甲</t>", "<t>甲_x4E59_</t>")

    found = check(patched(book, "xl/sharedStrings.xml", change))
    assert found.letters("class-size") == "C"
    assert found.results[0]["id"] == "甲乙"
