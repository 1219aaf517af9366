"""Rules of a standard as a plan adopts them: what stays, what the plan replaces, what is kept apart."""

from datetime import date
from fractions import Fraction

import pytest

from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.check.ir import Rule, Ruleset
from engine.citations.coverage import cover
from engine.citations.quotes import sha256_of
from engine.citations.verify import verify
from engine.digests import closure, digest, text_closure
from engine.facts import Facts
from engine.registry import Library, load_library
from engine.verdicts import Finding
from tests.small import small_files, small_library

TEXT = """
facts:
- {fact: classes, type: integer, unit: classes}
- {fact: size, type: integer, bounds: [0, 200]}
- {fact: rooms, type: integer, unit: rooms}
- {fact: opened, type: date}
rules:
- {id: tables, require: rooms >= param("least")}
clauses:
- {clause: 一, span: [0, 40], incorporates: {standard@1: {span: [30, 40], rules: [both, cap, spare], due: 2025-12-31}}}
- {clause: 二, span: [40, 70], incorporates: {standard@1: [limit]}}
- {clause: 三, span: [70, 100], incorporates: {standard@1: {rules: [cap], due: 2025-12-31}}}
ruleset:
  parameters: [{id: least, type: integer, unit: rooms, default: 3, label: {zh: 下限, en: Least}}]
standard:
  rules:
  - {id: cap, when: classes > 0, require: size <= 45, span: [5, 9], also_at: [{clause: 一, span: [1, 2]}]}
  - {id: spare, require: rooms >= 1}
  - {id: unused, require: rooms >= 99}
  - {id: limit, require: size <= param("least"), from: 2018-01-01}
  - {id: both, require: passes("cap") and passes("spare")}
  ruleset:
    parameters: [{id: least, type: integer, unit: pupils, label: {zh: 学生下限, en: Least pupils}}]
"""


def loaded(text: str = TEXT) -> Library:
    library = small_library(text)
    assert [str(d) for d in library.diagnostics] == []
    return library


def adopted(library: Library) -> dict[str, Rule]:
    return {rule.id: rule for rule in library.rulesets["small@1"].incorporated}


def findings(library: Library, on: str, path: str = "150603", **facts: int | None) -> dict[str, Finding]:
    program = library.program("small@1", "school")
    known, problems = library.reader("school").read(facts)
    assert not problems
    parameters = {"least": Fraction(3), "standard@1/least": Fraction(40)}
    context = Context(date.fromisoformat(on), library.path(path), parameters)
    outcome = reference.evaluate(program, known, context)
    assert columnar.evaluate(program, known, context) == outcome
    return {program.rules[finding.rule].id: finding for finding in outcome.findings}


def test_they_follow_the_plans_own_rules_each_once_in_the_order_of_clauses_and_standard() -> None:
    program = loaded().program("small@1", "school")
    assert [rule.id for rule in program.rules] == [
        "small/tables",
        "standard/both",
        "standard/spare",
        "standard/cap",
        "standard/limit",
    ]


def test_both_documents_are_cited() -> None:
    cap = adopted(loaded())["standard/cap"]
    assert (cap.citation.ruleset, cap.citation.document, cap.citation.span) == ("standard@1", "标准", (5, 9))
    assert [(c.ruleset, c.document, c.path, c.span) for c in cap.also_at] == [
        ("small@1", "小规划", "一", (30, 40)),
        ("small@1", "小规划", "三", (70, 100)),
        ("standard@1", "标准", "一", (1, 2)),
    ]


def test_words_elsewhere_are_cited_behind_those_that_adopt() -> None:
    text = TEXT.replace("{span: [30, 40], rules", "{span: [30, 40], also_at: [{clause: 二, span: [45, 50]}], rules")
    assert text != TEXT
    library = loaded(text)
    assert [(c.ruleset, c.path, c.span) for c in adopted(library)["standard/spare"].also_at] == [
        ("small@1", "一", (30, 40)),
        ("small@1", "二", (45, 50)),
    ]
    assert adopted(library)["standard/spare"].adopted_at == adopted(library)["standard/spare"].also_at[0]
    # They are part of what is cited, so of the meaning; the second clause is cited whole anyway.
    assert digests(text)[0] != digests(TEXT)[0]
    coverage = cover(library.rulesets["small@1"])
    assert coverage.code_points is not None
    assert coverage.code_points.cited == 10 + 10 + 30 + 30


