"""Where the straight line from baseline to target stands on a day, and when there is none."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.digests import closure, digest
from engine.messages import Messages
from engine.registry import Library
from engine.verdicts import Finding, Pace, Verdict
from tests.small import small_library

FACTS = """
facts:
- {fact: rate, type: percent}
- {fact: yearly, type: percent, period: year}
- {fact: large, type: integer, unit: classes}
- {fact: part, type: integer, unit: classes}
- {fact: share, type: percent, derive: 100 * part / large}
- {fact: start, type: date}
rules:
"""
LINE = "baseline: [{fact: FACT, value: 90, at: 2021-01-01}], due: 2025-01-01"
MIDDLE = date(2023, 1, 2)
"""730 of the 1,461 days from 2021-01-01 to 2025-01-01 have passed, and one more."""


def library_of(rule: str) -> Library:
    fact = next(word for word in ("rate", "yearly", "large", "share") if word in rule)
    library = small_library(FACTS + "- {id: r, " + rule.replace("LINE", LINE.replace("FACT", fact)) + "}\n")
    assert library.diagnostics == ()
    return library


def finding_of(rule: str, raw: dict[str, object], on: date = MIDDLE, place: str = "150603") -> Finding:
    """The finding of a rule, the same from both back ends."""
    library = library_of(rule)
    program = library.program("small@1", "school")
    facts, problems = library.reader("school").read(raw)
    assert not problems
    context = Context(on, library.path(place))
    found = reference.evaluate(program, facts, context)
    assert columnar.evaluate(program, facts, context) == found
    return found.findings[0]


def test_the_line_is_exact() -> None:
    finding = finding_of("require: rate >= 95, LINE", {"rate": 92.5})
    expected = 90 + Fraction(5 * 731, 1461)
    assert finding.verdict is Verdict.NOT_YET_DUE
    assert finding.pace == Pace(
        Fraction(90), date(2021, 1, 1), Fraction(95), date(2025, 1, 1), expected, Fraction("92.5"), False
    )
    assert finding.gap == Fraction("2.5")


@pytest.mark.parametrize(
    ("require", "sent", "ahead"),
    [
        ("rate >= 95", 92.6, True),
        ("rate > 95", 92.5, False),
        ("95 <= rate", 92.6, True),
        ("rate <= 80", 84.9, True),
        ("rate < 80", 85, False),
        ("80 > rate", 85, False),
        ("rate == 100", 96, True),
        ("rate == 100", 94, False),
        ("rate == 95", 97, True),
        ("rate == 95", 97.6, False),
    ],
)
def test_ahead_is_at_least_as_far_as_the_line(require: str, sent: float, ahead: bool) -> None:
    pace = finding_of(f"require: {require}, LINE", {"rate": sent}).pace
    assert pace is not None
    assert pace.ahead is ahead


@pytest.mark.parametrize(
    ("on", "expected"),
    [(date(2021, 5, 17), 90 + Fraction(5 * 136, 1461)), (date(2025, 1, 1), Fraction(95))],
)
def test_the_ends_of_the_line(on: date, expected: Fraction) -> None:
    pace = finding_of("require: rate >= 95, LINE", {"rate": 90}, on).pace
    assert pace is not None
    assert pace.expected_today == expected


def test_before_its_first_day_the_line_stands_at_the_baseline() -> None:
    rule = "require: rate >= 95, baseline: [{fact: rate, value: 90, at: 2024-01-01}], due: 2025-01-01"
    pace = finding_of(rule, {"rate": 90}).pace
    assert pace is not None
    assert (pace.expected_today, pace.ahead) == (90, True)


def test_on_the_line_is_not_behind() -> None:
    rule = "require: rate >= 95, baseline: [{fact: rate, value: 90, at: 2022-01-01}], due: 2024-01-01"
    pace = finding_of(rule, {"rate": 92.5}, date(2023, 1, 1)).pace
    assert pace is not None
    assert (pace.expected_today, pace.ahead) == (Fraction("92.5"), True)


def test_a_periodic_fact_and_a_derived_one_have_a_pace() -> None:
    pace = finding_of("require: yearly >= 95, LINE", {"yearly": {"2021": 91, "2022": 93}}).pace
    assert pace is not None
    assert pace.actual == 93
    pace = finding_of("require: share >= 95, LINE", {"part": 2, "large": 3}).pace
    assert pace is not None
    assert pace.actual == Fraction(200, 3)


def test_a_table_of_days_gives_each_division_its_line() -> None:
    line = "baseline: [{fact: rate, value: 90, at: 2021-01-01}], due: {'150602': 2023-12-31, '150603': 2025-01-01}"
    near, far = (finding_of(f"require: rate >= 95, {line}", {"rate": 90}, place=p).pace for p in ("150602", "150603"))
    assert near is not None
    assert far is not None
    assert (near.due, far.due) == (date(2023, 12, 31), date(2025, 1, 1))
    assert near.expected_today > far.expected_today


@pytest.mark.parametrize(
    ("rule", "raw", "on"),
    [
        ("require: rate >= 95, LINE", {"rate": 95}, MIDDLE),
        ("require: rate >= 95, LINE", {"rate": 94}, date(2025, 1, 2)),
        ("require: rate >= 95, LINE", {}, MIDDLE),
        ("require: rate >= 95, LINE", {"rate": 94}, date(2021, 5, 16)),
        ("require: rate >= 95, due: 2025-01-01", {"rate": 94}, MIDDLE),
        ("require: rate != 95, LINE", {"rate": 95}, MIDDLE),
        ("require: rate >= 95 and rate < 99, LINE", {"rate": 94}, MIDDLE),
        ("require: rate >= yearly, LINE", {"rate": 94, "yearly": 95}, MIDDLE),
        ("require: rate + 1 >= 96, LINE", {"rate": 94}, MIDDLE),
        (
            "require: rate >= 95, baseline: [{fact: yearly, value: 1, at: 2021-01-01}], due: 2025-01-01",
            {"rate": 9},
            MIDDLE,
        ),
        (
            "require: rate >= 95, baseline: [{fact: rate, value: 90, at: 2025-01-01}], due: 2025-01-01",
            {"rate": 9},
            MIDDLE,
        ),
        (
            "require: rate >= 95, baseline: [{fact: rate, value: 90, at: 2021-01-01}], "
            "due: {earliest: 2024-01-01, latest: 2025-01-01}",
            {"rate": 9},
            MIDDLE,
        ),
        (
            "require: rate >= 95, baseline: [{fact: rate, value: 90, at: 2021-01-01}], due: {after: start, years: 3}",
            {"rate": 9, "start": "2021-05-01"},
            MIDDLE,
        ),
    ],
)
def test_where_there_is_no_line(rule: str, raw: dict[str, object], on: date) -> None:
    assert finding_of(rule, raw, on).pace is None


@pytest.mark.parametrize(
    ("sent", "zh", "en"),
    [
        (
            92,
            "比例应不低于95%，实际92%，还差3个百分点，期限为2025年1月1日，尚未到期；自2022年1月1日的90%起匀速推进，"
            "当日应为92.5%，落后0.5个百分点。",
            "Ratio must be at least 95%; it is 92%, 3 percentage points short; due by 1 January 2025, so not yet due; "
            "on a straight line from 90% on 1 January 2022 it would now be 92.5%, 0.5 percentage points behind it.",
        ),
        (94, "当日应为92.5%，超前1.5个百分点。", "it would now be 92.5%, 1.5 percentage points ahead of it."),
        (92.5, "当日应为92.5%，进度相符。", "it would now be 92.5%, so it is on the line."),
    ],
)
def test_the_message_tells_the_pace(sent: float, zh: str, en: str) -> None:
    rule = "require: rate >= 95, baseline: [{fact: rate, value: 90, at: 2022-01-01}], due: 2025-01-01"
    library = library_of(rule)
    program = library.program("small@1", "school")
    facts, _ = library.reader("school").read({"rate": sent})
    # Half of the 1,096 days.
    context = Context(date(2023, 7, 3), library.path("150603"))
    message = Messages(program).of(reference.evaluate(program, facts, context).findings[0])
    assert message[0].replace("rate", "比例").endswith(zh)
    assert message[1].replace("Rate", "Ratio").endswith(en)


def test_a_baseline_belongs_to_the_meaning() -> None:
    def meaning(value: str) -> str:
        rule = f"require: rate >= 95, baseline: [{{fact: rate, value: {value}, at: 2021-01-01}}], due: 2025-01-01"
        library = library_of(rule)
        return digest(closure(library.rulesets["small@1"], library.dictionary.facts))

    assert meaning("90") != meaning("91")
    assert meaning("90") == meaning("90.0")
