"""Corners that drawn rulesets and records seldom reach: columnar equals reference there as well."""

from __future__ import annotations

import random
from datetime import date

import numpy as np
import pytest

from engine.backends import columnar, rationals, reference
from engine.backends.base import Context
from engine.backends.columns import Block
from engine.backends.missing import Missing, names_of
from engine.backends.plan import plan_of
from engine.facts import Facts, Member
from engine.values import exact
from tests.differential import shapes
from tests.small import small_library

ON = date(2025, 6, 1)
LABEL = "subject: school, evidence: measured, label: {zh: 量, en: quantity}"
LARGE = "type: number, unit: m2, bounds: [-1000000000000, 1000000000000], step: 0.000001"
FACTS = f"""{shapes.FACTS}
- {{fact: d2, type: date, {LABEL}}}
- {{fact: chosen, type: number, unit: m2, bounds: [-1000, 1000], step: 0.01, {LABEL},
  derive: x1 if (n1 > 5 or b1) else x2}}
- {{fact: large, {LARGE}, {LABEL}}}
- {{fact: other, {LARGE}, {LABEL}}}
"""

# What the rules say, and the facts of records.
CORNERS: dict[str, tuple[tuple[str, ...], list[dict[str, object]]]] = {
    "a choice that only `known` reads": (
        ("require: b2\n  when: known(chosen)", "require: b2\n  when: not known(chosen) or n1 > 3"),
        [
            {"x2": 9, "b1": False, "b2": True},
            {"x2": 9, "n1": 1, "b1": False, "b2": False},
            {"x1": 9, "n1": 9, "b2": False},
            {"x2": 9, "b2": False},
            {},
        ],
    ),
    "a rule that asks one that is excluded, which asks one over a window": (
        (
            "require: y1 >= 45\n  window: [2023, 2025]",
            'require: b1\n  when: passes("r0")\n  from: 2027-01-01',
            'require: b2\n  when: passes("r1") and n1 > 3',
        ),
        [{}, {"b2": True}, {"n1": 5}, {"y1": {"2023": 3}}],
    ),
    "numbers too small for a float to hold what they are times of": (
        ("require: x1 - x2 > 0", "require: x1 * x1 / x2 > 0.3", "require: x1 + x2 >= 1", "require: ceil(x1 / x2) > 2"),
        [
            {"x1": 1e-300, "x2": 1},
            {"x1": 5},
            {"x1": 999.5, "x2": 5e-324},
            {"x2": -1e-310},
            {"x1": 1e-200, "x2": 1e-200},
        ],
    ),
    "a choice between columns of which one is beyond 2^53": (
        ("require: (large if b1 else other) * large * 123456789.123457 >= other * large * 123456789.123457",),
        [
            {"large": 99999999999.123456, "other": 0.1, "b1": True},
            {"large": 1.5, "other": 900719925.123457, "b1": False},
            {"large": 1.7, "other": 900719925.123457, "b1": False},
        ],
    ),
    "a choice between a fraction beyond 2^53 and a constant": (
        ("require: (large * large / (other * other) if b1 else 1) > 0.5",),
        [
            {"large": 99999999999.123456, "other": 99999999999.123457, "b1": True},
            {"large": 99999999999.123456, "b1": True},
            {"b1": False},
            {"large": 1, "other": 99999999999.123457},
            {},
        ],
    ),
    "divisors beyond 2^53, some of them zero or below, the last ones missing": (
        (
            "require: n1 / (large * other) >= 0",
            "require: n1 / (large * other) < 0",
            "require: n1 / (large - other) > 0",
        ),
        [
            {"n1": 1, "large": 0, "other": 99999999999.123456},
            {"n1": 1, "large": -99999999999.123456, "other": 99999999999.123456},
            {"n1": 1, "large": 99999999999.123456, "other": 99999999999.123456},
            {"n1": 1, "large": 0.1},
            {"n1": 1},
        ],
    ),
    "deadlines after two dates": (
        ("require: b1\n  due: {after: d1, years: 3}", "require: b1\n  due: {after: d2, years: 3}"),
        [{"b1": False, "d1": "2010-01-01", "d2": "2024-01-01"}, {"b1": False, "d2": "2010-01-01"}, {"b1": False}],
    ),
}