def test_the_second_reader_of_an_entry_is_a_text() -> None:
    text = TEXT.replace("[both, cap, spare], due", "[both, cap, spare], reviewed: {by: r, on: 2026-11-22}, due")
    assert text != TEXT
    [entry] = loaded(text).rulesets["small@1"].clauses[0].incorporates
    assert entry.reviewed == ("r", date(2026, 11, 22))
    assert digests(text)[0] == digests(TEXT)[0]
    assert digests(text)[1] != digests(TEXT)[1]


def test_the_plan_gives_the_deadline() -> None:
    library = loaded()
    for on, letter in (("2025-12-31", "T"), ("2026-01-01", "N")):
        found = findings(library, on, classes=3, size=46, rooms=0)
        assert [found[f"standard/{name}"].verdict.letter for name in ("cap", "spare", "both")] == [letter] * 3
        assert found["standard/cap"].due == date(2025, 12, 31)
        assert found["standard/limit"].verdict.letter == "N"
    met = findings(library, "2024-01-01", classes=3, size=40, rooms=3)
    assert {finding.verdict.letter for finding in met.values()} == {"C"}
    unknown = findings(library, "2026-01-01", classes=3)
    assert unknown["standard/both"].verdict.letter == "U"
    assert set(unknown["standard/both"].missing) == {"size", "rooms"}


def test_a_list_alone_leaves_the_rule_as_the_standard_has_it() -> None:
    limit = adopted(loaded())["standard/limit"]
    assert (limit.due, limit.force, limit.starts) == (None, "binding", date(2021, 5, 17))


@pytest.mark.parametrize(
    ("due", "division", "on", "letter"),
    [
        ("{'150602': 2024-12-31}", "150603", "2024-06-30", "X"),
        ("{'150603': 2024-12-31}", "150603", "2024-12-31", "T"),
        ("{'150603': 2024-12-31}", "150603", "2025-01-01", "N"),
        ("{'150600': 2024-12-31}", "150603", "2025-01-01", "N"),
        ("unstated", "150603", "2024-06-30", "N"),
        ("{earliest: 2024-12-31, latest: 2025-12-31}", "150603", "2025-06-30", "U"),
        ("{after: opened, years: 3, latest: 2025-12-31}", "150603", "2026-01-01", "N"),
    ],
)
def test_the_deadline_may_have_any_form(due: str, division: str, on: str, letter: str) -> None:
    text = TEXT.replace("rules: [both, cap, spare], due: 2025-12-31", f"rules: [spare], due: {due}")
    text = text.replace("{rules: [cap], due: 2025-12-31}", "[cap]")
    found = findings(loaded(text), on, division, rooms=0)
    assert found["standard/spare"].verdict.letter == letter


def test_start_and_force_are_the_plans() -> None:
    text = TEXT.replace("rules: [both, cap, spare], due", "rules: [spare], from: 2024-01-01, force: expected, due")
    text = text.replace("{rules: [cap], due: 2025-12-31}", "[cap]")
    library = loaded(text)
    spare, cap = adopted(library)["standard/spare"], adopted(library)["standard/cap"]
    assert (spare.force, spare.starts) == ("expected", date(2024, 1, 1))
    assert cap.force == "binding"
    assert findings(library, "2023-12-31", rooms=0)["standard/spare"].reason == "before_start"
    assert findings(library, "2024-01-01", rooms=0)["standard/spare"].verdict.letter == "T"


def test_parameters_of_two_rulesets_with_one_id_are_kept_apart() -> None:
    library = loaded()
    program = library.program("small@1", "school")
    assert {id_: parameter.default for id_, parameter in program.parameters.items()} == {
        "least": Fraction(3),
        "standard@1/least": None,
    }
    assert adopted(library)["standard/limit"].parameters == ("standard@1/least",)
    found = findings(library, "2024-01-01", size=40, rooms=3)
    assert found["standard/limit"].verdict.letter == found["small/tables"].verdict.letter == "C"
    off = reference.evaluate(
        program, Facts(), Context(date(2024, 1, 1), library.path("150603"), {"least": Fraction(3)})
    )
    assert off.findings[program.index["standard/limit"]].reason == "parameter_off"


