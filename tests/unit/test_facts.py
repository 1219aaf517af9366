"""Facts as they are sent: what is read, what is refused, and what is said about it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import MAX_PERIODS, FactReader
from tests.small import small_library

LIBRARY = small_library("""
facts:
- {fact: size, type: integer, bounds: [0, 200]}
- {fact: area_m2, type: number, bounds: [-10.5, 1000], step: 0.01}
- {fact: rate, type: percent, period: year}
- {fact: training, type: integer, period: {cycle: 5}}
- {fact: done, type: boolean}
- {fact: kind, type: category, options: [{id: primary}, {id: junior}]}
- {fact: opened, type: date}
- {fact: rooms, type: checklist, items: [{id: music}, {id: art}]}
- {fact: districts, type: integer, subject: [county]}
rules:
- {id: size, require: size <= 45}
""")
READER: FactReader = LIBRARY.reader("school")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_the_dictionary_is_sound() -> None:
    assert not LIBRARY.diagnostics


def test_whole_numbers_are_told_as_such_however_they_are_sent() -> None:
    facts, problems = READER.read({"area_m2": 10.0, "rate": 40.0, "size": 3.0})
    assert not problems
    assert repr(sorted(facts.plain.items())) == "[('area_m2', 10), ('rate', 40), ('size', 3)]"


def test_values_of_every_type() -> None:
    facts, problems = READER.read(
        {
            "size": 45,
            "area_m2": 3.25,
            "rate": {"2024": 90, "2025": 91.5},
            "done": False,
            "kind": "junior",
            "opened": "2020-09-01",
            "rooms": {"music": True, "art": None},
        }
    )
    assert not problems
    assert facts.plain == {
        "size": 45,
        "area_m2": 3.25,
        "done": False,
        "kind": "junior",
        "opened": date(2020, 9, 1),
        "rooms": {"music": True},
    }
    assert facts.keyed == {"rate": {2024: 90, 2025: 91.5}}


def test_a_whole_float_is_an_integer() -> None:
    facts, problems = READER.read({"size": 45.0})
    assert not problems
    assert facts.plain == {"size": 45}
    assert type(facts.plain["size"]) is int


def test_null_is_missing() -> None:
    facts, problems = READER.read({"size": None, "rate": {"2025": None}, "rooms": None})
    assert not problems
    assert facts.plain == {}
    assert not any(facts.keyed.values())


@pytest.mark.parametrize("rooms", [{}, {"music": None}, {"music": None, "art": None}])
def test_a_checklist_without_an_item_is_missing(rooms: dict[str, None]) -> None:
    facts, problems = READER.read({"rooms": rooms})
    assert not problems
    assert facts.plain == {}


def test_a_fact_of_another_subject_is_ignored_by_name() -> None:
    facts, problems = READER.read({"districts": 3})
    assert not problems
    assert facts.ignored == ("districts",)


@pytest.mark.parametrize(
    ("raw", "kind", "keys", "says"),
    [
        ({"siz": 1}, "unknown-fact", ("siz",), "unknown fact `siz`"),
        ({"size": "45"}, "wrong-type", ("size",), "found the text `45`"),
        ({"size": True}, "wrong-type", ("size",), "found true"),
        ({"size": 45.5}, "wrong-type", ("size",), "found 45.5"),
        ({"size": 201}, "out-of-bounds", ("size",), "from 0 to 200"),
        ({"size": -1}, "out-of-bounds", ("size",), "found -1"),
        ({"size": 10**400}, "out-of-bounds", ("size",), "a whole number"),
        ({"area_m2": float("nan")}, "out-of-bounds", ("area_m2",), "nan"),
        ({"area_m2": float("inf")}, "out-of-bounds", ("area_m2",), "inf"),
        ({"area_m2": -10.6}, "out-of-bounds", ("area_m2",), "from -10.5 to 1000"),
        ({"rate": {"2025年": 3}}, "bad-period", ("rate", "2025年"), "expected a year like `2025`"),
        ({"rate": {"2025": "3"}}, "wrong-type", ("rate", "2025"), "the text `3`"),
        ({"training": 360}, "bad-period", ("training",), "give it by period"),
        ({"done": "是"}, "wrong-type", ("done",), "expected true or false"),
        ({"done": 1}, "wrong-type", ("done",), "expected true or false"),
        ({"kind": "primry"}, "unknown-option", ("kind",), "expected one of `primary`, `junior`"),
        ({"kind": 3}, "wrong-type", ("kind",), "expected text"),
        ({"opened": "2025-02-30"}, "bad-date", ("opened",), "found `2025-02-30`"),
        ({"opened": "1899-12-31"}, "bad-date", ("opened",), "between 1900 and 2200"),
        ({"opened": "2025-W01-1"}, "bad-date", ("opened",), "found `2025-W01-1`"),
        ({"opened": "20250101"}, "bad-date", ("opened",), "found `20250101`"),
        ({"opened": 20250101}, "wrong-type", ("opened",), "expected a date"),
        ({"rooms": {"dance": True}}, "unknown-option", ("rooms", "dance"), "found `dance`"),
        ({"rooms": {"art": 1}}, "wrong-type", ("rooms", "art"), "expected true or false"),
        ({"rooms": ["art"]}, "wrong-type", ("rooms",), "expected an object of items"),
        ({"size": {"2025": 3}}, "wrong-type", ("size",), "found an object"),
    ],
)
def test_refused(raw: dict[str, object], kind: str, keys: tuple[str, ...], says: str) -> None:
    facts, [problem] = READER.read(raw)
    assert (problem.kind, problem.keys) == (kind, keys)
    assert says in problem.detail
    assert not any(facts.plain.values())


def test_suggestions() -> None:
    _, [unknown, option] = READER.read({"siz": 1, "kind": "primry"})
    assert unknown.help == "did you mean `size`?"
    assert option.help == "did you mean `primary`?"


def test_all_problems_at_once() -> None:
    _, problems = READER.read({"size": "45", "siz": 1, "kind": "x", "rate": {"a": 1, "b": 2}})
    assert len(problems) == 5


def test_too_many_periods() -> None:
    _, [problem] = READER.read({"rate": {str(1900 + i): 1 for i in range(MAX_PERIODS + 1)}})
    assert problem.kind == "bad-period"


def test_a_long_wrong_text_is_cut() -> None:
    _, [problem] = READER.read({"size": "x" * 10_000})
    assert len(problem.detail) < 200


@given(st.dictionaries(st.sampled_from([*LIBRARY.dictionary.facts, "nonsense"]), json_values))
def test_anything_is_read_or_refused(raw: dict[str, object]) -> None:
    facts, problems = READER.read(raw)
    told = {problem.keys[0] for problem in problems}
    for name, value in raw.items():
        # Nothing is said by a null, nor by a checklist without items.
        if (value is None and name != "nonsense") or (name == "rooms" and value == {}):
            continue
        assert name in facts.plain or name in facts.keyed or name in facts.ignored or name in told
