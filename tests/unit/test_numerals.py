"""Numerals of a text: what counts, what is only a mark or part of a word, and what became of each."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.check.ir import Ruleset
from engine.citations.numerals import Numeral, PlacedNumeral, numerals, place_numerals
from engine.citations.quotes import sha256_of
from engine.registry import load_library
from tests.small import small_files


def seen(text: str, mark: str = "") -> list[tuple[str, str]]:
    return [(n.text, n.kind) for n in numerals(text, mark=mark)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("班额不超过45人", ["45"]),
        ("班额不超过４５人", ["４５"]),
        ("达到99.64%以上", ["99.64%"]),
        ("达到９９．６４％", ["９９．６４％"]),
        ("提高2.5个百分点", ["2.5个百分点"]),
        ("投入5,898万元", ["5,898万"]),
        ("投入10.29亿元,增2万余", ["10.29亿", "2万"]),
        ("到2025年底", ["2025年底"]),
        ("于2021年5月17日印发", ["2021年5月17日"]),
        ("(2021—2025年)规划", ["2021—2025年"]),
        ("掌握1—2项运动、3至5项", ["1—2", "3至5"]),
        ("时间:2022-08-25 08:20:12", ["2022-08-25", "08:20:12"]),
        ("不超过45人、50人", ["45", "50"]),
        # What a damaged text glued together is shown as printed: nobody invents the gap.
        ("不超过12项;20232025年", ["12", "20232025年"]),
        ("艺术2+1项目", ["2", "1"]),
    ],
)
def test_figures(text: str, expected: list[str]) -> None:
    assert seen(text) == [(t, "figure") for t in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一个、两项、十二年", ["一", "两", "十二"]),
        ("三至五年", ["三至五"]),
        ("百分之九十五以上", ["百分之九十五"]),
        ("三分之二", ["三分之二"]),
        ("三点五平方米", ["三点五"]),
        ("一年半", ["一", "半"]),
        ("每半年", ["半"]),
        ("全部清零", ["全部", "清零"]),
        ("全员培训全覆盖", ["全员", "全覆盖"]),
        ("零择校", ["零"]),
        ("第二幼儿园", ["第二"]),
        ("“十四五”时期", ["十四五"]),
        ("健全部门协同", []),
    ],
)
def test_words_that_count(text: str, expected: list[str]) -> None:
    assert seen(text) == [(t, "word") for t in expected]


@pytest.mark.parametrize("word", ["进一步", "统一", "一定", "一般", "城乡一体化", "九年一贯制", "IPv6", "百姓"])
def test_words_that_count_nothing(word: str) -> None:
    kinds = [kind for _, kind in seen(f"推进{word}建设")]
    assert kinds == (["word", "fixed"] if word == "九年一贯制" else ["fixed"])


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("一、目标", ["一"]),
        ("前文。\n  十二、目标", ["十二"]),
        ("(一)目标\n（二）任务", ["一", "二"]),
        ("1.目标。2．任务", ["1", "2"]),
        ("\n1、目标", ["1"]),
        ("包括:1、目标。2、任务", ["1", "2"]),
        ("机制8.教学", ["8"]),
        ("第三章 学校", ["第三"]),
        ("一是加强,二是改进", ["一", "二"]),
        ("①加强②改进", ["①", "②"]),
    ],
)
def test_marks_of_lists(text: str, marks: list[str]) -> None:
    assert seen(text) == [(mark, "mark") for mark in marks]


@pytest.mark.parametrize("text", ["一、二年级", "1.5倍", "(2)人以上为2", "有1、2两项", "第三产业"])
def test_numbers_that_only_look_like_marks(text: str) -> None:
    """Behind words a number counts; at the head of a line `一、` cannot be told from a mark."""
    assert all(kind != "mark" for _, kind in seen("其中" + text))


def test_a_lost_dot_is_known_from_the_ledger() -> None:
    assert seen("7加快优质均衡", mark="7") == [("7", "mark")]
    assert seen("7加快优质均衡") == [("7", "figure")]
    assert seen("5年内完成", mark="7") == [("5年", "figure")]


@given(st.text(alphabet="0159０年月%.,，。、(（)）—至\n一二十百万半零第进步统全部清人", max_size=40))
def test_no_digit_escapes(text: str) -> None:
    found = list(numerals(text))
    inside = {at for n in found for at in range(n.start, n.end)}
    assert all(at in inside for at, char in enumerate(text) if re.match("[0-9０-９一二十百万半零]", char))
    assert [n.start for n in found] == sorted({n.start for n in found})
    assert all(text[n.start : n.end] == n.text for n in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))


TEXT = "附1\n一、班额。到2025年,小学班额不超过45人,初中50人;办好3所。\n二、经费。投入9万元。\n尾7"
FIRST, SECOND = (3, 38), (39, 51)


def at(words: str) -> list[int]:
    return [TEXT.index(words), TEXT.index(words) + len(words)]


def ruleset() -> Ruleset:
    files = small_files(f"""
facts: [{{fact: a, type: integer}}]
rules:
- {{id: primary, span: {at("小学班额不超过45人")}, figures: [45人], due: 2025-12-31, require: a <= 45,
   also_at: [{{clause: 一, span: {at("到2025年")}}}]}}
- {{id: junior, span: {at("初中50人")}, require: a <= 50}}
- {{id: cut, span: {at("到202")}, require: a <= 60}}
""")
    files["small/1/clauses.yaml"] = f"""
- clause: 一
  span: {list(FIRST)}
  sha256: {sha256_of(TEXT[slice(*FIRST)])}
  kind: duty
  without_rule: [{{span: {at("一、班额。")}, reason: organisational}}]
- clause: 二
  span: {list(SECOND)}
  sha256: {sha256_of(TEXT[slice(*SECOND)])}
  kind: duty
  reason: background
  note: 数字是已有投入。
"""
    library = load_library(files)
    assert not library.diagnostics
    return library.rulesets["small@1"]


def test_what_became_of_each() -> None:
    placed = {p.numeral.text: p for p in place_numerals(ruleset(), TEXT)}
    assert list(placed) == ["1", "一", "2025年", "45", "50", "3", "二", "9万", "7"]
    fates = {text: (p.clause, p.rules, p.stated, p.reason, p.lost) for text, p in placed.items()}
    assert fates["45"] == ("一", ("small/primary",), True, None, False)
    assert fates["2025年"][:3] == ("一", ("small/cut", "small/primary"), True)
    assert fates["50"] == ("一", ("small/junior",), False, None, False)
    assert fates["3"] == ("一", (), False, None, True)
    assert fates["9万"] == ("二", (), False, "background", False)
    assert placed["9万"].note == "数字是已有投入。"
    assert fates["1"] == fates["7"] == (None, (), False, None, True)
    assert not placed["一"].counts
    assert not placed["二"].lost


def test_half_a_numeral_is_not_held() -> None:
    """A span that ends inside a number holds another number."""
    whole = ruleset()
    cut = Ruleset(
        **{name: getattr(whole, name) for name in Ruleset.__dataclass_fields__ if name != "rules"},
        rules=tuple(rule for rule in whole.rules if rule.id == "small/cut"),
    )
    [year] = [p for p in place_numerals(cut, TEXT) if p.numeral.text == "2025年"]
    assert year == PlacedNumeral(Numeral(*at("2025年"), "2025年", "figure"), "一", (), False, None, None)
    assert year.lost
