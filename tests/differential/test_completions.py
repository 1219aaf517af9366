"""What is told of members that miss facts holds whatever the facts turn out to be.

Trees of members with facts left out are rolled up; then everything missing is filled in at random and rolled up
again. What was known must not change, what had bounds must lie within them, and verdicts other than
`insufficient_data` must stand.
"""

from __future__ import annotations

import math
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.backends import columnar
from engine.backends.asked import aggregates, asked_of
from engine.backends.base import Context
from engine.backends.columns import Below, Block, layout_of
from engine.backends.missing import Missing, names_of
from engine.backends.plan import plan_of
from engine.backends.reference import Evaluation, evaluate
from engine.check.ir import Aggregate
from engine.facts import Facts, Member
from engine.rollup.derived import derived_facts
from engine.values import GradeRange, Interval, Root, Value, settled
from engine.verdicts import Verdict
from tests.small import small_library

LIBRARY = small_library("""
facts:
- {fact: open_campus, type: boolean}
- {fact: rural, type: boolean}
- {fact: boys, type: integer, bounds: [0, 5]}
- {fact: girls, type: integer, bounds: [0, 5]}
- {fact: pupils, type: integer, bounds: [0, 10], derive: boys + girls}
- {fact: area, type: number, bounds: [-2, 8]}
- {fact: per_pupil, type: number, unit: m2/pupils, bounds: [0, 100], derive: area / pupils}
- {fact: rating, type: grade, options: [{id: poor}, {id: fair}, {id: good}]}
- {fact: rooms, type: checklist, items: [{id: music}, {id: art}, {id: lab}]}
- {fact: hours, type: integer, unit: class_hours, bounds: [0, 10], subject: [teacher]}
- {fact: trained, type: boolean, subject: [teacher]}
- {fact: trained_share, type: percent, subject: [school], derive: 'share(teacher, trained, weight=hours)'}
- {fact: teachers_fit, type: boolean, subject: [school], derive: 'every(teacher, trained or hours >= 8)'}
- {fact: c_count, type: integer, unit: schools, subject: [county], derive: 'count(school, where=open_campus and rural)'}
- {fact: c_area, type: number, subject: [county], derive: 'sum(school, area, where=rural)'}
- {fact: c_rooms, type: integer, unit: rooms, subject: [county], derive: 'sum(school, count_of(rooms))'}
- {fact: c_most, type: integer, subject: [county], derive: 'sum(school, max(boys, girls) if rural else boys)'}
- {fact: c_share, type: percent, subject: [county], derive: 'share(school, open_campus, where=rural, weight=pupils)'}
- {fact: c_plain, type: percent, subject: [county], derive: 'share(school, rating >= "fair" and not rural)'}
- {fact: c_every, type: boolean, subject: [county], derive: 'every(school, per_pupil >= 0.5, where=open_campus)'}
- {fact: c_lowest, type: grade, options: [{id: poor}, {id: fair}, {id: good}], subject: [county],
   derive: 'lowest(school, rating, where=pupils > 3)'}
- {fact: c_mean, type: number, unit: m2/pupils, subject: [county], derive: 'mean(school, per_pupil, weight=pupils)'}
- {fact: c_cv, type: number, unit: ratio, step: 0.001, subject: [county], derive: 'cv(school, area, per=pupils)'}
- {fact: c_trained, type: percent, subject: [county], derive: 'share(teacher, trained)'}
- {fact: c_fit, type: integer, unit: schools, subject: [county], derive: 'count(school, where=teachers_fit)'}
- {fact: c_reached, type: integer, unit: schools, subject: [county], derive: 'count(school, where=trained_share >= 50)'}
- {fact: c_ratio, type: percent, subject: [county], derive: '100 * sum(school, boys) / sum(school, pupils)'}
- {fact: c_next, type: percent, subject: [county], derive: 'min(c_share, c_plain) + 1'}
rules:
- {id: count, subject: county, require: c_count >= 2}
- {id: area, subject: county, require: c_area <= 4}
- {id: rooms, subject: county, require: c_rooms >= 4}
- {id: most, subject: county, require: c_most < 9}
- {id: share, subject: county, require: c_share >= 50}
- {id: plain, subject: county, require: c_plain != 50}
- {id: every, subject: county, require: c_every}
- {id: lowest, subject: county, when: 'c_lowest in ("poor", "fair")', require: c_lowest >= "fair"}
- {id: mean, subject: county, require: c_mean >= 0.5}
- {id: cv, subject: county, require: c_cv <= 0.5}
- {id: trained, subject: county, require: 50 <= c_trained < 90}
- {id: fit, subject: county, require: c_fit >= 1 or c_reached >= 1}
- {id: ratio, subject: county, when: c_next < 60, require: c_ratio <= 55}
""")
CONTEXT = Context(date(2026, 11, 22), LIBRARY.path("150603"))
Raw = dict[str, Any]
VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "school": {
        "open_campus": st.booleans(),
        "rural": st.booleans(),
        "boys": st.integers(0, 5),
        "girls": st.integers(0, 5),
        "area": st.integers(-20, 80).map(lambda n: n / 10),
        "rating": st.sampled_from(["poor", "fair", "good"]),
    },
    "teacher": {"hours": st.integers(0, 10), "trained": st.booleans()},
}
ROOMS = st.dictionaries(st.sampled_from(["music", "art", "lab"]), st.booleans(), max_size=3)


