"""Records of a batch that belong together by `parent`: in any order, and with every way in which a tie can be wrong."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.services.families import names_parents
from api.settings import Settings
from api.wire.replies import BatchReply
from tests.api.conftest import BASE_URL, Client
from tests.small import lay_out, small_files

Json = dict[str, Any]
TO = "/v1/evaluations/batch"
LIBRARY = """
facts:
- {fact: open_campus, type: boolean}
- {fact: pupils, type: integer}
- {fact: trained, type: boolean, subject: [teacher]}
- {fact: open_share, type: percent, subject: [county], derive: 'share(school, open_campus)'}
- {fact: open_schools, type: integer, unit: schools, subject: [county, city],
   derive: 'count(school, where=open_campus)'}
- {fact: every_open, type: boolean, subject: [county], derive: 'every(school, open_campus)'}
- {fact: trained_share, type: percent, subject: [county, school], derive: 'share(teacher, trained)'}
rules:
- {id: pupils, require: pupils <= 1000}
- {id: share, subject: county, require: open_share >= 50}
- {id: count, subject: [county, city], require: open_schools >= 2}
- {id: every, subject: county, require: every_open}
- {id: teachers, subject: [county, school], require: trained_share >= 50}
"""


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = Settings(rulesets=lay_out(small_files(LIBRARY), tmp_path_factory.mktemp("families")))
    with TestClient(create_app(settings), base_url=BASE_URL) as client:
        yield client


@pytest.fixture(scope="module")
def judge(tied: Client) -> Callable[..., dict[str, Json]]:
    """The results of a batch by id, each with its codes by rule."""

    def run(records: list[Json], detail: str = "findings") -> dict[str, Json]:
        response = tied.post(TO, json={"as_of": "2026-11-22", "detail": detail, "records": records})
        assert response.status_code == 200, response.text
        msgspec.json.decode(response.content, type=BatchReply)
        reply = response.json()
        order = {
            s: [r.split("/")[1] for r in rules]
            for s, rules in (reply["rulesets"] or [{"rules": {}}])[0]["rules"].items()
        }
        assert [result["id"] for result in reply["results"]] == [record.get("id") for record in records]
        for record, result in zip(records, reply["results"], strict=True):
            if "codes" in result:
                result["by_rule"] = dict(zip(order.get(record["subject"], []), result["codes"], strict=True))
        return {str(result["id"]): result for result in reply["results"]}

    return run


def county(id_: str = "c", division: str = "150603", **more: object) -> Json:
    return {"division": division, "subject": "county", "id": id_, "facts": {}, **more}


def school(id_: str, parent: str | None = "c", division: str = "150603", **facts: object) -> Json:
    record = {"division": division, "subject": "school", "id": id_, "facts": facts}
    return record if parent is None else {**record, "parent": parent}


def teacher(id_: str, parent: str, **facts: object) -> Json:
    return {"division": "150603", "subject": "teacher", "id": id_, "facts": facts, "parent": parent}


def test_a_county_is_judged_by_the_records_that_name_it(judge: Callable[..., dict[str, Json]]) -> None:
    found = judge([county(), school("a", open_campus=True, pupils=5), school("b", open_campus=False, pupils=2000)])
    assert found["c"]["by_rule"] == {"share": "C", "count": "N", "every": "N", "teachers": "U"}
    # Who is a member is judged all the same.
    assert found["a"]["by_rule"]["pupils"] == "C"
    assert found["b"]["by_rule"]["pupils"] == "N"
    assert "refused_members" not in found["c"]


def test_the_order_does_not_matter(judge: Callable[..., dict[str, Json]]) -> None:
    city = {"division": "150600", "subject": "city", "id": "t", "facts": {}}
    records = [
        city,
        county("c", parent="t"),
        county("d", division="150602", parent="t"),
        *(school(f"a{i}", open_campus=i > 1) for i in range(4)),
        *(school(f"b{i}", "d", division="150602", open_campus=True) for i in range(3)),
        *(teacher(f"t{i}", "a0", trained=i > 0) for i in range(3)),
        school("alone", None, pupils=1),
    ]
    first = judge(records)
    assert first["t"]["by_rule"] == {"count": "C"}
    assert first["c"]["by_rule"] == {"share": "C", "count": "C", "every": "N", "teachers": "U"}
    assert first["d"]["by_rule"] == {"share": "C", "count": "C", "every": "C", "teachers": "U"}
    assert first["a0"]["by_rule"]["teachers"] == "C"
    order = random.Random(7)
    for _ in range(3):
        order.shuffle(records)
        assert judge(records) == first


def test_ties_reach_across_blocks_in_every_format(tied: Client) -> None:
    """Batches run in blocks of a thousand; a county stands last, behind three of them."""
    records = [*(school(f"s{i}", open_campus=i % 4 != 0) for i in range(3000)), county()]
    reply = tied.post(TO, json={"as_of": "2026-11-22", "detail": "codes", "records": records}).json()
    lines = "".join(json.dumps(record) + "\n" for record in records)
    query = {"as_of": "2026-11-22", "detail": "codes"}
    answer = tied.post(TO, params=query, content=lines, headers={"content-type": "application/x-ndjson"})
    results = [line["result"] for line in map(json.loads, answer.text.splitlines()) if "result" in line]
    assert [r["codes"] for r in results] == [r["codes"] for r in reply["results"]]
    rules = [rule.split("/")[1] for rule in reply["rulesets"][0]["rules"]["county"]]
    assert dict(zip(rules, results[-1]["codes"], strict=True)) == {
        "share": "C",
        "count": "C",
        "every": "N",
        "teachers": "U",
    }


def test_members_inside_a_record_and_tied_to_it(judge: Callable[..., dict[str, Json]]) -> None:
    inside = [{"subject": "school", "id": "x", "facts": {"open_campus": True}}]
    found = judge([county(members=inside), school("a", open_campus=True)], "full")
    assert found["c"]["by_rule"]["count"] == "C"
    [share] = [one for one in found["c"]["derived"] if one["fact"] == "open_share"]
    assert (share["value"], share["aggregates"][0]["members"]["sent"]) == (100, 2)
    twice = judge([county(members=[{**inside[0], "id": "a"}]), school("a", open_campus=True)])
    assert twice["a"]["error"]["type"] == "/problems/duplicate-id"
    assert twice["c"]["refused_members"] == 1


BAD: dict[str, tuple[Json, str, str, str]] = {
    "unknown fact": ({**school("b"), "facts": {"pupls": 1}}, "unknown-fact", "/facts/pupls", "pupls"),
    "not in bounds": (school("b", pupils=-1), "out-of-bounds", "/facts/pupils", "-1"),
    "unknown division": (school("b", division="150699"), "unknown-division", "/division", "150699"),
    "unknown subject": ({**school("b"), "subject": "scool"}, "unknown-subject", "/subject", "scool"),
    "unknown field": ({**school("b"), "fact": {}}, "invalid-request", "/fact", "fact"),
    "elsewhere": (school("b", division="150602"), "member-elsewhere", "/division", "outside `150603`"),
    "twice": (school("a", open_campus=False), "duplicate-id", "/id", "first at /records/1"),
    "wrong kind": ({**county("b"), "parent": "c"}, "member-not-allowed", "/parent", "cannot be a member of `county`"),
}


@pytest.mark.parametrize("row", BAD.values(), ids=BAD)
def test_a_bad_member_leaves_its_parent_open(tied: Client, row: tuple[Json, str, str, str]) -> None:
    bad, slug, pointer, word = row
    records = [county(), school("a", open_campus=True, pupils=1), school("e", open_campus=True), bad]
    reply = tied.post(TO, json={"as_of": "2026-11-22", "detail": "full", "records": records}).json()
    parent, good, _, refused = reply["results"]
    error = refused["error"]
    assert (error["type"], error["pointer"]) == (f"/problems/{slug}", f"/records/3{pointer}"), error
    assert word in error["detail"]
    assert parent["refused_members"] == 1
    verdicts = {v["rule"].split("/")[1]: v["verdict"] for v in parent["verdicts"]}
    if bad["subject"] == "county":
        # Not even a wrong kind may vanish: a county would contain schools.
        assert verdicts["share"] == "insufficient_data"
    else:
        # Two open schools are two, whoever else there is; that all are open cannot be known.
        assert (verdicts["count"], verdicts["share"], verdicts["every"]) == (
            "compliant",
            "insufficient_data",
            "insufficient_data",
        )
        [share] = [one for one in parent["derived"] if one["fact"] == "open_share"]
        assert share["aggregates"][0]["members"]["refused"] == 1
    assert "error" not in good


def test_a_bad_member_cannot_save_a_county_that_fails(judge: Callable[..., dict[str, Json]]) -> None:
    found = judge([county(), school("a", open_campus=False), {**school("b"), "facts": {"pupls": 1}}])
    assert found["c"]["by_rule"] == {"share": "U", "count": "U", "every": "N", "teachers": "U"}
    only = judge([county(), {**school("b"), "facts": {"pupls": 1}}])
    assert (set(only["c"]["codes"]), only["c"]["refused_members"]) == ({"U"}, 1)


def test_a_bad_school_leaves_its_teachers_open_too(judge: Callable[..., dict[str, Json]]) -> None:
    found = judge(
        [
            county(),
            school("a"),
            teacher("t", "a", trained=True),
            {**school("b"), "facts": {"pupls": 1}},
            teacher("u", "b"),
        ]
    )
    assert found["c"]["by_rule"]["teachers"] == "U"
    assert "error" not in found["u"]


def test_unknown_parents_and_circles(judge: Callable[..., dict[str, Json]]) -> None:
    found = judge(
        [
            school("a", "nobody", pupils=1),
            school("self", "self", pupils=1),
            county("c", parent="b"),
            school("b", "c", pupils=1),
            {**school("", "c"), "id": None},
            {**school("n", "c"), "parent": 7},
        ]
    )
    assert found["a"]["error"]["type"] == "/problems/unknown-parent"
    assert "`nobody`" in found["a"]["error"]["detail"]
    assert found["self"]["error"]["type"] == "/problems/unknown-parent"
    # A circle always has a kind in it that cannot be.
    assert found["c"]["error"]["type"] == "/problems/member-not-allowed"
    assert found["b"]["by_rule"]["pupils"] == "C"
    assert found["None"]["error"]["pointer"] == "/records/4/id"
    assert found["n"]["error"]["pointer"] == "/records/5/parent"


def test_two_parents_of_one_id_are_told_apart_by_kind_or_refused(judge: Callable[..., dict[str, Json]]) -> None:
    found = judge([county("1"), school("1", "1", open_campus=True), school("2", "1", open_campus=True)])
    assert found["2"]["codes"]
    group = {"division": "150603", "subject": "education_group", "id": "1", "facts": {}}
    both = judge([county("1"), {**group, "facts": {}}, school("2", "1", open_campus=True)])
    assert both["2"]["error"]["type"] == "/problems/duplicate-id"
    assert "`county`, `education_group`" in both["2"]["error"]["detail"]


def test_what_looks_like_a_tie_is_found_however_it_is_written(tied: Client) -> None:
    assert names_parents(b'{"parent": "c"}')
    assert names_parents(b'{"p\\u0061rent": "c"}')
    assert not names_parents(b'{"id": "\\u00e9\\u4e2d"}')
    body = json.dumps({"as_of": "2026-11-22", "detail": "codes", "records": [county(), school("a", open_campus=True)]})
    hidden = body.replace('"parent"', '"p\\u0061rent"')
    headers = {"content-type": "application/json"}
    assert tied.post(TO, content=hidden, headers=headers).json() == tied.post(TO, content=body, headers=headers).json()


def test_a_tied_county_is_judged_as_one_with_its_members_inside(tied: Client) -> None:
    order = random.Random(3)
    facts = [{"open_campus": order.choice([True, False, None]), "pupils": order.randint(0, 9)} for _ in range(12)]
    inside = [{"subject": "school", "id": f"s{i}", "facts": each} for i, each in enumerate(facts)]
    records = [
        county("in", members=inside),
        county("tied"),
        *(school(f"t{i}", "tied", **f) for i, f in enumerate(facts)),
    ]
    reply = tied.post(TO, json={"as_of": "2026-11-22", "detail": "full", "records": records}).json()
    first, second = reply["results"][:2]
    assert first["verdicts"] == second["verdicts"]

    def told(result: Json) -> list[Json]:
        return [{**one, "settle": [id_[1:] for id_ in one["settle"]], "aggregates": None} for one in result["derived"]]

    assert told(first) == told(second)


def test_findings_and_what_is_missing_are_those_of_a_single_evaluation(tied: Client) -> None:
    """A batch tells failing rules and missing facts from columns; members must enter both."""
    order = random.Random(11)
    counties, records = [], []
    for c in range(8):
        schools = []
        for i in range(order.randint(0, 5)):
            facts = {"open_campus": order.choice([True, False, False, None]), "pupils": order.choice([3, None])}
            teachers = [
                {"subject": "teacher", "id": f"t{c}-{i}-{j}", "facts": {"trained": order.choice([True, False, None])}}
                for j in range(order.randint(0, 2))
            ]
            schools.append({"subject": "school", "id": f"s{c}-{i}", "facts": facts, "members": teachers})
        supplied = {} if c % 3 else {"open_share": 40}
        counties.append(county(f"c{c}", facts=supplied, members=schools))
        records.append(county(f"c{c}", facts=supplied))
        records += [{**s, "members": s["members"], "division": "150603", "parent": f"c{c}"} for s in schools]
    batch = tied.post(TO, json={"as_of": "2026-11-22", "records": records}).json()
    rules = batch["rulesets"][0]["rules"]["county"]
    found = {result["id"]: result for result in batch["results"]}
    for request in counties:
        single = tied.post("/v1/evaluations", json={**request, "as_of": "2026-11-22"}).json()
        result = found[request["id"]]
        failing = [v for v in single["verdicts"] if v["verdict"] == "non_compliant"]
        assert [(rules[f["rule"]], f["actual"], f["gap"]) for f in result["findings"]] == [
            (v["rule"], v["actual"], v["gap"]) for v in failing
        ]
        assert sorted(result["missing"]) == sorted(single["missing"])
        assert [one["fact"] for one in result.get("derived", [])] == [
            one["fact"] for one in single["derived"] if one["differs"]
        ]
