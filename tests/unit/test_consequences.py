"""What follows from what: the fixpoint by hand, events of records, and what a checked ruleset keeps."""

from __future__ import annotations

from datetime import date

import pytest

from engine.backends import reference
from engine.backends.base import Context
from engine.backends.events import EventReader
from engine.consequences import Cause, causes_first, chain
from engine.digests import closure, digest
from engine.registry import Library
from engine.verdicts import Verdict
from tests.differential.chains import consequence
from tests.small import small_library

SMALL = """
facts:
- {fact: rooms, type: integer}
- {fact: misconduct, type: boolean, evidence: attested}
- {fact: crowded, type: boolean, derive: rooms < 3}
- {fact: reported, type: boolean, subject: [county], evidence: attested}
rules:
- {id: enough, require: rooms >= 12}
- {id: broken, require: rooms >= }
consequences:
- {id: after-both, after: [notice, veto], then: {effect: accountability, who: responsible_person}}
- {id: notice, breach_of: enough}
- {id: veto, fact: misconduct, then: {effect: veto, within: 30 days}}
- {id: squeeze, fact: crowded}
- {id: of-county, fact: reported}
- {id: of-broken, breach_of: broken}
- {id: behind-broken, after: of-broken}
- {id: of-either, breach_of: [broken, enough]}
"""


@pytest.fixture(scope="module")
def library() -> Library:
    return small_library(SMALL)


def followed(
    library: Library, raw: dict[str, object], *, on: date = date(2026, 11, 22), place: str = "150603"
) -> list[str]:
    """The ids of what follows for a school."""
    ruleset = library.rulesets["small@1"]
    program = library.program("small@1", "school")
    facts, problems = library.reader("school").read(raw)
    assert not problems
    context = Context(on, library.path(place))
    outcome = reference.evaluate(program, facts, context)
    verdicts = {program.rules[f.rule].id: f.verdict for f in outcome.findings}
    events = EventReader(program, ruleset.consequences, library.dictionary.facts).happened(facts, context)
    return [step.consequence.id.removeprefix("small/") for step in chain(ruleset.consequences, verdicts, events)]


def test_a_consequence_goes_with_the_rule_that_cannot_run(library: Library) -> None:
    found = {c.id.removeprefix("small/"): c for c in library.rulesets["small@1"].consequences}
    assert sorted(found) == ["after-both", "notice", "of-county", "of-either", "squeeze", "veto"]
    assert found["of-either"].causes == ("small/enough",)
    assert found["of-county"].subjects == ("county",)
    assert found["after-both"].subjects == ("school",)
    assert found["veto"].within == "30 days"


def test_causes_hold_or_not(library: Library) -> None:
    assert followed(library, {"rooms": 12, "misconduct": False}) == []
    assert followed(library, {"rooms": 11}) == ["notice", "of-either", "after-both"]
    assert followed(library, {"misconduct": True}) == ["veto", "after-both"]
    assert followed(library, {}) == []


def test_an_event_may_be_derived(library: Library) -> None:
    assert "squeeze" in followed(library, {"rooms": 2})
    assert "squeeze" not in followed(library, {"rooms": 2, "crowded": False})


def test_nothing_follows_where_the_plan_does_not_govern(library: Library) -> None:
    assert followed(library, {"rooms": 2, "misconduct": True}, on=date(2021, 5, 16)) == []
    assert followed(library, {"rooms": 2, "misconduct": True}, place="620722") == []
    assert followed(library, {"rooms": 2, "misconduct": True}, on=date(2021, 5, 17)) != []


def test_because_lists_every_cause_that_holds() -> None:
    plan = [
        consequence("late", "after", ["small/first", "small/second"]),
        consequence("first", "breach_of", ["small/a", "small/b", "small/c"]),
        consequence("second", "fact", ["x", "y"]),
    ]
    verdicts = {"small/a": Verdict.NON_COMPLIANT, "small/b": Verdict.NOT_YET_DUE, "small/c": Verdict.NON_COMPLIANT}
    steps = chain(plan, verdicts, frozenset({"y"}))
    assert [(step.consequence.id, step.because) for step in steps] == [
        (
            "small/first",
            (
                Cause(rule="small/a", verdict=Verdict.NON_COMPLIANT),
                Cause(rule="small/c", verdict=Verdict.NON_COMPLIANT),
            ),
        ),
        ("small/second", (Cause(fact="y"),)),
        ("small/late", (Cause(after="small/first"), Cause(after="small/second"))),
    ]


@pytest.mark.parametrize(
    ("verdict", "breach", "result"),
    [
        (Verdict.COMPLIANT, False, True),
        (Verdict.NON_COMPLIANT, True, True),
        (Verdict.NOT_YET_DUE, False, True),
        (Verdict.NOT_APPLICABLE, False, False),
        (Verdict.INSUFFICIENT_DATA, False, False),
    ],
)
def test_what_a_verdict_causes(verdict: Verdict, breach: bool, result: bool) -> None:
    plan = [consequence("breach", "breach_of", ["small/r"]), consequence("result", "result_of", ["small/r"])]
    found = {step.consequence.id for step in chain(plan, {"small/r": verdict}, frozenset())}
    assert found == {f"small/{name}" for name, holds in (("breach", breach), ("result", result)) if holds}


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="comes first"):
        causes_first([consequence("a", "after", ["small/b"]), consequence("b", "after", ["small/a"])])


def test_consequences_belong_to_the_meaning(library: Library) -> None:
    def meaning(text: str) -> str:
        made = small_library(text)
        return digest(closure(made.rulesets["small@1"], made.dictionary.facts))

    assert meaning(SMALL) == library.digests["small@1"][0]
    assert meaning(SMALL.replace("30 days", "60 days")) != meaning(SMALL)
    assert meaning(SMALL.replace("[notice, veto]", "[veto]")) != meaning(SMALL)
    assert meaning(SMALL.replace("{id: veto,", "{id: veto, note: 另说,")) == meaning(SMALL)
    facts = closure(library.rulesets["small@1"], library.dictionary.facts)["facts"]
    assert isinstance(facts, list)
    assert {"crowded", "misconduct", "reported"} <= {fact["name"] for fact in facts}


def test_a_clause_that_only_a_consequence_cites_is_accounted_for() -> None:
    text = "facts:\n- {fact: m, type: boolean, evidence: attested}\nconsequences:\n- {id: veto, fact: m}\n"
    library = small_library(text)
    assert library.diagnostics == ()
    (clause,) = library.rulesets["small@1"].clauses
    assert (clause.rules, clause.consequences) == ((), ("veto",))


def test_too_many_causes_are_a_mistake_of_the_author() -> None:
    rules = "".join(f"- {{id: r-{i}, require: m}}\n" for i in range(129))
    listed = ", ".join(f"r-{i}" for i in range(129))
    text = f"facts:\n- {{fact: m, type: boolean}}\nrules:\n{rules}consequences:\n- {{id: a, breach_of: [{listed}]}}\n"
    assert small_library(text).diagnostics == ()
    twice = text + f"- {{id: b, breach_of: [{listed}]}}\n"
    (diagnostic,) = small_library(twice).diagnostics
    assert diagnostic.code == "E110"
    assert "causes of all consequences exceeds the limit of 256" in diagnostic.message
