"""Rules of a standard that a plan adopts, over HTTP: both documents cited, the day the plan's, parameters apart."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.settings import Settings
from engine.citations.quotes import sha256_of
from tests.api.conftest import BASE_URL, Client
from tests.small import lay_out, small_files

ORIGINAL = "甲" * 39 + "。" + "乙" * 59 + "。"
TEXT = """
facts:
- {fact: classes, type: integer, unit: classes}
- {fact: size, type: integer, bounds: [0, 200]}
- {fact: rooms, type: integer, unit: rooms}
rules:
- {id: tables, require: rooms >= param("least")}
clauses:
- clause: 一
  span: [0, 40]
  incorporates:
    standard@1:
      span: [30, 40]
      rules: [cap]
      due: 2025-12-31
      force: expected
      reviewed: {by: second-reader, on: 2026-11-22}
- clause: 二
  span: [40, 100]
  incorporates:
    standard@1:
      rules: [limit]
      also_at: [{clause: 一, span: [0, 5]}]
      due: {'150603': 2024-12-31}
      from: 2022-01-01
consequences:
- {id: notice, clause: 二, span: [40, 50], breach_of: standard/cap}
ruleset:
  parameters: [{id: least, type: integer, unit: rooms, default: 3, label: {zh: 下限, en: Least}}]
standard:
  rules:
  - {id: cap, when: classes > 0, require: size <= 45, span: null}
  - {id: limit, require: size <= param("least"), span: null}
  - {id: unused, require: rooms >= 99, span: null}
  ruleset:
    source: facts_only
    document: {title: {zh: 办法, en: Measures}, number: 甲〔2017〕6号, authority: in_force}
    starts: null
    parameters: [{id: least, type: integer, unit: pupils, label: {zh: 学生下限, en: Least pupils}}]
"""
FACTS = {"classes": 3, "size": 46, "rooms": 5}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The service over a plan and the standard that it adopts, with the plan's original at hand."""
    files = small_files(TEXT)
    clauses = "small/1/clauses.yaml"
    for span in ((0, 40), (40, 100)):
        files[clauses] = files[clauses].replace("0" * 64, sha256_of(ORIGINAL[slice(*span)]), 1)
    files["small/1/ruleset.yaml"] = files["small/1/ruleset.yaml"].replace("0" * 64, sha256_of(ORIGINAL), 1)
    folder = lay_out(files, tmp_path_factory.mktemp("rulesets"))
    originals = tmp_path_factory.mktemp("originals")
    (originals / "small.txt").write_text(ORIGINAL, "utf-8")
    settings = Settings(rulesets=folder, sources=originals)
    with TestClient(create_app(settings), base_url=BASE_URL) as client:
        yield client


def evaluate(client: Client, on: str = "2026-11-22", **members: Any) -> Json:
    request = {"division": "150603", "subject": "school", "as_of": on, "facts": FACTS, **members}
    response = client.post("/v1/evaluations", json=request)
    assert response.status_code == 200, response.text
    reply: Json = response.json()
    return reply


def verdicts(reply: Json) -> dict[str, Json]:
    return {verdict["rule"]: verdict for verdict in reply["verdicts"]}


def test_the_verdict_cites_both_documents(client: Client) -> None:
    cap = verdicts(evaluate(client))["standard/cap"]
    assert (cap["clause"]["document"], cap["clause"]["path"], cap["clause"]["quote"]) == ("甲〔2017〕6号", "一", None)
    [adopting] = cap["also_at"]
    assert adopting["digest"].startswith("sha256:")
    assert adopting | {"digest": ""} == {
        "document": "小规划",
        "path": "一",
        "span": [30, 40],
        "digest": "",
        "quote": "甲" * 9 + "。",
    }
    assert cap["required"] == "size <= 45"
    assert cap["force"] == "expected"


@pytest.mark.parametrize(("on", "verdict"), [("2025-12-31", "not_yet_due"), ("2026-01-01", "non_compliant")])
def test_the_day_is_the_plans(client: Client, on: str, verdict: str) -> None:
    cap = verdicts(evaluate(client, on))["standard/cap"]
    assert (cap["verdict"], cap["due"]) == (verdict, "2025-12-31")


def test_what_is_missing_is_named(client: Client) -> None:
    reply = evaluate(client, facts={"classes": 3})
    assert verdicts(reply)["standard/cap"]["verdict"] == "insufficient_data"
    assert "size" in reply["missing"]


def test_the_head_names_the_standard_and_what_to_know_of_it(client: Client) -> None:
    head = evaluate(client)["ruleset"]
    [standard] = head["incorporated"]
    assert (head["id"], head["notices"]) == ("small", ["unpublished"])
    assert (standard["id"], standard["version"], standard["notices"]) == (
        "standard",
        "1",
        ["unpublished", "text_not_at_hand"],
    )
    listed = client.get("/v1/rulesets/standard@1").json()
    assert standard["digest"] == listed["digest"]


def test_parameters_are_the_standards_and_echoed_apart(client: Client) -> None:
    off = evaluate(client, "2024-12-31")
    assert verdicts(off)["standard/limit"]["reason"] == "parameter_off"
    assert "学生下限" in verdicts(off)["standard/limit"]["message"]["zh"]
    assert off["parameters"] == {"small@1": {"least": 3}}
    on = evaluate(client, "2024-12-31", parameters={"standard@1": {"least": 46}})
    assert verdicts(on)["standard/limit"]["verdict"] == "compliant"
    assert verdicts(on)["small/tables"]["verdict"] == "compliant"
    assert on["parameters"] == {"small@1": {"least": 3}, "standard@1": {"least": 46}}
    own = evaluate(client, "2024-12-31", parameters={"small@1": {"least": 6}, "standard@1": {"least": 45}})
    assert verdicts(own)["small/tables"]["verdict"] == "non_compliant"
    assert verdicts(own)["standard/limit"]["verdict"] == "not_yet_due"


