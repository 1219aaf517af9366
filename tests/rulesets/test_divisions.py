"""The list of divisions is one tree, and every superseded code leads on to codes that exist."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

import pytest

DIVISIONS = Path(__file__).resolve().parents[2] / "rulesets" / "divisions.csv"
COLUMNS = ["code", "name", "parent", "level", "since", "until", "successors"]
Row = dict[str, str]

# Counties of these have no city above them: the four municipalities, and xx90xx under other provinces.
MUNICIPALITIES = {"11", "12", "31", "50"}

# (code, name, names of the divisions above it)
OF_THE_PLANS = [
    ("620700", "张掖市", "甘肃省"),
    ("620702", "甘州区", "张掖市/甘肃省"),
    ("620721", "肃南裕固族自治县", "张掖市/甘肃省"),
    ("620722", "民乐县", "张掖市/甘肃省"),
    ("620723", "临泽县", "张掖市/甘肃省"),
    ("620724", "高台县", "张掖市/甘肃省"),
    ("620725", "山丹县", "张掖市/甘肃省"),
    ("150600", "鄂尔多斯市", "内蒙古自治区"),
    ("150602", "东胜区", "鄂尔多斯市/内蒙古自治区"),
    ("150603", "康巴什区", "鄂尔多斯市/内蒙古自治区"),
    ("150621", "达拉特旗", "鄂尔多斯市/内蒙古自治区"),
    ("150622", "准格尔旗", "鄂尔多斯市/内蒙古自治区"),
    ("150623", "鄂托克前旗", "鄂尔多斯市/内蒙古自治区"),
    ("150624", "鄂托克旗", "鄂尔多斯市/内蒙古自治区"),
    ("150625", "杭锦旗", "鄂尔多斯市/内蒙古自治区"),
    ("150626", "乌审旗", "鄂尔多斯市/内蒙古自治区"),
    ("150627", "伊金霍洛旗", "鄂尔多斯市/内蒙古自治区"),
    ("610700", "汉中市", "陕西省"),
    ("610702", "汉台区", "汉中市/陕西省"),
    ("610703", "南郑区", "汉中市/陕西省"),
    ("610722", "城固县", "汉中市/陕西省"),
    ("610723", "洋县", "汉中市/陕西省"),
    ("610724", "西乡县", "汉中市/陕西省"),
    ("610725", "勉县", "汉中市/陕西省"),
    ("610726", "宁强县", "汉中市/陕西省"),
    ("610727", "略阳县", "汉中市/陕西省"),
    ("610728", "镇巴县", "汉中市/陕西省"),
    ("610729", "留坝县", "汉中市/陕西省"),
    ("610730", "佛坪县", "汉中市/陕西省"),
    ("140107", "杏花岭区", "太原市/山西省"),
    ("340102", "瑶海区", "合肥市/安徽省"),
]


@cache
def rows() -> list[Row]:
    with DIVISIONS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def by_code() -> dict[str, Row]:
    return {row["code"]: row for row in rows()}


def successors(row: Row) -> list[str]:
    return [code for code in row["successors"].split(";") if code]


def chain(code: str) -> list[str]:
    """Codes from `code` up to its province; a loop or a missing parent fails."""
    found = [code]
    while (parent := by_code()[found[-1]]["parent"]) != "root":
        assert parent not in found, f"{code}: the parents run in a circle"
        found.append(parent)
    return found


def current_ends(code: str, seen: tuple[str, ...] = ()) -> set[str]:
    """Current codes that the successors of `code` lead to; a circle fails."""
    assert code not in seen, f"{code}: the successors run in a circle"
    row = by_code()[code]
    if not row["until"]:
        return {code}
    return {end for heir in successors(row) for end in current_ends(heir, (*seen, code))}


def test_columns_and_values_have_their_form() -> None:
    with DIVISIONS.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == COLUMNS
    for row in rows():
        assert re.fullmatch(r"[1-9]\d{5}", row["code"]), row
        assert row["name"] == row["name"].strip() != "", row
        assert re.fullmatch(r"|\d{4}(-\d\d-\d\d)?", row["since"]), row
        assert re.fullmatch(r"|\d{4}(-\d\d-\d\d)?", row["until"]), row
        assert not row["until"] or row["since"] <= row["until"], row


def test_codes_are_unique_and_sorted() -> None:
    codes = [row["code"] for row in rows()]
    assert codes == sorted(set(codes))


def test_level_follows_from_the_code() -> None:
    for row in rows():
        code = row["code"]
        shape = "province" if code[2:] == "0000" else "city" if code[4:] == "00" else "county"
        assert row["level"] == shape, row


def test_parent_follows_from_the_code() -> None:
    for row in rows():
        code, parent = row["code"], row["parent"]
        if row["level"] == "province":
            assert parent == "root", row
        elif row["level"] == "city" or code[:2] in MUNICIPALITIES or code[2:4] == "90" or code[:4] == "4600":
            assert parent == code[:2] + "0000", row
        else:
            assert parent == code[:4] + "00", row


def test_every_parent_exists_up_to_root() -> None:
    for row in rows():
        levels = [by_code()[code]["level"] for code in chain(row["code"])]
        assert levels in (["province"], ["city", "province"], ["county", "city", "province"]) or (
            levels == ["county", "province"]
        ), row


def test_a_current_division_has_a_current_parent_and_no_successor() -> None:
    for row in rows():
        if not row["until"]:
            assert not row["successors"], row
            assert all(not by_code()[code]["until"] for code in chain(row["code"])), row


def test_names_are_unique_among_current_siblings() -> None:
    siblings = [(row["parent"], row["name"]) for row in rows() if not row["until"]]
    assert len(siblings) == len(set(siblings))


def test_successors_exist_in_the_same_province() -> None:
    for row in rows():
        heirs = successors(row)
        assert len(heirs) == len(set(heirs)), row
        for heir in heirs:
            assert heir in by_code(), row
            # Chongqing is the one province whose divisions came from another, before the list begins.
            assert heir[:2] == row["code"][:2], row


def test_a_successor_is_still_listed_when_its_predecessor_goes() -> None:
    for row in rows():
        for heir in successors(row):
            until = by_code()[heir]["until"]
            assert not until or until >= row["until"], (row, by_code()[heir])


def test_almost_every_superseded_code_leads_to_a_current_one() -> None:
    superseded = [row for row in rows() if row["until"]]
    lost = [row["code"] for row in superseded if not current_ends(row["code"])]
    assert len(superseded) > 900
    assert len(lost) <= 10, lost


@pytest.mark.parametrize(("code", "name", "above"), OF_THE_PLANS)
def test_the_divisions_of_the_encoded_plans(code: str, name: str, above: str) -> None:
    assert by_code()[code]["name"] == name
    assert not by_code()[code]["until"]
    assert "/".join(by_code()[parent]["name"] for parent in chain(code)[1:]) == above


@pytest.mark.parametrize(
    ("code", "name", "until", "heirs"),
    [
        ("610721", "南郑县", "2017", ["610703"]),
        ("622201", "张掖市", "2002", ["620702"]),
        ("152728", "伊金霍洛旗", "2001", ["150627"]),
        ("110103", "崇文区", "2010", ["110101"]),
        ("371200", "莱芜市", "2019", ["370116", "370117"]),
        ("341423", "含山县", "2011", ["340522"]),
        ("500112", "渝北区", "2025", ["500157"]),
    ],
)
def test_superseded_codes(code: str, name: str, until: str, heirs: list[str]) -> None:
    row = by_code()[code]
    assert (row["name"], row["until"], successors(row)) == (name, until, heirs)


@pytest.mark.parametrize(
    ("code", "since"), [("150603", "2016"), ("610703", "2017"), ("460300", "2012"), ("620702", "2002")]
)
def test_beginning_of_newer_codes(code: str, since: str) -> None:
    assert by_code()[code]["since"] == since


@pytest.mark.parametrize(
    ("code", "parent"),
    [
        ("429004", "420000"),
        ("419001", "410000"),
        ("469001", "460000"),
        ("659001", "650000"),
        ("110101", "110000"),
        ("500235", "500000"),
        ("441900", "440000"),
        ("442000", "440000"),
        ("460300", "460000"),
        ("460400", "460000"),
        ("620200", "620000"),
        ("710000", "root"),
        ("810000", "root"),
        ("820000", "root"),
    ],
)
def test_divisions_without_a_city_or_counties(code: str, parent: str) -> None:
    assert by_code()[code]["parent"] == parent
    assert not by_code()[code]["until"]


def test_counts_of_current_divisions() -> None:
    current = [row["level"] for row in rows() if not row["until"]]
    assert current.count("province") == 34
    assert 330 <= current.count("city") <= 340
    assert 2800 <= current.count("county") <= 2900
