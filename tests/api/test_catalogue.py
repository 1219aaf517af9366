"""What is served can be read: rulesets, ledgers, facts, divisions, health."""

from typing import Any

import msgspec
import pytest

from api.wire import listings
from tests.api.conftest import HERE, Client


def get(client: Client, path: str, shape: type, **query: str) -> dict[str, Any]:
    response = client.get(path, params=query)
    assert response.status_code == 200, response.text
    msgspec.json.decode(response.content, type=shape)
    body: dict[str, Any] = response.json()
    return body


def test_rulesets_are_listed(client: Client) -> None:
    found = get(client, "/v1/rulesets", listings.RulesetsReply)["rulesets"]
    assert [(r["id"], r["version"]) for r in found] == [
        ("standard", "2017.1"),
        ("town", "2021.1"),
        ("upland", "2019.1"),
        ("valley", "2023-draft.1"),
    ]
    town = found[1]
    assert town["jurisdiction"] == {"code": "150600", "name": "鄂尔多斯市"}
    assert (town["starts"], town["period"]) == ("2021-05-17", [2021, 2025])
    assert town["rules_by_subject"] == {"county": 2, "school": 9}
    assert found[0]["notices"] == ["unpublished", "text_not_at_hand"]
    assert len({r["digest"] for r in found} | {r["texts_digest"] for r in found}) == 8


def test_versions_and_one_version(client: Client) -> None:
    versions = get(client, "/v1/rulesets/town", listings.RulesetVersionsReply)
    one = get(client, "/v1/rulesets/town@2021.1", listings.RulesetReply)
    assert versions["versions"] == [{k: v for k, v in one.items() if k not in ("parameters", "rules", "consequences")}]
    assert [p["id"] for p in one["parameters"]] == ["relaxed-class-size"]
    rules = {r["rule"].split("/")[1]: r for r in one["rules"]}
    assert rules["primary-cap"]["when"] == "primary_classes > 0"
    assert rules["primary-cap"]["clause"]["quote"] == "小学班额不超过45人"
    assert rules["counselling"]["due"] == {"unstated": True}
    assert rules["rotation"]["due"] == {"on": "2025-12-31"}
    assert rules["reach-standard"]["due"] == {"by_division": {"150602": "2022-12-31", "150603": "2027-12-31"}}
    assert rules["exercise"]["from"] == "2023-09-01"


def test_the_ledger_accounts_for_every_clause(client: Client) -> None:
    body = get(client, "/v1/rulesets/town/clauses", listings.ClausesReply)
    assert body == get(client, "/v1/rulesets/town@2021.1/clauses", listings.ClausesReply)
    coverage = body["coverage"]
    assert (coverage["clauses"], coverage["with_rules"], coverage["without_rules"]) == (10, 9, {"procedural": 1})
    assert coverage["rules"] == 11
    assert coverage["rules_by_force"] == {"binding": 9, "expected": 1, "advisory": 1}
    assert sum(coverage["rules_by_evidence"].values()) == 11
    assert coverage["rules_by_subject"] == {"county": 2, "school": 9}
    one = get(client, "/v1/rulesets/town@2021.1", listings.RulesetReply)
    assert one["coverage"] == coverage
    original = (HERE / "originals" / "town.txt").read_text("utf-8")
    points = coverage["code_points"]
    assert points["document"] == len(original)
    assert points["in_clauses"] == sum(clause["span"][1] - clause["span"][0] for clause in body["clauses"])
    assert 0 < points["cited"] <= points["in_clauses"] - points["with_reason"]
    assert points["cited_percent"] == round(100 * points["cited"] / points["in_clauses"], 1)
    for clause in body["clauses"]:
        assert clause["quote"] == original[slice(*clause["span"])]
        assert clause["rules"] or clause["reason"]
    assert body["clauses"][0]["rules"] == ["town/primary-cap", "town/junior-cap"]


def test_without_an_original_the_text_is_not_measured(client: Client) -> None:
    found = get(client, "/v1/rulesets/standard", listings.RulesetVersionsReply)["versions"]
    assert [version["coverage"]["code_points"] for version in found] == [None]