@st.composite
def facts_of(draw: st.DrawFn, kind: str) -> tuple[Raw, Raw]:
    """Facts with some left out, and the same completed."""
    known, whole = {}, {}
    for name, values in VALUES[kind].items():
        whole[name] = draw(values)
        if draw(st.integers(0, 3)):
            known[name] = whole[name]
    if kind == "school":
        known["rooms"] = draw(ROOMS)
        whole["rooms"] = {item: known["rooms"].get(item, draw(st.booleans())) for item in ("music", "art", "lab")}
    return known, whole


@st.composite
def trees(draw: st.DrawFn) -> tuple[Facts, Facts]:
    """A county with schools and their teachers: with facts left out, and completed."""
    pairs: list[tuple[Member, Member]] = []
    with_teachers = draw(st.booleans())
    for i in range(draw(st.integers(0, 4))):
        teachers: list[tuple[Member, Member]] = []
        if with_teachers:
            for j in range(draw(st.integers(1, 2))):
                known, whole = draw(facts_of("teacher"))
                teachers.append((member("teacher", f"t{i}{j}", known), member("teacher", f"t{i}{j}", whole)))
        known, whole = draw(facts_of("school"))
        below = tuple(zip(*teachers, strict=True)) if teachers else ((), ())
        pairs.append((member("school", f"s{i}", known, below[0]), member("school", f"s{i}", whole, below[1])))
    before, after = tuple(zip(*pairs, strict=True)) if pairs else ((), ())
    return Facts(members=before), Facts(members=after)


def member(kind: str, id_: str, raw: Raw, below: tuple[Member, ...] = ()) -> Member:
    facts, problems = LIBRARY.reader(kind).read(raw)
    assert not problems
    return Member(kind, id_, facts.with_members(below))


def agrees(before: Value, after: Value, options: tuple[str, ...]) -> bool:
    """True when a later value is none that an earlier one had ruled out."""
    match before:
        case None:
            return True
        case Interval(low, high):
            # A share of nobody stays unknown however much is known, and so does who reaches it.
            assert isinstance(after, Fraction | Root | Interval)
            least, most = (after.low, after.high) if isinstance(after, Interval) else (after, after)
            return low <= least and most <= high
        case GradeRange(low, high):
            assert isinstance(after, str)
            return low <= options.index(after) <= high
        case _:
            return before == after


