"""`consequences: true`: which verdict or event led to what, for whom, how strongly, by which clause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.files import bundled_rulesets
from api.settings import Settings
from api.wire import replies
from engine import words
from engine.chain_messages import ChainMessages
from engine.check.ir import Ruleset
from engine.consequences import Cause, Step
from engine.registry import Library
from engine.verdicts import Verdict
from tests.api.conftest import BASE_URL, Client
from tests.bundled import bundled_library
from tests.small import small_library

Json = dict[str, Any]
TEACHER = {"teaches_at_town_school": True, "applied_title": "senior", "rural_school_teaching_years": 0.5}


@pytest.fixture(scope="module")
def plans() -> Iterator[Client]:
    """The service over the rulesets that came with the program."""
    with TestClient(create_app(Settings(rulesets=bundled_rulesets())), base_url=BASE_URL) as client:
        yield client


def evaluate(client: Client, subject: str, facts: Json, **members: Any) -> Json:
    request = {"division": "150603", "subject": subject, "as_of": "2026-11-22", "facts": facts, **members}
    response = client.post("/v1/evaluations", json=request)
    assert response.status_code == 200, response.text
    msgspec.json.decode(response.content, type=replies.EvaluationReply)
    reply: Json = response.json()
    return reply


def told(reply: Json) -> list[tuple[str, list[Json]]]:
    return [(step["id"], step["because"]) for step in reply["consequences"]]


def test_a_breach_leads_to_a_bar(plans: Client) -> None:
    facts = TEACHER | {"weak_school_teaching_years": 1}
    (step,) = evaluate(plans, "teacher", facts, consequences=True)["consequences"]
    assert step.pop("message").keys() == {"zh", "en"}
    digest = step["clause"].pop("digest")
    assert digest.startswith("sha256:")
    assert step == {
        "id": "erdos/bar-from-senior-title",
        "because": [{"rule": "erdos/senior-title-experience", "verdict": "non_compliant"}],
        "effect": "bar",
        "who": "teacher",
        "strength": "automatic",
        "within": "unstated",
        "clause": {
            "document": "鄂教督委发〔2021〕2号",
            "path": "三·重点任务/[二]/2",
            "span": [2671, 2712],
            "quote": None,
        },
        "title": {"zh": "不能参评高级职称", "en": "Barred from senior titles"},
    }


def test_what_is_undecided_leads_to_nothing_and_says_what_is_missing(plans: Client) -> None:
    """A missing fact is neither a breach nor compliance: the verdict stands beside the empty chain."""
    reply = evaluate(plans, "teacher", TEACHER, consequences=True)
    assert reply["consequences"] == []
    assert "weak_school_teaching_years" in reply["missing"]


def test_several_steps(plans: Client) -> None:
    facts = {"county_supervision_problem_found": True}
    reply = evaluate(plans, "county", facts, division="610702", consequences=True)
    problem = [{"fact": "county_supervision_problem_found"}]
    assert told(reply) == [
        ("hanzhong/supervision-rectification-of-county", problem),
        ("hanzhong/review-of-rectification", [{"after": "hanzhong/supervision-rectification-of-county"}]),
        ("hanzhong/incentive-after-review", [{"after": "hanzhong/review-of-rectification"}]),
        ("hanzhong/talk-with-those-responsible", [{"after": "hanzhong/review-of-rectification"}]),
        ("hanzhong/notice-after-talk", [{"after": "hanzhong/talk-with-those-responsible"}]),
    ]
    assert {step["strength"] for step in reply["consequences"]} == {"unspecified"}


def test_an_included_ruleset_has_its_own_chain(plans: Client) -> None:
    facts = {"catchments_delimited": False, "falsified_data_found": True}
    reply = evaluate(plans, "county", facts, include=["national"], consequences=True)
    assert [id_ for id_, _ in told(reply)] == ["erdos/notice-of-county", "erdos/responsible-persons-pursued"]
    (national,) = reply["included"]
    assert [id_ for id_, _ in told(national)] == ["national/refusal-for-falsified-data"]


def test_a_parameter_may_decide(plans: Client) -> None:
    request: Json = {"facts": {"tutoring_not_regulated": True}, "ruleset": "national@2017.1", "consequences": True}
    assert evaluate(plans, "county", **request)["consequences"] == []
    on = {"national@2017.1": {"tutoring-and-homework-veto": True}}
    reply = evaluate(plans, "county", **request, parameters=on)
    assert [id_ for id_, _ in told(reply)] == ["national/refusal-for-training-and-homework"]


def test_only_wanted_verdicts_count(plans: Client) -> None:
    facts = TEACHER | {"weak_school_teaching_years": 1, "teacher_ethics_violation_confirmed": True}
    reply = evaluate(plans, "teacher", facts, topics=["evaluation"], consequences=True)
    assert reply["verdicts"] == []
    assert [id_ for id_, _ in told(reply)] == ["erdos/veto-on-ethics"]


def test_without_the_flag_there_is_no_chain(plans: Client) -> None:
    facts = TEACHER | {"weak_school_teaching_years": 1}
    for flag in ({}, {"consequences": False}):
        assert "consequences" not in evaluate(plans, "teacher", facts, **flag)


def test_a_plan_without_consequences_has_an_empty_chain(plans: Client) -> None:
    reply = evaluate(plans, "county", {}, ruleset="yaohai@copy.1", consequences=True)
    assert reply["consequences"] == []


def test_a_ruleset_lists_its_consequences(plans: Client) -> None:
    listed = plans.get("/v1/rulesets/erdos@2021.1").json()["consequences"]
    notice = next(c for c in listed if c["id"] == "erdos/notice-of-school")
    assert notice["breach_of"] == ["erdos/balanced-class-division", "erdos/no-key-classes"]
    assert (notice["effect"], notice["clause"]["span"]) == ("notice", [3847, 3858])
    clauses = plans.get("/v1/rulesets/erdos@2021.1/clauses").json()["clauses"]
    (supervision,) = (c for c in clauses if c["path"] == "五/(二)")
    assert "erdos/rectification-in-time" in supervision["consequences"]


def test_batches_have_no_chains(plans: Client) -> None:
    body = {"as_of": "2026-11-22", "records": [], "consequences": True}
    response = plans.post("/v1/evaluations/batch", json=body)
    assert response.status_code == 400
    assert "consequences" in response.json()["detail"]


def test_the_description_tells_of_it(plans: Client) -> None:
    schemas = plans.get("/schema").json()["components"]["schemas"]
    assert "step by step" in schemas["EvaluationRequest"]["properties"]["consequences"]["description"]
    assert "consequences" not in schemas["EvaluationReply"]["required"]
    assert schemas["ConsequenceReply"]["properties"]["because"]["items"] == {"$ref": "#/components/schemas/CauseReply"}


@pytest.mark.parametrize(
    ("described", "known"),
    [(replies.Effect, words.EFFECTS), (replies.Strength, words.STRENGTHS), (replies.Bearer, words.BEARERS)],
)
def test_the_words_of_the_reply_are_those_of_the_format(described: object, known: tuple[str, ...]) -> None:
    assert get_args(described) == known


# --- messages -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library() -> Library:
    return bundled_library()


def named(ruleset: Ruleset, id_: str, *because: Cause) -> tuple[str, str]:
    library = bundled_library()
    (found,) = (c for c in ruleset.consequences if c.id == f"{ruleset.id}/{id_}")
    return ChainMessages(ruleset, library.dictionary.facts).of(Step(found, because))


def test_messages_read_as_sentences(library: Library) -> None:
    erdos = library.rulesets["erdos@2021.1"]
    breach = Cause(rule="erdos/senior-title-experience", verdict=Verdict.NON_COMPLIANT)
    assert named(erdos, "bar-from-senior-title", breach) == (
        "因“评高级职称的任教经历”不符合要求：任教经历不足的城镇教师，不能评高级和正高级职称。"
        "承担者：教师；文件直接规定，不另作裁量。",
        "Because “Experience required for senior titles” is not met: a town teacher without the experience cannot "
        "get a senior or full senior title. Whom it meets: teacher; it follows of itself.",
    )
    after = Cause(after="erdos/reassignment-of-unfit-teachers")
    zh, en = named(erdos, "pay-follows-the-new-post", after)
    assert zh.startswith("因已有“分流”这一后果：")
    assert en.startswith("Because “Reassignment” follows: ")
    zh, en = named(erdos, "veto-on-ethics", Cause(fact="teacher_ethics_violation_confirmed"))
    assert zh.startswith("因“教师师德问题已查实”属实：")
    assert en.startswith("Because “Violation of ethics by the teacher confirmed” is the case: ")


@pytest.mark.parametrize(
    ("within", "zh", "en"),
    [
        ("unstated", "不另作裁量。", "of itself."),
        ("2025-12-31", "，期限为2025年12月31日。", ", by 31 December 2025."),
        ("30 days", "，在30日内。", ", within 30 days."),
        ("1 months", "，在1个月内。", ", within 1 month."),
        ("2 years", "，在2年内。", ", within 2 years."),
    ],
)
def test_a_time_is_told(within: str, zh: str, en: str) -> None:
    small = small_library(
        "facts:\n- {fact: m, type: boolean}\nconsequences:\n- {id: a, fact: m, then: {within: " + within + "}}\n"
    )
    ruleset = small.rulesets["small@1"]
    (found,) = ruleset.consequences
    message = ChainMessages(ruleset, small.dictionary.facts).of(Step(found, (Cause(fact="m"),)))
    assert message[0].endswith(zh)
    assert message[1].endswith(en)


def test_every_consequence_has_a_message_of_each_cause(library: Library) -> None:
    for ruleset in library.rulesets.values():
        messages = ChainMessages(ruleset, library.dictionary.facts)
        for found in ruleset.consequences:
            kind = {"fact": "fact", "after": "after"}.get(found.cause, "rule")
            causes = tuple(Cause(**{kind: name}) for name in found.causes)
            zh, en = messages.of(Step(found, causes))
            assert zh.endswith("。")
            assert en.endswith(".")
            assert "。。" not in zh
            assert ".." not in en
