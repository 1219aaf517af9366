"""What verdicts say: each row is a rule, facts, a day, and the sentences that must come out."""

from datetime import date
from typing import Any

import pytest

from engine import phrases
from engine.backends import reference
from engine.backends.base import Context
from engine.facts import Facts
from engine.messages import Messages
from engine.periods import parse_kind
from engine.registry import Library
from tests.bundled import bundled_library
from tests.small import small_library

FACTS = """
facts:
  - {fact: size, type: integer, label: {zh: 最大班额, en: Largest class}}
  - {fact: cap, type: integer, label: {zh: 核定班额, en: Approved size}}
  - {fact: share, type: percent, label: {zh: 达标比例, en: Share up to standard}}
  - {fact: area, type: number, unit: m2/pupils, label: {zh: 生均面积, en: Area per pupil}}
  - {fact: hours, type: number, unit: class_hours, period: year, label: {zh: 学时, en: Hours}}
  - {fact: room, type: boolean, label: {zh: 设有心理辅导室, en: Counselling room in place}}
  - {fact: opened, type: date, label: {zh: 建成日期, en: Day of completion}}
  - fact: grade
    type: grade
    options: [{id: poor, zh: 差, en: poor}, {id: good, zh: 良好, en: good}]
    label: {zh: 等级, en: Grade}
  - fact: items
    type: checklist
    items: [{id: song, zh: 校歌, en: song}, {id: motto, zh: 校训, en: motto}]
    label: {zh: 校园文化, en: Traditions}
"""
TITLE = "title: {zh: 标题, en: Heading}, summary: {zh: 应当如此, en: It is so}"

