"""Single evaluations: shape, options, citations, traces."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.wire.replies import EvaluationReply
from tests.api.conftest import HERE, Client

Evaluate = Callable[..., dict[str, Any]]

REPLY_FIELDS = [
    "ruleset",
    "also_applicable",
    "subject",
    "id",
    "as_of",
    "outcome",
    "counts",
    "verdicts",
    "derived",
    "missing",
    "ignored",
    "included",
    "parameters",
    "receipt",
]
VERDICT_FIELDS = [
    "rule",
    "verdict",
    "force",
    "evidence",
    "clause",
    "actual",
    "required",
    "gap",
    "due",
    "period",
    "pace",
    "also_at",
    "reason",
    "notices",
    "missing",
    "message",
]
CODES = {
    "compliant": "C",
    "non_compliant": "N",
    "not_yet_due": "T",
    "not_applicable": "X",
    "insufficient_data": "U",
}
GOLDEN = sorted((HERE / "golden").glob("*.json"))


def verdict_of(reply: dict[str, Any], rule: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [v for v in reply["verdicts"] if v["rule"] == rule]
    assert len(found) == 1
    return found[0]


def codes(reply: dict[str, Any]) -> dict[str, str]:
    return {v["rule"].split("/")[1]: CODES[v["verdict"]] for v in reply["verdicts"]}


def without_digests(reply: Any) -> Any:
    """The reply with digests cut to their kind: what they cover is tested elsewhere."""
    if isinstance(reply, dict):
        cut = {"digest": "sha256:…"} if isinstance(reply.get("digest"), str) else {}
        assert not cut or len(reply["digest"]) == len("sha256:") + 64
        return {k: without_digests(v) for k, v in reply.items()} | cut
    return [without_digests(v) for v in reply] if isinstance(reply, list) else reply


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_replies(client: Client, path: Path) -> None:
    golden = json.loads(path.read_text("utf-8"))
    response = client.post(golden["to"], json=golden["request"])
    assert response.status_code == golden["status"]
    assert without_digests(response.json()) == golden["reply"]


def test_there_are_golden_replies() -> None:
    assert len(GOLDEN) >= 4


def test_fields_stand_in_their_order(evaluate: Evaluate) -> None:
    reply = evaluate({"max_class_size_primary": 47})
    assert list(reply) == REPLY_FIELDS
    assert all(list(verdict) == VERDICT_FIELDS for verdict in reply["verdicts"])
    assert list(reply["ruleset"]) == ["id", "version", "digest", "semantics", "authority", "notices", "incorporated"]
    assert list(reply["verdicts"][0]["clause"]) == ["document", "path", "span", "digest", "quote"]
    assert list(reply["counts"]) == list(CODES)


@pytest.mark.parametrize(
    "request_",
    [
        {"facts": {}},
        {"facts": {"max_class_size_primary": 45.0, "training_hours": {"2023": 71.5, "2024": 80}}},
        {"facts": {"school_traditions": {"song": True}, "equipment_grade": "poor"}, "trace": True},
        {"facts": {"rotating_teachers": 3, "max_class_size_primary": 50}, "include": ["upland", "standard"]},
        {"facts": {"rotating_teachers": 3, "teachers_due_to_rotate": 10}, "subject": "county", "division": "150602"},
        {"facts": {}, "ruleset": "town@2021.1", "as_of": "2020-01-01"},
        {"facts": {}, "parameters": {"town@2021.1": {"relaxed-class-size": 50}}},
        {"facts": {}, "subject": "enterprise"},
    ],
)
def test_replies_have_the_described_shape(client: Client, request_: dict[str, Any]) -> None:
    body = {"division": "150603", "subject": "school", "as_of": "2024-06-30", **request_}
    response = client.post("/v1/evaluations", json=body)
    assert response.status_code == 200, response.text
    reply = msgspec.json.decode(response.content, type=EvaluationReply)
    letters = [CODES[v.verdict] for v in reply.verdicts]
    assert [getattr(reply.counts, name) for name in CODES] == [letters.count(letter) for letter in CODES.values()]


def test_what_is_exactly_at_the_limit_is_compliant(evaluate: Evaluate) -> None:
    for sent in (45, 45.0):
        verdict = verdict_of(evaluate({"primary_classes": 1, "max_class_size_primary": sent}), "town/primary-cap")
        assert (verdict["verdict"], verdict["gap"]) == ("compliant", 0)


@pytest.mark.parametrize(
    ("day", "division", "code"),
    [
        ("2022-12-31", "150602", "T"),
        ("2023-01-01", "150602", "N"),
        ("2027-12-31", "150603", "T"),
        ("2028-01-01", "150603", "N"),
        ("2022-12-31", "150627", "X"),
    ],
)
def test_a_deadline_by_division(client: Client, day: str, division: str, code: str) -> None:
    body = {"division": division, "subject": "county", "as_of": day, "facts": {"standard_reached": False}}
    verdict = verdict_of(client.post("/v1/evaluations", json=body).json(), "town/reach-standard")
    assert CODES[verdict["verdict"]] == code
    assert verdict["reason"] == ("division_not_named" if code == "X" else None)


def test_outcomes_leave_advice_out_and_measured_rules_stand_alone(evaluate: Evaluate) -> None:
    facts = {
        "primary_classes": 0,
        "max_class_size_junior": 50,
        "training_hours": 72,
        "exercise_hours": 1,
        "clubs": 0,
        "counselling_room": False,
    }
    reply = evaluate(facts)
    assert codes(reply)["clubs"] == "N"
    assert reply["outcome"] == {"all": "non_compliant", "measured": "compliant"}


def test_limits_choose_rules(evaluate: Evaluate) -> None:
    everything = codes(evaluate({}))
    measured = codes(evaluate({}, evidence=["measured"]))
    topical = codes(evaluate({}, topics=["class-size", "culture"]))
    forced = codes(evaluate({}, force=["advisory"]))
    nothing = evaluate({}, topics=[])
    assert set(measured) == set(everything) - {"counselling", "equipment", "traditions"}
    assert set(topical) == {"primary-cap", "junior-cap", "relaxed-cap", "traditions", "clubs"}
    assert set(forced) == {"clubs"}
    assert (nothing["verdicts"], nothing["outcome"]["all"], nothing["missing"]) == ([], "not_applicable", [])
    assert evaluate({"clubs": 0}, force=["advisory"])["outcome"]["all"] == "not_applicable"


def test_limits_keep_verdicts_as_they_are(evaluate: Evaluate) -> None:
    facts = {"primary_classes": 2, "max_class_size_primary": 46}
    whole = {v["rule"]: v for v in evaluate(facts)["verdicts"]}
    part = evaluate(facts, topics=["class-size"])["verdicts"]
    assert part == [whole[v["rule"]] for v in part]


def test_included_rulesets_stand_apart(evaluate: Evaluate) -> None:
    facts = {"primary_classes": 2, "max_class_size_primary": 50, "max_class_size_junior": 50}
    alone = evaluate(facts)
    both = evaluate(facts, include=["upland", "standard@2017.1", "upland@2019.1"])
    assert alone["also_applicable"] == both["also_applicable"] == ["upland@2019.1", "standard@2017.1"]
    assert {k: v for k, v in both.items() if k != "included"} == {k: v for k, v in alone.items() if k != "included"}
    assert [(i["ruleset"]["id"], i["outcome"]["all"]) for i in both["included"]] == [
        ("upland", "compliant"),
        ("standard", "non_compliant"),
    ]


@pytest.mark.parametrize(
    ("members", "ruleset", "notices"),
    [
        ({}, "town", ["unpublished"]),
        ({"as_of": "2025-12-31"}, "town", ["unpublished"]),
        ({"as_of": "2026-01-01"}, "town", ["plan_period_ended", "unpublished"]),
        ({"as_of": "2021-05-16"}, "upland", ["unofficial_copy", "unpublished"]),
        ({"as_of": "2019-02-28"}, "standard", ["unpublished", "text_not_at_hand"]),
        ({"division": "620722"}, "valley", ["consultation_draft", "unpublished"]),
        ({"division": "620722", "authority": "official"}, "standard", ["unpublished", "text_not_at_hand"]),
        ({"division": "110101"}, "standard", ["unpublished", "text_not_at_hand"]),
        ({"division": "152700"}, "town", ["unpublished"]),
        ({"ruleset": "valley@2023-draft.1"}, "valley", ["consultation_draft", "unpublished"]),
        ({"ruleset": "upland"}, "upland", ["unofficial_copy", "unpublished"]),
    ],
)
def test_which_ruleset_judges(evaluate: Evaluate, members: dict[str, Any], ruleset: str, notices: list[str]) -> None:
    reply = evaluate({}, **members)
    assert (reply["ruleset"]["id"], reply["ruleset"]["notices"]) == (ruleset, notices)


def test_a_pin_overrides_place_and_day(evaluate: Evaluate) -> None:
    elsewhere = evaluate({"max_class_size_primary": 50}, ruleset="valley@2023-draft.1")
    assert {v["reason"] for v in elsewhere["verdicts"]} == {"outside_jurisdiction"}
    assert elsewhere["also_applicable"] == ["town@2021.1", "upland@2019.1", "standard@2017.1"]
    early = evaluate({}, ruleset="town@2021.1", as_of="2018-01-01")
    assert {(v["verdict"], v["reason"]) for v in early["verdicts"]} == {("not_applicable", "before_start")}
    assert early["outcome"] == {"all": "not_applicable", "measured": "not_applicable"}


def test_parameters_switch_rules_on_and_are_echoed(evaluate: Evaluate) -> None:
    facts = {"max_class_size_primary": 52}
    off = evaluate(facts)
    on = evaluate(facts, parameters={"town@2021.1": {"relaxed-class-size": 50}})
    nulled = evaluate(facts, parameters={"town@2021.1": {"relaxed-class-size": None}})
    assert verdict_of(off, "town/relaxed-cap")["reason"] == "parameter_off"
    assert off["parameters"] == nulled["parameters"] == {}
    verdict = verdict_of(on, "town/relaxed-cap")
    assert (verdict["verdict"], verdict["gap"]) == ("non_compliant", 2)
    assert on["parameters"] == {"town@2021.1": {"relaxed-class-size": 50}}
    assert verdict_of(evaluate(facts), "town/relaxed-cap")["reason"] == "parameter_off"


def test_missing_facts_are_named_and_null_is_missing(evaluate: Evaluate) -> None:
    reply = evaluate({"primary_classes": 3, "max_class_size_primary": None, "school_traditions": {"song": True}})
    assert verdict_of(reply, "town/primary-cap")["missing"] == ["max_class_size_primary"]
    assert verdict_of(reply, "town/traditions")["missing"] == ["school_traditions.history", "school_traditions.motto"]
    assert reply["missing"][0] == "max_class_size_primary"
    assert len(reply["missing"]) == len(set(reply["missing"]))


def test_facts_of_another_subject_are_ignored_by_name(evaluate: Evaluate) -> None:
    assert evaluate({"rotating_teachers": 5})["ignored"] == ["rotating_teachers"]


def test_quotes_are_the_words_of_the_original(evaluate: Evaluate) -> None:
    original = (HERE / "originals" / "town.txt").read_text("utf-8")
    for verdict in evaluate({})["verdicts"]:
        start, end = verdict["clause"]["span"]
        assert verdict["clause"]["quote"] == original[start:end]
    assert verdict_of(evaluate({}), "town/primary-cap")["clause"]["quote"] == "小学班额不超过45人"


def test_without_an_original_nothing_is_quoted(evaluate: Evaluate) -> None:
    clauses = [v["clause"] for v in evaluate({}, ruleset="upland")["verdicts"]]
    assert [c["quote"] for c in clauses] == [None]
    facts_only = [v["clause"] for v in evaluate({}, ruleset="standard")["verdicts"]]
    assert [(c["document"], c["span"], c["digest"]) for c in facts_only] == [("全国标准", None, None)]


def test_traces_show_every_step(evaluate: Evaluate) -> None:
    reply = evaluate({"primary_classes": 3, "max_class_size_primary": 46}, trace=True)
    assert verdict_of(reply, "town/primary-cap")["trace"] == [
        {
            "text": "primary_classes > 0",
            "value": True,
            "children": [
                {"text": "primary_classes", "value": 3, "children": []},
                {"text": "0", "value": 0, "children": []},
            ],
        },
        {
            "text": "max_class_size_primary <= 45",
            "value": False,
            "children": [
                {"text": "max_class_size_primary", "value": 46, "children": []},
                {"text": "45", "value": 45, "children": []},
            ],
        },
    ]
    counted = verdict_of(evaluate({"school_traditions": {"song": True}}, trace=True), "town/traditions")["trace"]
    assert counted[0]["children"][0]["value"] == {"low": 1, "high": 3}


def test_replies_are_the_same_each_time(client: Client) -> None:
    body = {
        "division": "150603",
        "subject": "school",
        "as_of": "2024-06-30",
        "facts": {"max_class_size_junior": 51, "training_hours": {"2023": 70}, "counselling_room": True},
    }
    replies = {client.post("/v1/evaluations", json=body).content for _ in range(3)}
    assert len(replies) == 1
