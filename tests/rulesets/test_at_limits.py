"""A fact written exactly as the limit is printed complies, on every path and over HTTP, for every numeric rule."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.settings import Settings
from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.registry import Library
from engine.verdicts import Verdict
from tests.bundled import bundled_library
from tests.rulesets.at_limits import AtLimit, numeric_rules, solve

Group = tuple[str, str]


@pytest.fixture(scope="module")
def library() -> Library:
    return bundled_library()


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


@pytest.fixture(scope="module")
def groups(records: list[AtLimit]) -> dict[Group, list[AtLimit]]:
    """By ruleset and day: what one batch may share. Rules with parameters are left to the engine's test."""
    found: dict[Group, list[AtLimit]] = defaultdict(list)
    for record in records:
        if not record.parameters:
            found[record.ruleset, record.as_of.isoformat()].append(record)
    return found


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:  # type: ignore[type-arg]  # any application
    with TestClient(create_app(Settings()), base_url="http://127.0.0.1:8000") as client:
        yield client


def _sent(record: AtLimit) -> dict[str, object]:
    division = "150603" if record.division == "root" else record.division
    return {"id": record.rule, "division": division, "subject": record.subject, "facts": record.facts}


def _misses(rules: dict[str, list[str]], records: list[AtLimit], results: list[dict[str, object]]) -> list[str]:
    """Rules that are not compliant on their limit."""
    found = []
    for record, result in zip(records, results, strict=True):
        assert result["id"] == record.rule
        codes = str(result.get("codes", ""))
        code = codes[rules[record.subject].index(record.rule)] if codes else result
        if code != "C":
            found.append(f"{record.rule} as {record.subject}: {code}")
    return found


def test_in_a_json_batch(client: TestClient, groups: dict[Group, list[AtLimit]]) -> None:  # type: ignore[type-arg]  # any application
    wrong = []
    for (ruleset, day), records in groups.items():
        body = {"as_of": day, "ruleset": ruleset, "detail": "codes", "records": [_sent(r) for r in records]}
        reply = client.post("/v1/evaluations/batch", json=body).json()
        wrong += _misses(reply["rulesets"][0]["rules"], records, reply["results"])
    assert not wrong


def test_in_an_ndjson_batch(client: TestClient, groups: dict[Group, list[AtLimit]]) -> None:  # type: ignore[type-arg]  # any application
    wrong = []
    for (ruleset, day), records in groups.items():
        reply = client.post(
            "/v1/evaluations/batch",
            params={"as_of": day, "ruleset": ruleset, "detail": "codes"},
            content="\n".join(json.dumps(_sent(r), ensure_ascii=False) for r in records).encode(),
            headers={"Content-Type": "application/x-ndjson"},
        )
        lines = [json.loads(line) for line in reply.text.splitlines()]
        rules = next(line["ruleset"]["rules"] for line in lines if "ruleset" in line)
        wrong += _misses(rules, records, [line["result"] for line in lines if "result" in line])
    assert not wrong