# The rule's own keys, facts, day, Chinese, English.
ROWS: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "require: size <= 45",
        {"size": 47},
        "2026-01-01",
        "最大班额应不超过45人，实际47人，超出2人。",
        "Largest class must be at most 45 pupils; it is 47, 2 over.",
    ),
    (
        "require: size <= 45",
        {"size": 45},
        "2026-01-01",
        "最大班额应不超过45人，实际45人，符合要求。",
        "Largest class must be at most 45 pupils; it is 45, as required.",
    ),
    (
        "require: size < 45",
        {"size": 45},
        "2026-01-01",
        "最大班额应低于45人，实际45人，不符合要求。",
        "Largest class must be below 45 pupils; it is 45, which does not meet the requirement.",
    ),
    (
        "require: 45 >= size",
        {"size": 46},
        "2026-01-01",
        "最大班额应不超过45人，实际46人，超出1人。",
        "Largest class must be at most 45 pupils; it is 46, 1 over.",
    ),
    (
        "require: size >= 1",
        {"size": 0},
        "2026-01-01",
        "最大班额应不少于1人，实际0人，还差1人。",
        "Largest class must be at least 1 pupil; it is 0, 1 short.",
    ),
    (
        "require: size == 30",
        {"size": 33},
        "2026-01-01",
        "最大班额应为30人，实际33人，相差3人。",
        "Largest class must be 30 pupils; it is 33, 3 off.",
    ),
    (
        "require: size != 13",
        {"size": 13},
        "2026-01-01",
        "最大班额不应为13人，实际13人，不符合要求。",
        "Largest class must not be 13 pupils; it is 13, which does not meet the requirement.",
    ),
    (
        "require: size <= cap",
        {"size": 47, "cap": 45},
        "2026-01-01",
        "最大班额应不超过核定班额，实际47人，超出2人。",
        "Largest class must be at most approved size; it is 47, 2 over.",
    ),
    (
        "require: share >= 90",
        {"share": 88.5},
        "2026-01-01",
        "达标比例应不低于90%，实际88.5%，还差1.5个百分点。",
        "Share up to standard must be at least 90%; it is 88.5%, 1.5 percentage points short.",
    ),
    (
        "require: share >= 100",
        {"share": 99},
        "2026-01-01",
        "达标比例应达到100%，实际99%，还差1个百分点。",
        "Share up to standard must reach 100%; it is 99%, 1 percentage point short.",
    ),
    (
        "require: area >= 3.82",
        {"area": 3.5},
        "2026-01-01",
        "生均面积应不少于3.82平方米/人，实际3.5平方米/人，还差0.32平方米/人。",
        "Area per pupil must be at least 3.82 m² per pupil; it is 3.5, 0.32 short.",
    ),
    (
        "require: size <= 45, force: advisory",
        {"size": 47},
        "2026-01-01",
        "最大班额宜不超过45人，实际47人，超出2人。",
        "Largest class should ideally be at most 45 pupils; it is 47, 2 over.",
    ),
    (
        "require: share >= 90, due: 2025-12-31",
        {"share": 80},
        "2025-12-31",
        "达标比例应不低于90%，实际80%，还差10个百分点，期限为2025年12月31日，尚未到期。",
        "Share up to standard must be at least 90%; it is 80%, 10 percentage points short; "
        "due by 31 December 2025, so not yet due.",
    ),
    (
        "require: share >= 90, due: 2025-12-31",
        {"share": 80},
        "2026-01-01",
        "达标比例应不低于90%，实际80%，还差10个百分点，期限2025年12月31日已过。",
        "Share up to standard must be at least 90%; it is 80%, 10 percentage points short; "
        "the deadline of 31 December 2025 has passed.",
    ),
    (
        "require: share >= 90, due: {earliest: 2025-01-01, latest: 2027-12-31}",
        {"share": 80},
        "2026-01-01",
        "达标比例应不低于90%，实际80%，期限在2025年1月1日至2027年12月31日之间，未定确切日期，无法判定是否逾期。",
        "Share up to standard must be at least 90%; it is 80%; the deadline lies somewhere between 1 January 2025 and "
        "31 December 2027, so it cannot be said whether it has passed.",
    ),
    (
        "require: hours >= 72",
        {"hours": 70},
        "2026-01-01",
        "学时应不少于72课时，2025年实际70课时，还差2课时。",
        "Hours must be at least 72 class hours; it was 70 in 2025, 2 short.",
    ),
    (
        "require: hours >= 72",
        {"hours": {"2026": 10}},
        "2026-06-01",
        "学时应不少于72课时，2026年实际10课时，还差62课时，2026年尚未结束。",
        "Hours must be at least 72 class hours; it was 10 in 2026, 62 short; the period it is about (2026) is still "
        "running.",
    ),
    (
        "require: hours >= 72, due: 2023-12-31",
        {"hours": {"2023": 60, "2025": 80}},
        "2026-06-01",
        "学时应不少于72课时，2025年实际80课时，符合要求，但达标晚于期限（2023年12月31日）。",
        "Hours must be at least 72 class hours; it was 80 in 2025, met, but after the deadline of 31 December 2023.",
    ),
    (
        'require: hours >= 72, window: ["2023", "2027"]',
        {"hours": {"2023": 80, "2024": 80, "2025": 80}},
        "2026-06-01",
        "学时应不少于72课时，考核期至2027年12月31日，尚未结束。",
        "Hours must be at least 72 class hours; the period it looks over runs until 31 December 2027.",
    ),
    (
        f"require: room, {TITLE}",
        {"room": False},
        "2026-01-01",
        "标题：不符合要求。要求：应当如此。设有心理辅导室：否。",
        "Heading: not met. Requirement: It is so. Counselling room in place: no.",
    ),
    (
        f"require: room, due: unstated, {TITLE}",
        {"room": True},
        "2026-01-01",
        "标题：符合要求。要求：应当如此。设有心理辅导室：是。",
        "Heading: met. Requirement: It is so. Counselling room in place: yes.",
    ),
    (
        f"require: room, {TITLE}",
        {},
        "2026-01-01",
        "标题：缺少“设有心理辅导室”，无法判定。",
        "Heading: cannot be decided; missing: “Counselling room in place”.",
    ),
    (
        f"require: count_of(items) >= 2, {TITLE}",
        {"items": {"song": True}},
        "2026-01-01",
        "标题：缺少“校园文化”中的“校训”，无法判定。",
        "Heading: cannot be decided; missing: “motto” of “Traditions”.",
    ),
    (
        f"require: count_of(items) >= 2, {TITLE}",
        {"items": {"song": True, "motto": False}},
        "2026-01-01",
        "标题：不符合要求。要求：应当如此。校园文化：有校歌，无校训。",
        "Heading: not met. Requirement: It is so. Traditions: has song but lacks motto.",
    ),
    (
        f"require: size / cap <= 1, {TITLE}",
        {"size": 4, "cap": 3},
        "2026-01-01",
        "标题：不符合要求。要求：应当如此。最大班额：4人；核定班额：3人。",
        "Heading: not met. Requirement: It is so. Largest class: 4 pupils; approved size: 3 pupils.",
    ),
    (
        'require: grade >= "good"',
        {"grade": "poor"},
        "2026-01-01",
        "等级应不低于“良好”，实际差，不符合要求。",
        "Grade must be at least “good”; it is poor, which does not meet the requirement.",
    ),
    (
        'require: opened <= date("2020-06-01")',
        {"opened": "2021-02-03"},
        "2026-01-01",
        "建成日期应不迟于2020年6月1日，实际2021年2月3日，不符合要求。",
        "Day of completion must be no later than 1 June 2020; it is 3 February 2021, which does not meet the "
        "requirement.",
    ),
    (
        f"when: room, require: size <= 45, {TITLE}",
        {"room": False},
        "2026-01-01",
        "标题：不适用，该学校不在该要求的适用范围内。",
        "Heading: does not apply; the school is outside its scope.",
    ),
    (
        f"require: size <= 45, from: 2030-09-01, {TITLE}",
        {},
        "2026-01-01",
        "标题：不适用，该要求自2030年9月1日起施行，评估的日期或期间在此之前。",
        "Heading: does not apply; it starts on 1 September 2030, after the day or period judged.",
    ),
    (
        f"require: size <= 45, until: 2023-08-31, {TITLE}",
        {},
        "2026-01-01",
        "标题：不适用，该要求施行至2023年8月31日，评估日期在此之后。",
        "Heading: does not apply; it ended on 31 August 2023, before the day judged.",
    ),
    (
        f'require: room, due: {{"150602": 2022-12-31}}, {TITLE}',
        {},
        "2026-01-01",
        "标题：不适用，文件的时间表未列出该行政区划。",
        "Heading: does not apply; the document's timetable does not name the division.",
    ),
]


