"""A fact written exactly as the limit is printed complies over HTTP too, in JSON and in NDJSON batches."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.settings import Settings
from engine.registry import Library
from tests.rulesets.at_limits import AtLimit, numeric_rules, solve, whole_library

Group = tuple[str, str]


@pytest.fixture(scope="module")
def groups() -> dict[Group, list[AtLimit]]:
    """Records on limits by ruleset and day: what one batch may share. Parameters are left to the engine's test."""
    library: Library = whole_library()
    rng = random.Random(7)
    found: dict[Group, list[AtLimit]] = defaultdict(list)
    for program, index in numeric_rules(library):
        if not program.rules[index].parameters:
            record = solve(library, program, index, rng)
            assert record is not None, program.rules[index].id
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


def test_json(client: TestClient, groups: dict[Group, list[AtLimit]]) -> None:  # type: ignore[type-arg]  # any application
    wrong = []
    for (ruleset, day), records in groups.items():
        body = {"as_of": day, "ruleset": ruleset, "detail": "codes", "records": [_sent(r) for r in records]}
        reply = client.post("/v1/evaluations/batch", json=body).json()
        wrong += _misses(reply["rulesets"][0]["rules"], records, reply["results"])
    assert not wrong


def test_ndjson(client: TestClient, groups: dict[Group, list[AtLimit]]) -> None:  # type: ignore[type-arg]  # any application
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
