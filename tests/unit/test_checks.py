"""What a ruleset with mistakes leaves behind can be run all the same."""

from datetime import date

import pytest

from engine.backends import reference
from engine.backends.base import Context
from engine.cascades import without_consequences
from engine.facts import Facts
from engine.registry import load_library
from tests.small import HEAD, small_files, small_library

FACTS = """
facts:
- {fact: a, type: integer}
- {fact: b, type: boolean, subject: [county]}
- {fact: yearly, type: integer, period: year}
- {fact: termly, type: integer, period: term}
- {fact: opened, type: date}
rules:
- {id: sound, require: a > 3}
"""


def rules_left(text: str) -> list[str]:
    library = small_library(FACTS + text)
    program = library.program("small@1", "school")
    outcome = reference.evaluate(program, Facts(), Context(date(2026, 11, 22), library.path("150603")))
    assert len(outcome.findings) == len(program.rules)
    assert library.digests
    return sorted(rule.id.removeprefix("small/") for rule in library.rulesets["small@1"].rules)


@pytest.mark.parametrize(
    "text",
    [
        "- {id: c, subject: county, require: b}\n- {id: other-subject, require: 'passes(\"c\")'}\n",
        "- {id: one, require: 'passes(\"two\")'}\n- {id: two, require: 'passes(\"one\")'}\n"
        "- {id: outside, require: 'passes(\"one\")'}\n",
        "- {id: window, window: [2025年, 2026], require: total(yearly) > 3}\n",
        "- {id: window, window: [2026, 2025], require: rises(yearly)}\n",
        "- {id: mixed, require: yearly > termly}\n",
        "- {id: itself, require: 'passes(\"itself\")'}\n",
        "- {id: broken, require: a > }\n- {id: reads-broken, require: 'passes(\"broken\")'}\n",
        "- {id: unknown, require: nothing > 3}\n- {id: reads-it, require: 'not passes(\"unknown\")'}\n"
        "- {id: reads-that, require: 'passes(\"reads-it\")'}\n",
    ],
)
def test_rules_that_cannot_run_go_with_those_that_read_them(text: str) -> None:
    left = rules_left(text)
    assert [id_ for id_ in left if id_ != "c"] == ["sound"]


def test_evidence_is_the_weakest_of_what_is_read_through_other_rules() -> None:
    library = small_library("""
facts:
- {fact: a, type: integer}
- {fact: j, type: boolean, evidence: judged}
rules:
- {id: measured, require: a > 3}
- {id: reads-measured, require: 'passes("measured")'}
- {id: judged, require: j}
- {id: reads-judged, require: 'passes("reads-measured") and passes("judged")'}
- {id: when-judged, when: j, require: a > 3}
""")
    evidence = {rule.id.removeprefix("small/"): rule.evidence for rule in library.rulesets["small@1"].rules}
    assert evidence == {
        "measured": "measured",
        "reads-measured": "measured",
        "judged": "judged",
        "reads-judged": "judged",
        "when-judged": "judged",
    }


def test_a_fact_in_a_circle_can_still_be_supplied() -> None:
    library = small_library("""
facts:
- {fact: a, type: integer, derive: b + 1}
- {fact: b, type: integer, derive: a + 1}
rules:
- {id: r, require: a > 3}
""")
    assert [d.code for d in library.diagnostics] == ["E308"]
    facts, _ = library.reader("school").read({"a": 4})
    program = library.program("small@1", "school")
    assert reference.evaluate(program, facts, Context(date(2026, 11, 22), library.path("150603"))).codes == "C"


def test_a_ruleset_without_a_readable_head_is_left_out() -> None:
    files = small_files(FACTS) | {"small/1/ruleset.yaml": HEAD.replace("id: small", "id: [small]")}
    library = load_library(files)
    assert not library.rulesets
    assert library.diagnostics


def test_consequences_are_not_shown_beside_their_cause() -> None:
    files = small_files(FACTS)
    files["facts/small.yaml"] = files["facts/small.yaml"].replace("type: integer", "type: integr", 1)
    found = load_library(files).diagnostics
    assert sorted(d.code for d in found) == ["E106", "E301"]
    assert [d.code for d in without_consequences(found, files)] == ["E106"]


def test_a_misspelt_name_is_shown_beside_other_mistakes() -> None:
    files = small_files(FACTS + "- {id: odd, require: aa > 3}\n")
    files["facts/small.yaml"] = files["facts/small.yaml"].replace("type: boolean", "type: bool")
    shown = without_consequences(load_library(files).diagnostics, files)
    assert sorted(d.code for d in shown) == ["E106", "E301"]


@pytest.mark.parametrize(
    "due", ["{after: opened}", "{years: 3}", "{after: opened, years: 0}", "{after: opened, years: 9999}"]
)
def test_half_a_deadline_is_refused_and_the_rule_still_runs(due: str) -> None:
    library = small_library(FACTS + f"- {{id: late, require: a > 3, due: {due}}}\n")
    assert library.diagnostics
    facts, _ = library.reader("school").read({"a": 1, "opened": "2190-01-01"})
    program = library.program("small@1", "school")
    reference.evaluate(program, facts, Context(date(2200, 12, 31), library.path("150603")))


@pytest.mark.parametrize(
    "day", ["1899-12-31", "2201-01-01", "0001-01-01", "9999-12-31", "２０２５-01-01", "2025-W01-1"]
)
def test_days_that_no_period_reaches_are_refused(day: str) -> None:
    for key in ("due", "from", "until"):
        library = small_library(FACTS + f"- {{id: r, require: yearly > 3, {key}: {day}}}\n")
        assert [d.code for d in library.diagnostics] == ["E106"]
