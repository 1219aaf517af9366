"""The worked cases of every ruleset: all hold on every back end, and every rule has those it needs."""

from collections import defaultdict

import pytest

from api.cli.backends import BACKENDS
from engine.cases import run_cases
from engine.check.ir import Rule
from engine.diagnostics import render_all
from engine.load.tree import Mapping
from engine.source import Text
from tests.bundled import bundled_files, bundled_library

FILES = bundled_files()
LIBRARY = bundled_library()


def expected_verdicts(name: str) -> dict[str, set[str]]:
    """Per rule the verdicts that some case expects of it."""
    found: dict[str, set[str]] = defaultdict(set)
    for case in LIBRARY.cases[name]:
        for rule, node in case.expect:
            verdict = node.items["verdict"] if isinstance(node, Mapping) else node
            assert isinstance(verdict, Text)
            found[rule.value].add(verdict.value)
    return found


def wanted_verdicts(rule: Rule) -> set[str]:
    """What the cases of a rule must show at least: met, and unmet on each side of its deadline."""
    wanted = {"compliant"}
    if rule.evidence == "measured":
        wanted.add("insufficient_data")
        if rule.when is not None:
            wanted.add("not_applicable")
    if rule.due is not None and rule.due.on is not None:
        wanted |= {"not_yet_due", "non_compliant"}
    return wanted


def test_the_rulesets_are_sound() -> None:
    assert render_all((*FILES.diagnostics, *LIBRARY.diagnostics)) == ""
    assert LIBRARY.rulesets


@pytest.mark.parametrize("name", LIBRARY.rulesets)
def test_every_case_holds_on_every_back_end(name: str) -> None:
    run = run_cases(LIBRARY, name, BACKENDS)
    assert render_all(run.diagnostics) == ""
    assert run.ran == len(LIBRARY.cases[name]) > 0


@pytest.mark.parametrize("name", LIBRARY.rulesets)
def test_every_rule_has_the_cases_it_needs(name: str) -> None:
    shown = expected_verdicts(name)
    lacking: dict[str, list[str]] = {}
    for rule in LIBRARY.rulesets[name].rules:
        found = shown[rule.id.split("/", 1)[1]]
        missing = sorted(wanted_verdicts(rule) - found)
        if not found & {"non_compliant", "not_yet_due"}:
            missing.append("unmet")
        if missing:
            lacking[rule.id] = missing
    assert lacking == {}