def test_a_trace_names_the_parameter_as_its_ruleset_does(client: Client) -> None:
    reply = evaluate(client, trace=True, parameters={"standard@1": {"least": 46}})
    limit = verdicts(reply)["standard/limit"]
    assert 'param("least")' in json.dumps(limit["trace"]).replace('\\"', '"')
    assert "standard@1" not in json.dumps(limit["trace"])


def test_an_included_standard_is_told_in_full_beside_what_is_adopted(client: Client) -> None:
    reply = evaluate(client, include=["standard@1"], parameters={"standard@1": {"least": 46}})
    [included] = reply["included"]
    assert {v["rule"] for v in included["verdicts"]} == {"standard/cap", "standard/limit", "standard/unused"}
    assert verdicts(included)["standard/cap"]["due"] is None
    assert "standard/unused" not in verdicts(reply)
    assert reply["parameters"] == {"small@1": {"least": 3}, "standard@1": {"least": 46}}


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [({"standard@1": {"lest": 1}}, "/parameters/standard@1/lest"), ({"standard@1": {"least": True}}, "")],
)
def test_wrong_parameters_are_refused(client: Client, parameters: Json, pointer: str) -> None:
    request = {"division": "150603", "subject": "school", "as_of": "2026-11-22", "facts": {}, "parameters": parameters}
    response = client.post("/v1/evaluations", json=request)
    assert response.status_code in (400, 422)
    assert response.json()["pointer"].startswith(pointer)


@pytest.mark.parametrize("detail", ["codes", "findings", "full"])
def test_a_batch_says_the_same(client: Client, detail: str) -> None:
    parameters = {"standard@1": {"least": 45}}
    records = [{"division": d, "subject": "school", "id": d, "facts": FACTS} for d in ("150603", "150602")]
    request = {"as_of": "2026-11-22", "detail": detail, "parameters": parameters, "records": records}
    reply = client.post("/v1/evaluations/batch", json=request).json()
    [head] = reply["rulesets"]
    assert head["rules"] == {"school": ["small/tables", "standard/cap", "standard/limit"]}
    assert [standard["id"] for standard in head["incorporated"]] == ["standard"]
    assert (head["parameters"], head["incorporated_parameters"]) == ({"least": 3}, parameters)
    # The second division is not named in the table of the second clause.
    assert [result["codes"] for result in reply["results"]] == ["CNN", "CNX"]
    if detail == "full":
        single = evaluate(client, parameters=parameters)
        assert reply["results"][0]["verdicts"] == single["verdicts"]
    if detail == "findings":
        assert [finding["rule"] for finding in reply["results"][0]["findings"]] == [1, 2]


def test_an_ndjson_batch_says_the_same(client: Client) -> None:
    line = json.dumps({"division": "150603", "subject": "school", "id": "s", "facts": FACTS})
    response = client.post(
        "/v1/evaluations/batch?as_of=2026-11-22&detail=codes",
        content=line,
        headers={"content-type": "application/x-ndjson"},
    )
    lines = [json.loads(text) for text in response.text.splitlines()]
    assert lines[0]["ruleset"]["rules"]["school"][1:] == ["standard/cap", "standard/limit"]
    assert lines[1]["result"]["codes"] == "CNX"


@pytest.mark.parametrize(("on", "steps"), [("2025-12-31", 0), ("2026-01-01", 1)])
def test_consequences_follow_from_it(client: Client, on: str, steps: int) -> None:
    found = evaluate(client, on, consequences=True)["consequences"]
    assert [step["because"] for step in found] == [[{"rule": "standard/cap", "verdict": "non_compliant"}]] * steps
    assert all("“题”不符合要求" in step["message"]["zh"] for step in found)


def test_the_listing_says_where_a_rule_comes_from(client: Client) -> None:
    listing = client.get("/v1/rulesets/small@1").json()
    assert [(rule["rule"], rule["incorporated_from"]) for rule in listing["rules"]] == [
        ("small/tables", None),
        ("standard/cap", "standard@1"),
        ("standard/limit", "standard@1"),
    ]
    cap, limit = listing["rules"][1:]
    assert (cap["due"], cap["force"], cap["from"]) == ({"on": "2025-12-31"}, "expected", None)
    assert (limit["due"], limit["from"]) == ({"by_division": {"150603": "2024-12-31"}}, "2022-01-01")
    assert (cap["clause"]["document"], cap["also_at"][0]["document"]) == ("甲〔2017〕6号", "小规划")
    assert limit["parameters"] == ["least"]
    assert [entry["id"] for entry in listing["incorporated"]] == ["standard"]
    assert (listing["coverage"]["incorporating"], listing["coverage"]["incorporated"]) == (2, 2)
    assert listing["coverage"]["rules"] == 1


def test_the_ledger_says_what_a_clause_adopts(client: Client) -> None:
    [first, second] = client.get("/v1/rulesets/small@1/clauses").json()["clauses"]
    assert first["incorporates"] == [
        {
            "ruleset": "standard@1",
            "rules": ["standard/cap"],
            "span": [30, 40],
            "also_at": [],
            "due": {"on": "2025-12-31"},
            "from": None,
            "force": "expected",
            "reviewed": {"by": "second-reader", "on": "2026-11-22"},
        }
    ]
    [entry] = second["incorporates"]
    assert entry["due"] == {"by_division": {"150603": "2024-12-31"}}
    assert entry["reviewed"] is None
    [also] = entry["also_at"]
    assert (also["path"], also["span"], also["quote"]) == ("一", [0, 5], "甲" * 5)