def test_the_ruleset_is_sound() -> None:
    assert not LIBRARY.diagnostics


@given(trees())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_told_of_open_members_stands_when_they_are_known(pair: tuple[Facts, Facts]) -> None:
    program = LIBRARY.program("small@1", "county")
    before, after = (Evaluation(program, facts, CONTEXT) for facts in pair)
    for name, spec in program.facts.items():
        assert agrees(before.fact(name, None), after.fact(name, None), spec.options), name
    for index in range(len(program.rules)):
        first, second = before.finding(index), after.finding(index)
        assert first.verdict in (Verdict.INSUFFICIENT_DATA, second.verdict), program.rules[index].id
        if first.verdict is Verdict.INSUFFICIENT_DATA:
            assert first.missing
    for told in derived_facts(before):
        assert not (told.settle and settled(told.value))


@given(st.lists(trees(), min_size=1, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_columnar_equals_reference_with_members(pairs: list[tuple[Facts, Facts]]) -> None:
    compare_members(pairs)


def compare_members(pairs: list[tuple[Facts, Facts]]) -> None:
    """Verdicts, findings, derived facts and what is missing, of records with members as they are and completed."""
    program = LIBRARY.program("small@1", "county")
    records = [facts for pair in pairs for facts in pair]
    judged = list(columnar.judge(program, records, [CONTEXT] * len(records)))
    for facts, explainer in zip(records, judged, strict=True):
        expected = evaluate(program, facts, CONTEXT)
        assert explainer.codes == expected.codes
        assert tuple(explainer.finding(i) for i in range(len(program.rules))) == expected.findings
        found = list(derived_facts(explainer.evaluation))
        assert found == list(derived_facts(Evaluation(program, facts, CONTEXT)))
    block = columnar.judge_block(program, Block.of(plan_of(program).layout, records), [CONTEXT])
    names = names_of(program, CONTEXT.on)
    lacks = Missing(block, range(len(program.rules)), names)
    for row, facts in enumerate(records):
        told = {name for name, lacking in zip(names, lacks.marks[:, row], strict=True) if lacking}
        lacking = {name for finding in evaluate(program, facts, CONTEXT).findings for name in finding.missing}
        assert told | set(lacks.further.get(row, ())) == lacking


def of_schools(*schools: Raw) -> Facts:
    return Facts(members=tuple(member("school", f"s{i}", raw) for i, raw in enumerate(schools)))


def test_columns_decide_what_lies_on_a_limit_or_a_hair_beside_it() -> None:
    """A coefficient near 0.5, shares of 50 % by weights that no float holds: what floats cannot tell is computed."""
    hair = 2.0**-40
    pairs = [
        (2.0, 6.0),
        (2.0, 6.0 + hair),
        (2.0, 6.0 - hair),
        (2.1, 6.3),
        (0.1, 0.3),
        (0.7, 2.1),
        (1.1, 3.3),
        (0.0, 0.0),
    ]
    records = [of_schools({"boys": 3, "girls": 2, "area": a}, {"boys": 1, "girls": 4, "area": b}) for a, b in pairs]
    records += [
        of_schools(
            {"boys": 3, "girls": 0, "rural": True, "open_campus": True},
            {"boys": other, "girls": 0, "rural": True, "open_campus": False},
        )
        for other in (2, 3, 4)
    ]
    program = LIBRARY.program("small@1", "county")
    judged = columnar.judge_block(program, Block.of(plan_of(program).layout, [*records, Facts()]), [CONTEXT])
    for text, facts in zip(judged.texts(), [*records, Facts()], strict=True):
        assert text == evaluate(program, facts, CONTEXT).codes
    [cv] = [spec.derive for spec in program.facts.values() if spec.name == "c_cv"]
    assert isinstance(cv, Aggregate)
    assert judged.members is not None
    measure = judged.members.measure(cv)
    assert measure.near is not None
    assert measure.error is not None
    # The floats are near, and nearer than they say.
    for row, facts in enumerate(records[: len(pairs) - 1]):
        value = Evaluation(program, facts, CONTEXT).fact("c_cv", None)
        assert isinstance(value, Fraction | Root)
        assert abs(float(measure.near[row]) - float(value)) <= float(measure.error[row]) < 1e-12
    at = program.index["small/cv"]
    assert [text[at] for text in judged.texts()[: len(pairs)]] == list("CNCCCCCU")


@given(st.lists(trees(), min_size=3, max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_columns_say_of_an_aggregate_is_what_it_comes_to(pairs: list[tuple[Facts, Facts]]) -> None:
    """Aggregate by aggregate: whatever is not in doubt is the exact answer, with all that is told of it."""
    program = LIBRARY.program("small@1", "county")
    records = [facts for pair in pairs for facts in pair]
    judged = columnar.judge_block(program, Block.of(plan_of(program).layout, records), [CONTEXT])
    if judged.members is None:
        return
    for aggregate in (a for each in aggregates(program).values() for a in each):
        measure = judged.members.measure(aggregate)
        for row in judged.block.containers:
            expected = Evaluation(program, records[row], CONTEXT).rolled(aggregate, None)
            rolled = judged.members.rolled(aggregate, row)
            assert rolled is None or rolled == expected
            said, value = judged.members.value(aggregate, row)
            assert not said or value == expected.value
            if measure.near is not None and measure.error is not None and not measure.doubt[row]:
                exact = expected.value
                if isinstance(exact, Fraction | Root):
                    assert abs(float(measure.near[row]) - float(exact)) <= float(measure.error[row])
                else:
                    assert math.isnan(measure.near[row])
            if measure.ranks is not None and not measure.doubt[row]:
                low, high = (float(ends[row]) for ends in measure.ranks)
                options = ("poor", "fair", "good")
                match expected.value:
                    case None:
                        assert math.isnan(low)
                    case GradeRange():
                        assert (expected.value.low, expected.value.high) == (low, high)
                    case str():
                        assert options.index(expected.value) == low == high
                    case _:
                        raise AssertionError(expected.value)


@given(st.lists(trees(), min_size=1, max_size=5), st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_members_that_come_as_columns_are_those_of_a_tree(pairs: list[tuple[Facts, Facts]], partly: bool) -> None:
    """A file of schools beside a file of counties; a tree is made only where columns do not say enough."""
    program = LIBRARY.program("small@1", "county")
    records = []
    for facts in (facts for pair in pairs for facts in pair):
        schools = tuple(Member(m.subject, m.id, m.facts.with_members(())) for m in facts.members)
        # As of a school that was sent and could not be read, in every second county.
        refused = {"school": 1} if partly and len(records) % 2 and schools else {}
        records.append(Facts().with_members(schools, refused))
    block = Block.of(plan_of(program).layout, [Facts() for _ in records])
    schools_of = [(row, m) for row, facts in enumerate(records) for m in facts.members]
    inner = Block.of(layout_of(asked_of(program, "school")), [m.facts for _, m in schools_of])
    block.containers.extend(row for row, facts in enumerate(records) if facts.members)
    flags = np.zeros(block.size, dtype=bool)
    flags[[row for row, facts in enumerate(records) if facts.refused]] = True
    rows = np.array([row for row, _ in schools_of], dtype=np.intp)
    block.below["school"] = Below(inner, rows, flags, [CONTEXT], lambda i: schools_of[i][1].id)
    judged = columnar.judge_block(program, block, [CONTEXT])
    for facts, explainer in zip(records, judged.explainers(), strict=True):
        expected = evaluate(program, facts, CONTEXT)
        assert explainer.codes == expected.codes
        assert tuple(explainer.finding(i) for i in range(len(program.rules))) == expected.findings
        found = list(derived_facts(explainer.evaluation))
        assert found == list(derived_facts(Evaluation(program, facts, CONTEXT)))
