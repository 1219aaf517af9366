"""One suite of cases for all back ends: small rulesets, facts and expected verdicts as data."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import yaml

from api.cli.backends import BACKENDS
from engine.backends import columnar
from engine.backends.base import Context
from engine.cases import Evaluate, run_cases
from engine.check.ir import Program
from engine.diagnostics import render_all
from engine.facts import Facts
from engine.registry import Library
from engine.verdicts import Finding
from tests.small import small_library

FOLDER = Path(__file__).parent
GAPS = "known_gaps.yaml"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != GAPS)


def single(program: Program, facts: Facts, context: Context, rules: Sequence[int]) -> list[Finding]:
    """A single record takes another way through the columnar back end than a block does."""
    findings = columnar.evaluate(program, facts, context).findings
    return [findings[i] for i in rules]


ENGINES: dict[str, Evaluate] = {**BACKENDS, "columnar, single": single}


@cache
def loaded(name: str) -> Library:
    return small_library((FOLDER / name).read_text("utf-8"))


@cache
def cases() -> list[tuple[str, str]]:
    """Every file with every one of its cases."""
    found = []
    for name in FILES:
        root = yaml.load((FOLDER / name).read_text("utf-8"), yaml.CBaseLoader)
        found.extend((name, case["case"]) for case in root["cases"])
    return found


@cache
def gaps() -> dict[str, dict[str, str]]:
    found = yaml.safe_load((FOLDER / GAPS).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_small_rulesets_are_sound(name: str) -> None:
    assert render_all(loaded(name).diagnostics) == ""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "case"), [pytest.param(*case, id="/".join(case)) for case in cases()])
def test_case(name: str, case: str, engine: str) -> None:
    whole = loaded(name)
    [docs] = whole.cases.values()
    chosen = [doc for doc in docs if doc.name.value == case]
    assert len(chosen) == 1
    run = run_cases(whole, "small@1", {engine: ENGINES[engine]}, only=chosen)
    seen = render_all(run.diagnostics)
    cause = gaps().get(engine, {}).get(f"{name}/{case}")
    if cause is not None:
        assert seen, f"this gap has closed, take it off {GAPS}: {cause}"
        return
    assert seen == ""
    assert run.ran == 1


def test_known_gaps_name_existing_cases() -> None:
    named = {(engine, case) for engine, listed in gaps().items() for case in listed}
    existing = {(engine, "/".join(case)) for engine in ENGINES for case in cases()}
    assert named <= existing
