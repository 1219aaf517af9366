"""A county of each plan and institutions in it, end to end: facts in, cited verdicts out, on the days that matter.

The figures in `counties/` are made up: they are what a real county could have, and no county's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from litestar.testing import TestClient

from api.app import create_app
from api.files import bundled_rulesets
from api.settings import Settings
from tests.api.conftest import BASE_URL, Client

COUNTIES = {path.stem: path for path in sorted((Path(__file__).parent / "counties").glob("*.yaml"))}
PLANS = {name: yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader) for name, path in COUNTIES.items()}
EVALUATIONS = [
    pytest.param(plan, record, on, id=f"{record['id']}-{on['as_of']}")
    for plan in PLANS.values()
    for record in plan["records"]
    for on in record["days"]
]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def plans() -> Iterator[Client]:
    """The service over the rulesets that came with the program."""
    with TestClient(create_app(Settings(rulesets=bundled_rulesets())), base_url=BASE_URL) as client:
        yield client


def request_of(plan: Json, record: Json, on: Json) -> Json:
    found = {name: record[name] for name in ("division", "subject", "id", "facts")}
    found |= {"as_of": on["as_of"]} | ({"authority": record["authority"]} if "authority" in record else {})
    return found | ({"ruleset": plan["ruleset"]} if record.get("pin") else {})


def expected_of(expected: str | Json) -> Json:
    return {"verdict": expected} if isinstance(expected, str) else expected


@pytest.mark.parametrize(("plan", "record", "on"), EVALUATIONS)
def test_verdicts_of_a_county(plans: Client, plan: Json, record: Json, on: Json) -> None:
    response = plans.post("/v1/evaluations", json=request_of(plan, record, on))
    assert response.status_code == 200, response.text
    reply = response.json()
    ruleset = on.get("ruleset", plan["ruleset"])
    assert f"{reply['ruleset']['id']}@{reply['ruleset']['version']}" == ruleset
    assert reply["ignored"] == []
    if "notices" in on:
        assert [n for n in reply["ruleset"]["notices"] if n != "unpublished"] == on["notices"]
    for name in ("also_applicable", "outcome"):
        if name in on:
            assert reply[name] == on[name], name
    own = f"{reply['ruleset']['id']}/"
    found = {verdict["rule"].removeprefix(own): verdict for verdict in reply["verdicts"]}
    wrong = {
        f"{rule}.{aspect}": (found[rule][aspect], value)
        for rule, expected in on["verdicts"].items()
        for aspect, value in expected_of(expected).items()
        if found[rule][aspect] != value
    }
    assert not wrong, "found, expected"
    for rule in on["verdicts"]:
        verdict = found[rule]
        clause = verdict["clause"]
        assert clause["path"]
        if verdict["rule"].startswith(own):
            assert clause["span"][0] < clause["span"][1]
        else:
            # What the plan adopts cites the standard, whose text is not at hand, and then the plan's own words.
            adopting = verdict["also_at"][0]
            assert (clause["document"], clause["span"], clause["quote"]) == ("教督〔2017〕6号", None, None)
            assert adopting["document"] != clause["document"]
            assert adopting["span"][0] < adopting["span"][1]
            assert adopting["digest"].startswith("sha256:")
        assert verdict["message"]["zh"]
        assert verdict["message"]["en"]


@pytest.mark.parametrize(("plan", "record", "on"), EVALUATIONS)
def test_a_batch_says_the_same(plans: Client, plan: Json, record: Json, on: Json) -> None:
    request = request_of(plan, record, on)
    single = plans.post("/v1/evaluations", json=request).json()
    outer = {name: request.pop(name) for name in ("as_of", "authority", "ruleset") if name in request}
    reply = plans.post("/v1/evaluations/batch", json={**outer, "detail": "codes", "records": [request]}).json()
    [result] = reply["results"]
    letters = dict(zip(reply["rulesets"][result["ruleset"]]["rules"][record["subject"]], result["codes"], strict=True))
    names = {
        "compliant": "C",
        "non_compliant": "N",
        "not_yet_due": "T",
        "not_applicable": "X",
        "insufficient_data": "U",
    }
    assert letters == {verdict["rule"]: names[verdict["verdict"]] for verdict in single["verdicts"]}
    assert result["outcome"] == single["outcome"]


@pytest.mark.parametrize("name", PLANS)
def test_every_kind_of_answer_is_shown(name: str) -> None:
    plan = PLANS[name]
    shown = [
        (record, on["as_of"], rule, expected_of(expected))
        for record in plan["records"]
        for on in record["days"]
        for rule, expected in on["verdicts"].items()
    ]
    assert len(shown) >= 12
    assert {expected["verdict"] for *_, expected in shown} == {
        "compliant",
        "non_compliant",
        "not_yet_due",
        "not_applicable",
        "insufficient_data",
    }
    assert all("reason" in e for *_, e in shown if e["verdict"] == "not_applicable")
    assert {"county", "school"} <= {record["subject"] for record in plan["records"]}
    last_days = {(r["id"], rule) for r, day, rule, e in shown if e["verdict"] == "not_yet_due" and e.get("due") == day}
    late = {(r["id"], rule) for r, _, rule, e in shown if e["verdict"] == "non_compliant"}
    assert last_days & late, "no deadline is shown on its last day and behind it"


def test_all_five_plans_are_here() -> None:
    assert set(PLANS) == {"erdos", "hanzhong", "minle", "xinghualing", "yaohai"}


@pytest.mark.parametrize("plan", ["erdos@2021.1", "hanzhong@2023-draft.1", "minle@2024.1"])
def test_plans_that_adopt_the_national_standard_say_so(plans: Client, plan: str) -> None:
    listing = plans.get(f"/v1/rulesets/{plan}").json()
    [standard] = listing["incorporated"]
    assert (standard["id"], standard["version"]) == ("national", "2017.1")
    assert "text_not_at_hand" in standard["notices"]
    county = [r for r in listing["rules"] if r["incorporated_from"] and "county" in r["subject"]]
    assert len(county) == listing["coverage"]["incorporated"] == 71
    assert all(rule["due"] and rule["also_at"] for rule in county)
    # Local rates of public funds are no part of the national text.
    assert not [rule["rule"] for rule in county if "local-public-funds" in rule["rule"]]


@pytest.mark.parametrize("plan", ["xinghualing@2022.1", "yaohai@copy.1", "national@2017.1"])
def test_the_others_adopt_nothing(plans: Client, plan: str) -> None:
    listing = plans.get(f"/v1/rulesets/{plan}").json()
    assert listing["incorporated"] == []
    assert all(rule["incorporated_from"] is None for rule in listing["rules"])


def test_the_relaxations_of_the_standard_act_on_a_plan_that_adopts_it(plans: Client) -> None:
    request = {
        "division": "150603",
        "subject": "county",
        "as_of": "2026-11-22",
        "facts": {"all_schools_within_size_limit": False, "all_schools_within_size_limit_relaxed": True},
        "parameters": {"national@2017.1": {"procedure-relaxations": True}},
    }
    reply = plans.post("/v1/evaluations", json=request).json()
    found = {verdict["rule"]: verdict["verdict"] for verdict in reply["verdicts"]}
    assert found["national/all-schools-within-size-limit"] == "non_compliant"
    assert found["national/all-schools-within-size-limit-relaxed"] == "compliant"
    assert reply["parameters"] == {"national@2017.1": {"procedure-relaxations": True}}


@pytest.mark.parametrize(("on", "verdict"), [("2022-12-31", "not_yet_due"), ("2023-01-01", "non_compliant")])
def test_the_countys_schools_decide_what_the_plan_adopts(plans: Client, on: str, verdict: str) -> None:
    schools = [
        {"subject": "school", "id": f"s-{size}", "facts": {"primary_classes": 12, "max_class_size_primary": size}}
        for size in (45, 46)
    ]
    request = {"division": "150603", "subject": "county", "id": "c", "as_of": on, "facts": {}, "members": schools}
    reply = plans.post("/v1/evaluations", json=request).json()
    found = {verdict["rule"]: verdict["verdict"] for verdict in reply["verdicts"]}
    assert found["national/all-primary-classes-within-limit"] == verdict
    met = plans.post("/v1/evaluations", json=request | {"members": schools[:1]}).json()
    found = {verdict["rule"]: verdict["verdict"] for verdict in met["verdicts"]}
    assert found["national/all-primary-classes-within-limit"] == "compliant"
    # No school says anything of junior classes: it may have some, above the limit.
    assert found["national/all-junior-classes-within-limit"] == "insufficient_data"
