"""A fact written exactly as the limit is printed complies, on every path, for every numeric rule."""

from __future__ import annotations

import random

import pytest

from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.registry import Library
from engine.verdicts import Verdict
from tests.rulesets.at_limits import AtLimit, numeric_rules, solve, whole_library


@pytest.fixture(scope="module")
def library() -> Library:
    return whole_library()


@pytest.fixture(scope="module")
def records(library: Library) -> list[AtLimit]:
    rng = random.Random(20261122)
    unsolved = []
    found = []
    for program, index in numeric_rules(library):
        record = solve(library, program, index, rng)
        if record is None:
            unsolved.append(f"{program.rules[index].id} as {program.subject}")
        else:
            found.append(record)
    assert not unsolved, f"no record on the limit was found for: {unsolved}"
    return found


def test_every_numeric_rule_is_met_on_its_limit(library: Library, records: list[AtLimit]) -> None:
    wrong = []
    for record in records:
        facts, problems = library.reader(record.subject).read(record.facts)
        assert not problems, (record.rule, problems)
        program = library.program(record.ruleset, record.subject)
        context = Context(record.as_of, library.path(record.division) or ("root",), record.parameters)
        index = program.index[record.rule]
        verdicts = {
            "reference": reference.evaluate_rule(program, index, facts, context).verdict,
            "single": columnar.evaluate(program, facts, context).findings[index].verdict,
            "block": next(iter(columnar.judge(program, [facts] * 5, [context] * 5))).finding(index).verdict,
        }
        wrong += [f"{record.rule} by {path}: {v.value}" for path, v in verdicts.items() if v is not Verdict.COMPLIANT]
    assert not wrong
