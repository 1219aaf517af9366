"""Exact numbers and units."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.values import (
    PERCENT,
    Category,
    Checklist,
    Number,
    Unit,
    UnknownUnit,
    describe,
    exact,
    parse_unit,
    shortest,
    unit_of,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.1, Fraction(1, 10)),
        (3.825, Fraction(3825, 1000)),
        (45, Fraction(45)),
        (45.0, Fraction(45)),
        (-0.0, Fraction(0)),
    ],
)
def test_a_number_is_the_decimal_that_its_shortest_text_shows(value: float, expected: Fraction) -> None:
    assert exact(value) == expected


@given(st.decimals(-(10**9), 10**9, places=6, allow_nan=False))
def test_decimals_survive_json(value: object) -> None:
    assert exact(json.loads(str(value))) == Fraction(str(value))


@given(st.floats(-1e15, 1e15))
def test_shortest_gives_back_what_was_sent(value: float) -> None:
    assert shortest(exact(value)) == value


def test_shortest_is_a_whole_number_where_no_float_reaches() -> None:
    assert shortest(Fraction(10**400, 3)) == 10**400 // 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        exact(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pupils", "count"),
        ("percent", "percent"),
        ("ratio", "ratio"),
        ("m2/pupils", "m2 per count"),
        ("pupils/teachers", "ratio"),
        ("yuan", "yuan"),
        ("mbps / persons", "mbps per count"),
    ],
)
def test_units_in_words(text: str, words: str) -> None:
    assert unit_of(Number(parse_unit(text))) == words


@pytest.mark.parametrize("text", ["", "pupil", "m2/pupil", "m2 pupils", "％"])
def test_unknown_units(text: str) -> None:
    with pytest.raises(UnknownUnit):
        parse_unit(text)


UNITS = st.sampled_from(["pupils", "teachers", "m2", "yuan", "hours", "ratio"]).map(parse_unit)


@given(UNITS, UNITS)
def test_a_quotient_times_its_divisor_is_the_dividend(a: Unit, b: Unit) -> None:
    assert a.times(b, -1).times(b) == a


@given(UNITS)
def test_a_percentage_of_a_unit_keeps_its_scale(unit: Unit) -> None:
    assert unit.times(unit, -1) == Unit()
    assert PERCENT.times(unit).scale == 100
    assert PERCENT.times(PERCENT, -1).scale == 1


def test_types_in_words() -> None:
    assert describe(Number(None)) == "a plain number"
    assert describe(Category(("a",), ordered=True)) == "a grade"
    assert describe(Category(("a",))) == "a category"
    assert describe(Checklist(("a",))) == "a checklist"
