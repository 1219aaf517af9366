"""Calendar periods: keys, days, neighbours."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.periods import BadPeriod, PeriodKind, parse_kind

NAMES = ("year", "year to 09-30", "school_year", "half_year", "quarter", "term", "month", "fortnight", "week")
KINDS = [PeriodKind(name) for name in NAMES] + [
    PeriodKind("cycle", 5, 2021),
    PeriodKind("cycle", 3, 2020),
    PeriodKind("cycle", 5),
]
ANCHORED = [kind for kind in KINDS if not kind.keyed_only]
# Far enough from the ends of the calendar that every key's year lies between 1900 and 2200.
DAYS = st.dates(date(1960, 1, 1), date(2180, 12, 31))
kinds = st.sampled_from(KINDS)
anchored = st.sampled_from(ANCHORED)


def index_of(kind: PeriodKind, day: date) -> int:
    at = kind.containing(day)
    return day.year if at is None else at


@given(kind=kinds, day=DAYS)
def test_a_key_leads_back_to_its_period(kind: PeriodKind, day: date) -> None:
    at = index_of(kind, day)
    assert kind.parse(kind.key(at)) == at


@given(kind=anchored, day=DAYS)
def test_a_day_lies_in_the_period_that_contains_it_and_no_other(kind: PeriodKind, day: date) -> None:
    at = index_of(kind, day)
    assert kind.start(at) <= day <= kind.end(at)
    assert kind.covers(at, day)
    assert not kind.covers(at - 1, day)
    assert not kind.covers(at + 1, day)


@given(kind=anchored, day=DAYS)
def test_periods_follow_each_other_without_a_gap(kind: PeriodKind, day: date) -> None:
    at = index_of(kind, day)
    assert kind.start(at + 1) == kind.end(at) + timedelta(days=1)


@given(kind=kinds, day=DAYS)
def test_finished_means_after_the_last_day(kind: PeriodKind, day: date) -> None:
    at = index_of(kind, day)
    assert not kind.finished(at, kind.end(at))
    assert kind.finished(at, kind.end(at) + timedelta(days=1))
    assert kind.begun(at, kind.start(at))
    assert not kind.begun(at, kind.start(at) - timedelta(days=1))


@given(kind=anchored, day=DAYS)
def test_the_last_finished_period_is_the_newest_that_is(kind: PeriodKind, day: date) -> None:
    last = kind.last_finished(day)
    assert last is not None
    assert kind.finished(last, day)
    assert not kind.finished(last + 1, day)


@given(day=DAYS)
def test_a_cycle_without_an_anchor_has_no_last_finished_one(day: date) -> None:
    kind = PeriodKind("cycle", 5)
    assert kind.containing(day) is None
    assert kind.last_finished(day) is None
    assert kind.start(day.year) == date(day.year, 1, 1)
    assert kind.end(day.year) == date(day.year + 4, 12, 31)


@given(
    kind=kinds,
    key=st.one_of(st.text(max_size=14), st.from_regex(r"[0-9]{4}-?[WTHQ]?[0-9]{0,4}(-T?[0-9])?", fullmatch=True)),
)
def test_any_other_key_is_refused_in_words(kind: PeriodKind, key: str) -> None:
    try:
        at = kind.parse(key)
    except BadPeriod as error:
        refusal = str(error)
    else:
        refusal = None
        assert kind.key(at) == key
    assert refusal is None or key in refusal


@pytest.mark.parametrize(
    ("name", "key", "first", "last"),
    [
        ("year", "2025", date(2025, 1, 1), date(2025, 12, 31)),
        ("year to 09-30", "2025", date(2024, 10, 1), date(2025, 9, 30)),
        ("school_year", "2024-2025", date(2024, 9, 1), date(2025, 8, 31)),
        ("half_year", "2025-H1", date(2025, 1, 1), date(2025, 6, 30)),
        ("half_year", "2025-H2", date(2025, 7, 1), date(2025, 12, 31)),
        ("quarter", "2025-Q3", date(2025, 7, 1), date(2025, 9, 30)),
        ("term", "2024-2025-T1", date(2024, 9, 1), date(2025, 1, 31)),
        ("term", "2024-2025-T2", date(2025, 2, 1), date(2025, 8, 31)),
        ("month", "2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("month", "2025-02", date(2025, 2, 1), date(2025, 2, 28)),
        ("month", "2025-12", date(2025, 12, 1), date(2025, 12, 31)),
        ("week", "2025-W01", date(2024, 12, 30), date(2025, 1, 5)),
        ("week", "2020-W53", date(2020, 12, 28), date(2021, 1, 3)),
    ],
)
def test_first_and_last_day(name: str, key: str, first: date, last: date) -> None:
    kind = PeriodKind(name)
    at = kind.parse(key)
    assert (kind.start(at), kind.end(at)) == (first, last)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("year", "25"),
        ("year", "2025年"),
        ("year", "1899"),
        ("year", "2201"),
        ("year", "２０２５"),
        ("school_year", "2024-2026"),
        ("school_year", "2025"),
        ("term", "2024-2025-T3"),
        ("term", "2024-2026-T1"),
        ("quarter", "2025-Q5"),
        ("quarter", "2025-Q0"),
        ("month", "2025-13"),
        ("month", "2025-00"),
        ("month", "2025-2"),
        ("week", "2025-W53"),
        ("week", "2025-W00"),
    ],
)
def test_refused_keys(name: str, key: str) -> None:
    with pytest.raises(BadPeriod, match="expected a "):
        PeriodKind(name).parse(key)


def test_a_fortnight_is_named_by_its_first_week() -> None:
    kind = PeriodKind("fortnight")
    at = kind.parse("2025-W36") if _begins_fortnight("2025-W36") else kind.parse("2025-W35")
    first = kind.key(at)
    year, week = first.split("-W")
    second = f"{year}-W{int(week) + 1:02}"
    with pytest.raises(BadPeriod, match=f"named by its first week, `{first}`"):
        kind.parse(second)


def _begins_fortnight(key: str) -> bool:
    return PeriodKind("week").parse(key) % 2 == 0


@pytest.mark.parametrize(
    ("kind", "key", "why"),
    [
        (PeriodKind("cycle", 5, 2021), "2021-2024", "must span 5 years"),
        (PeriodKind("cycle", 5, 2021), "2022-2026", "cycles run like `2021-2025`"),
        (PeriodKind("cycle", 5), "2022-2025", "must span 5 years"),
        (PeriodKind("cycle", 5), "2022-2021", "must span 5 years"),
    ],
)
def test_refused_cycles(kind: PeriodKind, key: str, why: str) -> None:
    with pytest.raises(BadPeriod, match=why):
        kind.parse(key)


def test_kinds_by_name() -> None:
    assert parse_kind("year") == PeriodKind("year")
    assert parse_kind("cycle", 5, 2021) == PeriodKind("cycle", 5, 2021)
    assert parse_kind("cycle", 1) is None
    assert parse_kind("cycle") is None
    assert parse_kind("decade") is None
    assert str(PeriodKind("cycle", 5, 2021)) == "cycle of 5 years from 2021"
