"""Members in a single evaluation: what is rolled up and told of them, and every way in which they can be wrong."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.settings import Limits, Settings
from api.wire.replies import EvaluationReply
from tests.api.conftest import BASE_URL, Client
from tests.small import lay_out, small_files

Json = dict[str, Any]
LIBRARY = """
facts:
- {fact: open_campus, type: boolean}
- {fact: pupils, type: integer}
- {fact: area, type: number}
- {fact: hours, type: integer, unit: class_hours, period: year}
- {fact: rating, type: grade, options: [{id: poor}, {id: fair}, {id: good}]}
- {fact: trained, type: boolean, subject: [teacher]}
- {fact: open_share, type: percent, subject: [county], derive: 'share(school, open_campus, weight=pupils)'}
- {fact: every_open, type: boolean, subject: [county], derive: 'every(school, open_campus)'}
- {fact: area_cv, type: number, unit: ratio, step: 0.001, subject: [county], derive: 'cv(school, area, per=pupils)'}
- {fact: worst, type: grade, options: [{id: poor}, {id: fair}, {id: good}], subject: [county],
   derive: 'lowest(school, rating)'}
- {fact: hours_total, type: integer, unit: class_hours, subject: [county], period: year, derive: 'sum(school, hours)'}
- {fact: trained_share, type: percent, subject: [county, city], derive: 'share(teacher, trained)'}
- {fact: boys, type: integer}
- {fact: girls, type: integer}
- {fact: children, type: integer, derive: boys + girls}
- {fact: here, type: boolean, subject: [city], derive: 'every(school, open_campus, where=division == "150603")'}
rules:
- {id: share, subject: county, require: open_share >= 60}
- {id: every, subject: county, require: every_open}
- {id: cv, subject: county, require: area_cv <= 0.5}
- {id: worst, subject: county, require: worst >= "fair"}
- {id: hours, subject: county, require: hours_total >= 100}
- {id: teachers, subject: [county, city], require: trained_share >= 50}
- {id: children, require: children <= 1000}
- {id: here, subject: city, require: here}
"""
SMALL = Limits(members=3)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(rulesets=lay_out(small_files(LIBRARY), tmp_path_factory.mktemp("members")))


@pytest.fixture(scope="module")
def members_client(settings: Settings) -> Iterator[Client]:
    with TestClient(create_app(settings), base_url=BASE_URL) as client:
        yield client


@pytest.fixture(scope="module")
def narrow_client(settings: Settings) -> Iterator[Client]:
    with TestClient(create_app(replace(settings, limits=SMALL)), base_url=BASE_URL) as client:
        yield client


def county(members: object, facts: Json | None = None, **more: object) -> Json:
    request = {"division": "150603", "subject": "county", "id": "c", "as_of": "2026-11-22", "facts": facts or {}}
    return {**request, "members": members, **more}


@pytest.fixture(scope="module")
def send(members_client: Client) -> Callable[..., Json]:
    def run(members: object, facts: Json | None = None, **more: object) -> Json:
        response = members_client.post("/v1/evaluations", json=county(members, facts, **more))
        assert response.status_code == 200, response.text
        msgspec.json.decode(response.content, type=EvaluationReply)
        reply: Json = response.json()
        return reply

    return run


def school(id_: str, members: list[Json] | None = None, **facts: object) -> Json:
    return {"subject": "school", "id": id_, "facts": facts} | ({"members": members} if members else {})


def derived(reply: Json) -> dict[str, Json]:
    return {one["fact"]: one for one in reply["derived"]}


def verdicts(reply: Json) -> dict[str, str]:
    return {verdict["rule"].split("/")[1]: verdict["verdict"] for verdict in reply["verdicts"]}


def test_a_county_is_judged_by_its_schools(send: Callable[..., Json]) -> None:
    reply = send([school("a", open_campus=True, pupils=600), school("b", open_campus=False, pupils=400)])
    assert (verdicts(reply)["share"], verdicts(reply)["every"]) == ("compliant", "non_compliant")
    assert derived(reply)["open_share"] == {
        "fact": "open_share",
        "period": None,
        "value": 60,
        "bounds": None,
        "supplied": None,
        "differs": False,
        "aggregates": [
            {
                "text": "share(school, open_campus, weight=pupils)",
                "op": "share",
                "members": {"kind": "school", "sent": 2, "counted": 2, "open": 0, "refused": 0, "without": []},
                "value": 60,
                "bounds": None,
                "workings": {"numerator": 600, "denominator": 1000},
                "failing": ["b"],
            }
        ],
        "settle": [],
    }
    assert derived(reply)["every_open"]["aggregates"][0]["failing"] == ["b"]
    # No teacher was sent: the fact is not rolled up, and the rule names it.
    assert "trained_share" not in derived(reply)
    assert "trained_share" in reply["missing"]


def test_what_is_open_is_told_with_bounds_and_who_would_settle_it(send: Callable[..., Json]) -> None:
    reply = send([school("a", open_campus=True, pupils=600), school("b", pupils=200), school("c", pupils=200)])
    share = derived(reply)["open_share"]
    assert (share["value"], share["bounds"], share["settle"]) == (None, [60, 100], ["b", "c"])
    assert share["aggregates"][0]["members"]["open"] == 2
    assert verdicts(reply)["share"] == "compliant"
    worst = derived(send([school("a", rating="fair"), school("b")]))["worst"]
    assert (worst["value"], worst["bounds"], worst["settle"]) == (None, ["poor", "fair"], ["b"])


def test_the_workings_of_a_coefficient(send: Callable[..., Json]) -> None:
    reply = send([school("a", area=500, pupils=100), school("b", area=1500, pupils=100)])
    coefficient = derived(reply)["area_cv"]
    assert coefficient["value"] == 0.5
    workings = {"sum": 2000, "weights": 200, "mean": 10, "deviation": 5}
    assert coefficient["aggregates"][0]["workings"] == workings
    [verdict] = [v for v in reply["verdicts"] if v["rule"] == "small/cv"]
    assert (verdict["verdict"], verdict["gap"], verdict["actual"]) == ("compliant", 0, {"area_cv": 0.5})


def test_an_irrational_coefficient_is_shown_as_the_nearest_float(send: Callable[..., Json]) -> None:
    reply = send([school(id_, area=area, pupils=100) for id_, area in (("a", 0), ("b", 100), ("c", 200))], trace=True)
    assert derived(reply)["area_cv"]["value"] == 0.816496580927726
    [verdict] = [v for v in reply["verdicts"] if v["rule"] == "small/cv"]
    assert verdict["actual"] == {"area_cv": 0.816496580927726}
    assert verdict["gap"] == pytest.approx(0.316496580927726, rel=1e-14)
    assert verdict["trace"][0]["children"][0]["value"] == 0.816496580927726


def test_a_supplied_value_wins_and_the_difference_is_told(send: Callable[..., Json]) -> None:
    members = [school("a", open_campus=True, pupils=600), school("b", open_campus=False, pupils=400)]
    reply = send(members, {"open_share": 59.9, "every_open": False})
    assert verdicts(reply)["share"] == "non_compliant"
    share = derived(reply)["open_share"]
    assert (share["value"], share["supplied"], share["differs"]) == (60, 59.9, True)
    every = derived(reply)["every_open"]
    assert (every["value"], every["supplied"], every["differs"]) == (False, False, False)
    # Inside the bounds of what is open nothing disagrees; outside something must.
    half = [school("a", open_campus=True, pupils=600), school("b", pupils=400)]
    assert derived(send(half, {"open_share": 75}))["open_share"]["differs"] is False
    assert derived(send(half, {"open_share": 59}))["open_share"]["differs"] is True


def test_a_difference_is_told_of_any_derived_fact(members_client: Client) -> None:
    request = {"division": "150603", "subject": "school", "as_of": "2026-11-22"}
    facts = {"boys": 500, "girls": 500, "children": 1001}
    reply = members_client.post("/v1/evaluations", json={**request, "facts": facts}).json()
    [only] = reply["derived"]
    assert (only["fact"], only["value"], only["supplied"], only["differs"]) == ("children", 1000, 1001, True)
    assert (only["aggregates"], only["settle"]) == ([], [])
    same = members_client.post("/v1/evaluations", json={**request, "facts": {**facts, "children": 1000}}).json()
    assert same["derived"] == []


def test_periods_of_members(send: Callable[..., Json]) -> None:
    members = [school("a", hours={"2024": 60, "2025": 70}), school("b", hours={"2024": 60, "2025": 29})]
    reply = send(members, {"hours_total": {"2024": 130}})
    # The county supplied one period itself: only that one is read, and it differs.
    [verdict] = [v for v in reply["verdicts"] if v["rule"] == "small/hours"]
    assert (verdict["verdict"], verdict["period"]) == ("compliant", "2024")
    told = [one for one in reply["derived"] if one["fact"] == "hours_total"]
    assert [(one["period"], one["value"], one["supplied"], one["differs"]) for one in told] == [
        ("2024", 120, 130, True),
        ("2025", 99, None, False),
    ]


def test_members_through_any_depth(send: Callable[..., Json]) -> None:
    teachers = [{"subject": "teacher", "id": f"t{i}", "facts": {"trained": i < 2}} for i in range(4)]
    group = {"subject": "education_group", "id": "g", "facts": {}, "members": [school("a", teachers)]}
    reply = send([group, school("b")])
    share = derived(reply)["trained_share"]
    # School b sent no teachers though school a did, so there may be more.
    assert (share["value"], share["bounds"]) == (None, None)
    assert share["aggregates"][0]["members"] == {
        "kind": "teacher",
        "sent": 4,
        "counted": 4,
        "open": 0,
        "refused": 0,
        "without": [{"subject": "school", "id": "b"}],
    }
    assert derived(send([group]))["trained_share"]["value"] == 50


def test_a_member_may_lie_in_a_part_of_its_containers_division(members_client: Client) -> None:
    members = [{**school("a", open_campus=True), "division": "150603"}, {**school("b"), "division": "150602"}]
    request = county(members, division="150600", subject="city")
    reply = members_client.post("/v1/evaluations", json=request).json()
    assert verdicts(reply)["here"] == "compliant"
    assert derived(reply)["here"]["aggregates"][0]["members"]["counted"] == 1


def test_no_members_are_the_same_as_none(send: Callable[..., Json]) -> None:
    without = send(None)
    assert send([]) == without
    assert without["derived"] == []
    # Zero pupils are data: nobody to weigh, so there is no share.
    nobody = send([school("a", open_campus=True, pupils=0)])
    assert derived(nobody)["open_share"]["value"] is None
    assert derived(nobody)["open_share"]["settle"] == []


MEMBER = {"subject": "school", "id": "a", "facts": {"pupils": 1}}
# The members, the slug, the pointer, a word of the detail, a word of the help.
BAD: dict[str, tuple[list[Any], str, str, str, str | None]] = {
    "no object": ([7], "invalid-request", "/members/0", "object", None),
    "no subject": ([{"id": "a", "facts": {}}], "invalid-request", "/members/0", "subject", None),
    "unknown subject": ([{**MEMBER, "subject": "scool"}], "unknown-subject", "/members/0/subject", "scool", "school"),
    "no id": ([{"subject": "school", "facts": {}}], "invalid-request", "/members/0", "`id`", None),
    "empty id": ([{**MEMBER, "id": ""}], "invalid-request", "/members/0", "`id`", None),
    "number as id": ([{**MEMBER, "id": 7}], "invalid-request", "/members/0", "`id`", None),
    "no facts": ([{"subject": "school", "id": "a"}], "invalid-request", "/members/0", "facts", None),
    "list as facts": ([{**MEMBER, "facts": []}], "invalid-request", "/members/0/facts", "facts", None),
    "object as members": ([{**MEMBER, "members": {}}], "invalid-request", "/members/0/members", "list", None),
    "unknown field": ([{**MEMBER, "fact": {}}], "invalid-request", "/members/0/fact", "fact", "facts"),
    "twice": ([MEMBER, {**MEMBER}], "duplicate-id", "/members/1/id", "/members/0", None),
    "unknown fact": ([{**MEMBER, "facts": {"pupls": 1}}], "unknown-fact", "/members/0/facts/pupls", "pupls", "pupils"),
    "wrong type": ([{**MEMBER, "facts": {"pupils": "1"}}], "wrong-type", "/members/0/facts/pupils", "number", None),
    "out of bounds": ([{**MEMBER, "facts": {"pupils": -1}}], "out-of-bounds", "/members/0/facts/pupils", "-1", None),
    "wrong kind": ([{**MEMBER, "subject": "county"}], "member-not-allowed", "/members/0/subject", "county", None),
    "of no container": (
        [{**MEMBER, "members": [{**MEMBER, "members": []}]}],
        "member-not-allowed",
        "/members/0/members/0/subject",
        "teacher",
        None,
    ),
    "elsewhere": ([{**MEMBER, "division": "150602"}], "member-elsewhere", "/members/0/division", "150603", None),
    "unknown division": ([{**MEMBER, "division": "15"}], "unknown-division", "/members/0/division", "15", None),
    "number as division": ([{**MEMBER, "division": 150603}], "invalid-request", "/members/0/division", "text", None),
    "below": (
        [{**MEMBER, "members": [{"subject": "teacher", "id": "t", "facts": {"traned": True}}]}],
        "unknown-fact",
        "/members/0/members/0/facts/traned",
        "traned",
        "trained",
    ),
}


@pytest.mark.parametrize("row", BAD.values(), ids=BAD)
def test_bad_members_have_their_problem(
    members_client: Client, row: tuple[list[Any], str, str, str, str | None]
) -> None:
    members, slug, pointer, word, help_word = row
    response = members_client.post("/v1/evaluations", json=county(members))
    problem = response.json()
    assert (problem["type"], problem.get("pointer")) == (f"/problems/{slug}", pointer), problem
    assert word in problem["detail"]
    assert help_word is None or help_word in problem["help"]
    assert "errors" not in problem or all(e["pointer"].startswith("/members/") for e in problem["errors"])


def test_all_mistakes_are_told_at_once(members_client: Client) -> None:
    members = [
        MEMBER,
        {**MEMBER, "facts": {"pupls": 1, "hours": {"2025": "x"}}},
        {"subject": "x", "id": "y", "facts": {}},
    ]
    response = members_client.post("/v1/evaluations", json=county(members, {"open_share": 101}))
    found = [(error["type"], error["pointer"]) for error in response.json()["errors"]]
    assert found == [
        ("/problems/out-of-bounds", "/facts/open_share"),
        ("/problems/duplicate-id", "/members/1/id"),
        ("/problems/unknown-fact", "/members/1/facts/pupls"),
        ("/problems/wrong-type", "/members/1/facts/hours/2025"),
        ("/problems/unknown-subject", "/members/2/subject"),
    ]


def test_there_is_a_limit_to_members(narrow_client: Client) -> None:
    members = [school("a", [{"subject": "teacher", "id": f"t{i}", "facts": {}} for i in range(3)])]
    assert narrow_client.post("/v1/evaluations", json=county([school(str(i)) for i in range(3)])).status_code == 200
    problem = narrow_client.post("/v1/evaluations", json=county(members)).json()
    assert (problem["type"], problem["pointer"]) == ("/problems/too-many-members", "/members/0/members")
    many = narrow_client.post("/v1/evaluations", json=county([school(str(i)) for i in range(9)])).json()
    assert (many["type"], many["pointer"]) == ("/problems/too-many-members", "/members")
    assert "errors" not in many


def test_members_nested_too_deeply_are_refused(members_client: Client) -> None:
    deep: Json = MEMBER
    for _ in range(40):
        deep = {**MEMBER, "members": [deep]}
    problem = members_client.post("/v1/evaluations", json=county([deep])).json()
    assert problem["type"] == "/problems/nested-too-deeply"


def test_a_large_county_runs_beside_the_event_loop(send: Callable[..., Json]) -> None:
    reply = send([school(str(i), open_campus=i % 10 > 2, pupils=100) for i in range(2000)])
    assert derived(reply)["open_share"]["value"] == 70


def test_members_in_a_record_of_a_batch(members_client: Client) -> None:
    records = [
        {
            "division": "150603",
            "subject": "county",
            "id": "c",
            "facts": {"every_open": True},
            "members": [school("a", open_campus=True, pupils=60), school("b", open_campus=False, pupils=40)],
        },
        {"division": "150603", "subject": "county", "id": "d", "facts": {}, "members": [{**MEMBER, "facts": {"x": 1}}]},
        {"division": "150603", "subject": "county", "id": "e", "facts": {}, "members": []},
    ]
    told = {
        "codes": [],
        "findings": ["every_open"],
        "full": ["area_cv", "every_open", "hours_total", "open_share", "worst"],
    }
    for detail, facts in told.items():
        body = {"as_of": "2026-11-22", "detail": detail, "records": records}
        reply = members_client.post("/v1/evaluations/batch", json=body).json()
        first, bad, none = reply["results"]
        rules = [rule.split("/")[1] for rule in reply["rulesets"][0]["rules"]["county"]]
        assert {rule for rule, code in zip(rules, first["codes"], strict=True) if code == "C"} == {"share", "every"}
        assert bad["error"]["pointer"] == "/records/1/members/0/facts/x"
        assert set(none["codes"]) == {"U"}
        assert sorted(one["fact"] for one in first.get("derived", [])) == facts