@pytest.mark.parametrize("corner", CORNERS.values(), ids=CORNERS)
@pytest.mark.parametrize("times", [1, 2, 4])
def test_columnar_equals_reference(corner: tuple[tuple[str, ...], list[dict[str, object]]], times: int) -> None:
    bodies, raws = corner
    rules = "".join(shapes.rule_of(i, f"  {body}\n") for i, body in enumerate(bodies))
    library = shapes.library_of(FACTS, rules)
    assert not library.diagnostics, library.diagnostics[0]
    program = library.program("w@1", "school")
    read = [library.reader("school").read(raw) for raw in raws * times]
    assert not any(wrong for _, wrong in read)
    records, context = [facts for facts, _ in read], Context(ON, library.path("100101"))
    expected = [reference.evaluate(program, record, context) for record in records]
    judged = columnar.judge_block(program, Block.of(plan_of(program).layout, records), [context] * len(records))
    names = names_of(program, ON)
    lacks = Missing(judged, range(len(program.rules)), names)
    for row, (one, other) in enumerate(zip(judged.explainers(), expected, strict=True)):
        assert one.codes == other.codes, raws[row % len(raws)]
        assert tuple(one.finding(i) for i in range(len(program.rules))) == other.findings
        assert columnar.evaluate(program, records[row], context) == other
        told = {name for name, lacking in zip(names, lacks.marks[:, row], strict=True) if lacking}
        assert told | set(lacks.further.get(row, ())) == {n for f in other.findings for n in f.missing}


@pytest.mark.parametrize(
    ("low", "high", "digits", "fewer"), [(8_388_608, 9_007_199, 9, 8), (8.59e9, 9.007e9, 6, 1), (7.04e13, 9e13, 2, 1)]
)
def test_a_column_holds_the_decimals_that_texts_show(low: float, high: float, digits: int, fewer: int) -> None:
    """Where floats stand further apart than a column's last place, two of its decimals are one float."""
    rng = random.Random(digits)
    for _ in range(50):
        values = [round(rng.uniform(low, high), fewer), round(rng.uniform(0, 1), digits)]
        found = rationals.decimals(np.array(values), 0)
        assert [exact(int(n)) / 10**found.scale for n in found.num] == [exact(v) for v in values]


BY_PERIOD = small_library("""
facts:
- {fact: reviewed, type: percent, subject: [teacher], period: year}
- {fact: all_reviewed, type: percent, subject: [school], period: year, derive: 'share(teacher, reviewed >= 100)'}
- {fact: every_reviewed, type: boolean, subject: [school], period: year, derive: 'every(teacher, reviewed >= 100)'}
rules:
- {id: all, require: all_reviewed >= 100}
- {id: every, require: every_reviewed}
- {id: asks, require: passes("every")}
""")


@pytest.mark.parametrize("given", [{"2023": 90}, {"2023": 100}, {"2023": 90, "2025": 100}, {"2026": 90}, {"2024": 100}])
def test_members_that_speak_of_other_periods_than_the_last(given: dict[str, float]) -> None:
    """A rule reads the newest period of which members speak, whether it is the last that is finished or not."""
    program, context = BY_PERIOD.program("small@1", "school"), Context(date(2026, 11, 22), BY_PERIOD.path("150603"))
    teacher, wrong = BY_PERIOD.reader("teacher").read({"reviewed": given})
    assert not wrong
    records = [Facts(members=(Member("teacher", f"t{n}", teacher),) * n) for n in range(4)]
    # One who says nothing leaves open what the others give by period.
    records += [Facts(members=(*record.members, Member("teacher", "other", Facts()))) for record in records]
    judged = columnar.judge_block(program, Block.of(plan_of(program).layout, records), [context] * len(records))
    names = names_of(program, context.on)
    lacks = Missing(judged, range(len(program.rules)), names)
    for row, (one, record) in enumerate(zip(judged.explainers(), records, strict=True)):
        expected = reference.evaluate(program, record, context)
        assert one.codes == expected.codes
        assert tuple(one.finding(i) for i in range(len(program.rules))) == expected.findings
        told = {name for name, lacking in zip(names, lacks.marks[:, row], strict=True) if lacking}
        assert told | set(lacks.further.get(row, ())) == {n for f in expected.findings for n in f.missing}
