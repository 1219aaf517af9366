"""The consequences of every ruleset: no clause that names one is without, each has cases, back ends agree on them."""

from __future__ import annotations

import pytest

from api.cli.backends import BACKENDS
from engine.backends.durable import Forward
from engine.backends.events import EventReader
from engine.cases import run_cases
from engine.expected_chains import chain_of, read_by
from tests.bundled import bundled_library

LIBRARY = bundled_library()
WITH_CONSEQUENCES = [name for name, ruleset in LIBRARY.rulesets.items() if ruleset.consequences]


def expected(name: str) -> list[set[str]]:
    """What each case that asks for consequences expects, by id in the ruleset."""
    return [{text.value for text in doc.consequences} for doc in LIBRARY.cases[name] if doc.consequences is not None]


def test_the_plans_that_name_consequences_have_some() -> None:
    assert sorted(name.split("@")[0] for name in WITH_CONSEQUENCES) == [
        "erdos",
        "hanzhong",
        "minle",
        "national",
        "xinghualing",
    ]


@pytest.mark.parametrize("name", LIBRARY.rulesets)
def test_a_clause_that_is_a_consequence_has_one(name: str) -> None:
    without = [
        clause.path
        for clause in LIBRARY.rulesets[name].clauses
        if clause.kind == "consequence" and not clause.consequences
    ]
    assert without == []


@pytest.mark.parametrize("name", WITH_CONSEQUENCES)
def test_every_consequence_follows_in_one_case_and_not_in_another(name: str) -> None:
    shown = expected(name)
    ids = {consequence.id.split("/", 1)[1] for consequence in LIBRARY.rulesets[name].consequences}
    assert ids - set.union(*shown) == set()
    assert set.intersection(*shown) == set()


@pytest.mark.parametrize("name", WITH_CONSEQUENCES)
def test_the_durable_back_end_follows_every_case(name: str) -> None:
    ruleset = LIBRARY.rulesets[name]
    facts = LIBRARY.dictionary.facts
    evaluate = next(iter(BACKENDS.values()))
    steps = 0
    with Forward(ruleset.consequences) as forward:
        for trial in run_cases(LIBRARY, name, {"first": evaluate}).trials:
            wanted = read_by(ruleset.consequences, trial.program)
            findings = evaluate(trial.program, trial.facts, trial.context, wanted)
            verdicts = {trial.program.rules[finding.rule].id: finding.verdict for finding in findings}
            events = EventReader(trial.program, ruleset.consequences, facts).happened(trial.facts, trial.context)
            chain = chain_of(ruleset, trial.program, facts, trial.facts, trial.context, findings)
            assert forward.chain(verdicts, events) == chain
            steps += len(chain)
    assert steps > 0


@pytest.mark.parametrize("name", WITH_CONSEQUENCES)
def test_a_reading_that_is_not_plain_is_explained(name: str) -> None:
    """What is not automatic says why it was read so."""
    unexplained = [
        consequence.id
        for consequence in LIBRARY.rulesets[name].consequences
        if consequence.strength != "automatic" and consequence.note is None
    ]
    assert unexplained == []