def judged(rule: str, facts: dict[str, Any], day: str, division: str = "150603") -> tuple[str, str]:
    library = small_library(f"{FACTS}\nrules:\n  - {{id: a, {rule}}}\n")
    assert not [d for d in library.diagnostics if d.severity == "error"], [d.message for d in library.diagnostics]
    program = library.program("small@1", "school")
    read, problems = library.reader("school").read(facts)
    assert not problems
    context = Context(date.fromisoformat(day), library.path(division))
    return Messages(program).of(reference.evaluate_rule(program, 0, read, context))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0].split(', title')[0]} {row[1]}")
def test_sentences(row: tuple[str, dict[str, Any], str, str, str]) -> None:
    rule, facts, day, zh, en = row
    assert judged(rule, facts, day) == (zh, en)


def test_a_place_outside_is_told() -> None:
    zh, en = judged(f"require: room, {TITLE}", {}, "2026-01-01", "620722")
    assert zh == "标题：不适用，该学校不在本文件施行的行政区划内。"
    assert en == "Heading: does not apply; the school lies outside the area of the document."


@pytest.mark.parametrize(
    ("kind", "key", "zh", "en"),
    [
        ("year", "2025", "2025年", "in 2025"),
        ("year to 09-30", "2025", "2025年（截至9月30日）", "in the year to 30 September 2025"),
        ("school_year", "2024-2025", "2024—2025学年", "in the school year 2024-2025"),
        ("term", "2024-2025-T2", "2024—2025学年第二学期", "in term 2 of 2024-2025"),
        ("half_year", "2025-H2", "2025年下半年", "in the second half of 2025"),
        ("quarter", "2025-Q3", "2025年第三季度", "in the third quarter of 2025"),
        ("month", "2025-09", "2025年9月", "in September 2025"),
        ("week", "2025-W06", "2025年第6周", "in week 6 of 2025"),
        ("fortnight", "2025-W35", "2025年第35周起的两周", "in the fortnight from week 35 of 2025"),
        ("cycle", "2021-2025", "2021—2025年", "in 2021-2025"),
    ],
)
def test_periods_in_words(kind: str, key: str, zh: str, en: str) -> None:
    period = parse_kind(kind, 5 if kind == "cycle" else None)
    assert period is not None
    period.parse(key)
    assert phrases.period(period, key) == (zh, en)


@pytest.fixture(scope="module")
def bundled() -> Library:
    library = bundled_library()
    assert not [d for d in library.diagnostics if d.severity == "error"]
    return library


def test_every_rule_of_every_ruleset_has_sound_sentences(bundled: Library) -> None:
    seen = 0
    for ruleset in bundled.rulesets.values():
        path = bundled.path(ruleset.jurisdiction) or ("root",)
        for subject in sorted({s for rule in ruleset.rules for s in rule.subjects}):
            program = bundled.program(ruleset.name, subject)
            messages = Messages(program)
            for facts in (Facts(), _facts(program.facts, extreme=0), _facts(program.facts, extreme=1)):
                for finding in reference.evaluate(program, facts, Context(date(2026, 11, 22), path)).findings:
                    zh, en = messages.of(finding)
                    seen += 1
                    assert zh.endswith("。"), zh
                    assert "。。" not in zh
                    assert en.endswith("."), en
                    assert ".." not in en
                    assert "  " not in en
                    assert "None" not in zh
                    assert "Fraction" not in zh + en
    assert seen > 300


def _facts(specs: Any, extreme: int) -> Facts:
    """Every fact at one of its ends; periodic ones as plain values."""
    plain: dict[str, Any] = {}
    for name, spec in specs.items():
        if spec.derive is not None or (spec.period is not None and spec.period.keyed_only):
            continue
        match spec.type_name:
            case "boolean":
                plain[name] = bool(extreme)
            case "integer" | "number" | "percent":
                assert spec.bounds is not None
                plain[name] = int(spec.bounds[extreme])
            case "date":
                plain[name] = date(2000 + 30 * extreme, 1, 1)
            case "checklist":
                plain[name] = dict.fromkeys(spec.options, bool(extreme))
            case _:
                plain[name] = spec.options[-extreme]
    return Facts(plain)