def test_facts_by_subject_and_topic(client: Client) -> None:
    everything = get(client, "/v1/facts", listings.FactsReply)["facts"]
    county = get(client, "/v1/facts", listings.FactsReply, subject="county")["facts"]
    training = get(client, "/v1/facts", listings.FactsReply, topic="teacher-training")["facts"]
    assert len(everything) == 15
    assert [f["fact"] for f in county] == [
        "rotating_teachers",
        "teachers_due_to_rotate",
        "rotation_share",
        "standard_reached",
    ]
    assert [(f["fact"], f["period"], f["rules"]) for f in training] == [("training_hours", "year", ["town/training"])]
    share = next(f for f in county if f["fact"] == "rotation_share")
    assert (share["derive"], share["bounds"]) == ("100 * rotating_teachers / teachers_due_to_rotate", [0, 100])
    grade = next(f for f in everything if f["fact"] == "equipment_grade")
    assert [o["id"] for o in grade["options"]] == ["poor", "fair", "good"]


@pytest.mark.parametrize(
    ("code", "day", "ruleset", "also"),
    [
        ("150603", "2024-06-30", "town@2021.1", ["upland@2019.1", "standard@2017.1"]),
        ("150603", "2021-05-16", "upland@2019.1", ["standard@2017.1"]),
        ("152700", "2024-06-30", "town@2021.1", ["upland@2019.1", "standard@2017.1"]),
        ("110101", "2024-06-30", "standard@2017.1", []),
        ("110101", "2017-04-18", None, []),
    ],
)
def test_who_governs_a_division(client: Client, code: str, day: str, ruleset: str | None, also: list[str]) -> None:
    body = get(client, f"/v1/divisions/{code}", listings.DivisionReply, as_of=day)
    assert (body["as_of"], body["ruleset"], body["also_applicable"]) == (day, ruleset, also)


def test_a_division_knows_its_place_and_its_past(client: Client) -> None:
    city = get(client, "/v1/divisions/150600", listings.DivisionReply)
    assert [step["name"] for step in city["path"]] == ["鄂尔多斯市", "内蒙古自治区", "全国"]
    assert city["supersedes"] == [{"code": "152700", "name": "伊克昭盟"}]
    assert [c["code"] for c in city["children"]] == ["150602", "150603", "150627"]
    assert (city["as_of"], city["ruleset"], city["also_applicable"]) == (None, None, [])
    assert [r["ruleset"] for r in city["rulesets"]] == ["town@2021.1", "upland@2019.1", "standard@2017.1"]
    old = get(client, "/v1/divisions/152700", listings.DivisionReply)
    assert (old["until"], old["successors"]) == ("2001", [{"code": "150600", "name": "鄂尔多斯市"}])


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/v1/rulesets/twon", 404, "not-found"),
        ("/v1/rulesets/town@1", 404, "not-found"),
        ("/v1/rulesets/town@1/clauses", 404, "not-found"),
        ("/v1/divisions/150699", 404, "not-found"),
        ("/v1/divisions/150603?as_of=2024-02-30", 422, "bad-date"),
        ("/v1/divisions/150603?on=2024-02-20", 400, "invalid-request"),
        ("/v1/facts?subject=x", 422, "unknown-subject"),
        ("/v1/facts?topic=x", 400, "invalid-request"),
        ("/v1/facts?topic=culture&topic=arts", 400, "invalid-request"),
        ("/v1/rulesets?x=1", 400, "invalid-request"),
        ("/v1/nothing", 404, "not-found"),
        ("/", 404, "not-found"),
        ("/problems/nothing", 404, "not-found"),
        ("/docs/assets/..%2f..%2fx", 404, "not-found"),
        ("/docs/assets/index.html", 404, "not-found"),
        ("/v1/evaluations", 405, "method-not-allowed"),
    ],
)
def test_what_is_not_there(client: Client, path: str, status: int, slug: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{slug}"), response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_a_refused_method_names_the_allowed_ones(client: Client) -> None:
    assert "POST" in client.get("/v1/evaluations").headers["allow"]
    assert "GET" in client.delete("/v1/facts").headers["allow"]


def test_health(client: Client) -> None:
    assert get(client, "/health/live", listings.HealthReply) == {"status": "live"}
    ready = get(client, "/health/ready", listings.HealthReply)
    assert ready == {
        "status": "ready",
        "rulesets": ["standard@2017.1", "town@2021.1", "upland@2019.1", "valley@2023-draft.1"],
    }