def digests(text: str) -> tuple[str, str]:
    library = loaded(text)
    ruleset, facts = library.rulesets["small@1"], library.dictionary.facts
    return digest(closure(ruleset, facts)), digest(text_closure(ruleset, facts))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size <= 45", "size <= 44"),
        ("rules: [both, cap, spare], due", "rules: [both, cap, spare], force: expected, due"),
        ("unit: pupils, label", "unit: pupils, default: 40, label"),
        ("[limit]", "[limit, unused]"),
    ],
)
def test_what_is_adopted_is_part_of_the_plans_meaning(old: str, new: str) -> None:
    text = TEXT.replace("{rules: [cap], due: 2025-12-31}", "[unused]") if "[limit]" not in old else TEXT
    assert digests(text) != digests(text.replace(old, new))
    assert digests(text)[0] != digests(text.replace(old, new))[0]


def test_what_is_not_adopted_is_no_part_of_it() -> None:
    assert digests(TEXT) == digests(TEXT.replace("rooms >= 99", "rooms >= 98"))


def test_texts_of_the_standard_move_only_the_digest_of_texts() -> None:
    changed = TEXT.replace("{id: spare, require", "{id: spare, note: 注, require")
    assert digests(TEXT)[0] == digests(changed)[0]
    assert digests(TEXT)[1] != digests(changed)[1]


def test_the_order_of_the_list_means_nothing() -> None:
    first, second = (
        TEXT.replace("{rules: [cap], due", "{rules: [spare, cap], due"),
        TEXT.replace("{rules: [cap], due", "{rules: [cap, spare], due"),
    )
    assert digests(first) == digests(second)


def test_coverage_counts_them_apart() -> None:
    coverage = cover(loaded().rulesets["small@1"])
    assert (coverage.rules, coverage.incorporating, coverage.incorporated) == (1, 3, 4)
    assert coverage.code_points is not None
    # The rule of its own cites [0, 10], the entries [30, 40], the second and the third clause.
    assert coverage.code_points.cited == 10 + 10 + 30 + 30


def drifts(files: dict[str, str], original: str) -> list[str]:
    """What is not as the ledger says, but for the file as a whole."""
    library = load_library(files)
    assert [str(d) for d in library.diagnostics] == []
    proof = verify(library.rulesets["small@1"], original.encode())
    return [f"{drift.kind} {drift.where} {drift.span}" for drift in proof.drifts if drift.kind != "file-changed"]


def test_the_words_that_adopt_account_for_their_sentences() -> None:
    original = "甲" * 29 + "。" + "乙" * 9 + "。" + "丙" * 29 + "。" + "丁" * 29 + "。"
    files = small_files(TEXT)
    for span in ((0, 40), (40, 70), (70, 100)):
        digest_of_words = sha256_of(original[slice(*span)])
        files["small/1/clauses.yaml"] = files["small/1/clauses.yaml"].replace("0" * 64, digest_of_words, 1)
    assert drifts(files, original) == []
    elsewhere = files["small/1/clauses.yaml"].replace("[30, 40]", "[0, 9]").replace("['30', '40']", "['0', '9']")
    assert elsewhere != files["small/1/clauses.yaml"]
    files["small/1/clauses.yaml"] = elsewhere
    assert drifts(files, original) == ["sentence-unaccounted 一 (30, 40)"]


def test_consequences_may_follow_from_an_incorporated_rule() -> None:
    library = loaded(f"{TEXT}\nconsequences:\n- {{id: notice, clause: 三, span: [70, 80], breach_of: standard/cap}}\n")
    ruleset: Ruleset = library.rulesets["small@1"]
    assert [c.causes for c in ruleset.consequences] == [("standard/cap",)]
    assert ruleset.consequences[0].subjects == ("school",)
