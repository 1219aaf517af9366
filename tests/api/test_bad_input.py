"""Every way in which a single evaluation can be wrong has its own problem."""

import json
from typing import Any

import pytest

from tests.api.conftest import Client

GOOD: dict[str, Any] = {
    "division": "150603",
    "subject": "school",
    "id": "s-1",
    "as_of": "2024-06-30",
    "facts": {"primary_classes": 12, "max_class_size_primary": 47},
}


def with_facts(**facts: Any) -> bytes:
    return json.dumps({**GOOD, "facts": facts}).encode()


def with_members(**members: Any) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


def without(name: str) -> bytes:
    return json.dumps({k: v for k, v in GOOD.items() if k != name}).encode()


TEXT = json.dumps(GOOD)
DEEP = TEXT.replace("47", "[" * 40 + "]" * 40).encode()
BOTTOMLESS = TEXT.replace("47", "[" * 50_000 + "]" * 50_000).encode()

# Body, status, slug, pointer, a word of the detail, a word of the help.
ROWS: dict[str, tuple[bytes, int, str, str | None, str, str | None]] = {
    "empty": (b"", 400, "malformed-json", None, "empty", None),
    "blank": (b" \n", 400, "malformed-json", None, "empty", None),
    "no JSON": (b"{division: 1}", 400, "malformed-json", None, "line 1, byte 2", None),
    "second line": (b'{"division":\n  x}', 400, "malformed-json", None, "line 2, byte 3", None),
    "cut off": (TEXT[:-1].encode(), 400, "malformed-json", None, "ends too early", None),
    "behind the end": (TEXT.encode() + b"x", 400, "malformed-json", None, "trailing", None),
    "NaN": (TEXT.replace("47", "NaN").encode(), 400, "malformed-json", None, "NaN is no JSON number", None),
    "Infinity": (TEXT.replace("47", "Infinity").encode(), 400, "malformed-json", None, "Infinity is no JSON", None),
    "-Infinity": (TEXT.replace("47", "-Infinity").encode(), 400, "malformed-json", None, "malformed-json", None),
    "1e999": (TEXT.replace("47", "1e999").encode(), 400, "malformed-json", None, "out of range", None),
    "5000 digits": (TEXT.replace("47", "9" * 5000).encode(), 400, "malformed-json", None, "out of range", None),
    "byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), 400, "malformed-json", None, "byte order mark", None),
    "UTF-16": (TEXT.encode("utf-16"), 400, "malformed-json", None, "UTF-16", None),
    "GBK in a value": (TEXT.replace("s-1", "班").encode("gbk"), 400, "malformed-json", None, "not UTF-8", None),
    "GBK in a key": (TEXT.replace("primary_classes", "班").encode("gbk"), 400, "malformed-json", None, "UTF-8", None),
    "half a surrogate": (TEXT.replace("s-1", "\\ud800").encode(), 400, "malformed-json", None, "", None),
    "list": (b"[]", 400, "invalid-request", None, "expected `object`", None),
    "number": (b"5", 400, "invalid-request", None, "expected `object`", None),
    "null": (b"null", 400, "invalid-request", None, "expected `object`", None),
    "deep": (DEEP, 400, "nested-too-deeply", None, "32", None),
    "bottomless": (BOTTOMLESS, 400, "nested-too-deeply", None, "32", None),
    "unclosed depth": (b'{"id":' + b"[" * 90_000, 400, "nested-too-deeply", None, "32", None),
    "key twice": (TEXT.replace('"id"', '"subject": "x", "id"').encode(), 400, "duplicate-key", None, "`subject`", None),
    "fact twice": (TEXT.replace("47", '47, "primary_classes": 3').encode(), 400, "duplicate-key", None, "`prima", None),
    "period twice": (
        with_facts(training_hours=0).replace(b": 0", b': {"2022": 1, "2022": 2}'),
        400,
        "duplicate-key",
        None,
        "`2022`",
        None,
    ),
    "no division": (without("division"), 400, "invalid-request", None, "`division`", None),
    "no subject": (without("subject"), 400, "invalid-request", None, "`subject`", None),
    "no facts": (without("facts"), 400, "invalid-request", None, "`facts`", None),
    "no as_of": (without("as_of"), 400, "missing-as-of", "/as_of", "as_of", None),
    "null as_of": (with_members(as_of=None), 400, "missing-as-of", "/as_of", "as_of", None),
    "number as as_of": (with_members(as_of=2024), 400, "invalid-request", "/as_of", "expected `str | null`", None),
    "slashes": (with_members(as_of="2024/06/30"), 422, "bad-date", "/as_of", "2024/06/30", None),
    "no such day": (with_members(as_of="2023-02-29"), 422, "bad-date", "/as_of", "2023-02-29", None),
    "compact day": (with_members(as_of="20240630"), 422, "bad-date", "/as_of", "20240630", None),
    "week day": (with_members(as_of="2024-W26-7"), 422, "bad-date", "/as_of", "W26", None),
    "day and time": (with_members(as_of="2024-06-30T00:00"), 422, "bad-date", "/as_of", "T00", None),
    "long ago": (with_members(as_of="0024-06-30"), 422, "bad-date", "/as_of", "1900", None),
    "number as division": (with_members(division=150603), 400, "invalid-request", "/division", "`str`", "six digits"),
    "facts as list": (with_members(facts=[]), 400, "invalid-request", "/facts", "expected `object`", None),
    "unknown member": (with_members(parameter={}), 400, "invalid-request", "/parameter", "`parameter`", "`parameters`"),
    "unknown division": (with_members(division="150699"), 422, "unknown-division", "/division", "150699", "150600"),
    "short division": (with_members(division="1506"), 422, "unknown-division", "/division", "1506", "six digits"),
    "no province": (with_members(division="990101"), 422, "unknown-division", "/division", "990101", "province"),
    "unknown subject": (with_members(subject="schol"), 422, "unknown-subject", "/subject", "`schol`", "`school`"),
    "unknown fact": (
        with_facts(max_clas_size_primary=47),
        422,
        "unknown-fact",
        "/facts/max_clas_size_primary",
        "`max_clas_size_primary`",
        "`max_class_size_primary`",
    ),
    "heading as fact": (
        with_facts(小学最大班额=47),
        422,
        "unknown-fact",
        "/facts/小学最大班额",
        "`小学最大班额`",
        "the fact is named `max_class_size_primary`",
    ),
    "fact with a slash": (with_facts(**{"a/b~c": 1}), 422, "unknown-fact", "/facts/a~1b~0c", "`a/b~c`", None),
    "text as number": (
        with_facts(max_class_size_primary="45"),
        422,
        "wrong-type",
        "/facts/max_class_size_primary",
        "the text `45`",
        "without quotation marks",
    ),
    "true as number": (
        with_facts(max_class_size_primary=True),
        422,
        "wrong-type",
        "/facts/max_class_size_primary",
        "true",
        None,
    ),
    "part of a pupil": (
        with_facts(max_class_size_primary=44.5),
        422,
        "wrong-type",
        "/facts/max_class_size_primary",
        "44.5",
        None,
    ),
    "list as number": (
        with_facts(max_class_size_primary=[45]),
        422,
        "wrong-type",
        "/facts/max_class_size_primary",
        "a list",
        None,
    ),
    "1 as boolean": (
        with_facts(counselling_room=1),
        422,
        "wrong-type",
        "/facts/counselling_room",
        "true or false",
        None,
    ),
    "below": (
        with_facts(max_class_size_primary=-1),
        422,
        "out-of-bounds",
        "/facts/max_class_size_primary",
        "from 0 to 200",
        None,
    ),
    "above": (
        with_facts(max_class_size_primary=10**30),
        422,
        "out-of-bounds",
        "/facts/max_class_size_primary",
        "1000000",
        None,
    ),
    "no such grade": (
        with_facts(equipment_grade="god"),
        422,
        "unknown-option",
        "/facts/equipment_grade",
        "`poor`",
        "`good`",
    ),
    "no such item": (
        with_facts(school_traditions={"sogn": True}),
        422,
        "unknown-option",
        "/facts/school_traditions/sogn",
        "`history`",
        "`song`",
    ),
    "item as number": (
        with_facts(school_traditions={"song": 1}),
        422,
        "wrong-type",
        "/facts/school_traditions/song",
        "true or false",
        None,
    ),
    "no such period": (
        with_facts(training_hours={"2022-13": 80}),
        422,
        "bad-period",
        "/facts/training_hours/2022-13",
        "2022-13",
        None,
    ),
    "plain value of a cycle": (
        with_facts(quality_review=80),
        422,
        "bad-period",
        "/facts/quality_review",
        "period",
        "key",
    ),
    "bad value in a period": (
        with_facts(training_hours={"2022": "80"}),
        422,
        "wrong-type",
        "/facts/training_hours/2022",
        "`80`",
        "without quotation marks",
    ),
    "no such date": (with_facts(opened="2020-02-30"), 422, "bad-date", "/facts/opened", "2020-02-30", None),
    "unknown pin": (with_members(ruleset="twon@2021.1"), 422, "unknown-ruleset", "/ruleset", "`twon@2021.1`", "`town@"),
    "unknown version": (with_members(ruleset="town@9"), 422, "unknown-ruleset", "/ruleset", "`town@9`", "`town"),
    "unknown include": (with_members(include=["x"]), 422, "unknown-ruleset", "/include/0", "`x`", None),
    "include elsewhere": (
        with_members(include=["upland", "valley"]),
        422,
        "ruleset-not-applicable",
        "/include/1",
        "`upland@2019.1`",
        None,
    ),
    "before any plan": (
        with_members(as_of="2016-12-31"),
        422,
        "no-ruleset",
        "/division",
        "2016-12-31",
        None,
    ),
    "unknown evidence": (
        with_members(evidence=["mesured"]),
        400,
        "invalid-request",
        "/evidence/0",
        "`mesured`",
        "`measured`",
    ),
    "unknown topic": (with_members(topics=["health", "x"]), 400, "invalid-request", "/topics/1", "`x`", None),
    "unknown force": (with_members(force=["must"]), 400, "invalid-request", "/force/0", "`must`", None),
    "unknown authority": (with_members(authority="all"), 400, "invalid-request", "/authority", "'all'", None),
    "parameters of nobody": (
        with_members(parameters={"x": {}}),
        422,
        "unknown-ruleset",
        "/parameters/x",
        "`x`",
        None,
    ),
    "parameters of a bystander": (
        with_members(parameters={"upland@2019.1": {}}),
        422,
        "unknown-parameter",
        "/parameters/upland@2019.1",
        "takes no part",
        None,
    ),
    "unknown parameter": (
        with_members(parameters={"town@2021.1": {"relaxed-class": 50}}),
        422,
        "unknown-parameter",
        "/parameters/town@2021.1/relaxed-class",
        "`relaxed-class`",
        "`relaxed-class-size`",
    ),
    "text as parameter": (
        with_members(parameters={"town@2021.1": {"relaxed-class-size": "50"}}),
        422,
        "bad-parameter",
        "/parameters/town@2021.1/relaxed-class-size",
        "a whole number",
        None,
    ),
    "part of a parameter": (
        with_members(parameters={"town@2021.1": {"relaxed-class-size": 50.5}}),
        422,
        "bad-parameter",
        "/parameters/town@2021.1/relaxed-class-size",
        "a whole number",
        None,
    ),
    "members as object": (with_members(members={}), 400, "invalid-request", "/members", "expected `array", None),
    "store": (with_members(store=True), 503, "storage-unavailable", "/store", "keeps nothing", None),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_bad_input_has_its_problem(client: Client, row: tuple[bytes, int, str, str | None, str, str | None]) -> None:
    body, status, slug, pointer, word, help_word = row
    response = client.post("/v1/evaluations", content=body, headers={"content-type": "application/json"})
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{slug}"), problem
    assert problem.get("pointer") == pointer
    assert word in problem["detail"] or word == slug
    assert problem.get("help") is None if help_word is None else help_word in problem["help"]
    assert problem["title"]


def test_all_mistakes_of_a_record_are_told_at_once(client: Client) -> None:
    body = with_facts(max_clas_size_primary=47, counselling_room="yes", training_hours={"x": 1, "2023": -1})
    problem = client.post("/v1/evaluations", content=body, headers={"content-type": "application/json"}).json()
    assert problem["type"] == "/problems/unknown-fact"
    assert [(e["type"].removeprefix("/problems/"), e["pointer"]) for e in problem["errors"]] == [
        ("unknown-fact", "/facts/max_clas_size_primary"),
        ("wrong-type", "/facts/counselling_room"),
        ("bad-period", "/facts/training_hours/x"),
        ("out-of-bounds", "/facts/training_hours/2023"),
    ]


def test_nothing_found_lists_what_exists(client: Client) -> None:
    problem = client.post("/v1/evaluations", content=with_members(as_of="2016-12-31")).json()
    assert problem["existing"] == [
        {"ruleset": "town@2021.1", "jurisdiction": "150600", "starts": "2021-05-17", "authority": "in_force"},
        {"ruleset": "upland@2019.1", "jurisdiction": "150000", "starts": "2019-03-01", "authority": "unofficial_copy"},
        {"ruleset": "standard@2017.1", "jurisdiction": "root", "starts": "2017-04-19", "authority": "in_force"},
    ]


@pytest.mark.parametrize("colons", ['"id": "a:b:c"', '"id": "x\\": "'])
def test_colons_in_texts_are_no_duplicates(client: Client, colons: str) -> None:
    body = json.dumps(GOOD).replace('"id": "s-1"', colons)
    response = client.post("/v1/evaluations", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ({"content-type": "text/plain"}, "unsupported-media-type"),
        ({"content-type": "application/x-www-form-urlencoded"}, "unsupported-media-type"),
        ({"content-type": "application/x-ndjson"}, "unsupported-media-type"),
        ({"content-type": "application/json; charset=gbk"}, "unsupported-media-type"),
        ({"content-type": "application/json", "content-encoding": "br"}, "unsupported-media-type"),
        ({"content-type": "application/json; charset=UTF-8"}, None),
        ({"content-type": 'application/json; charset="utf-8"', "content-encoding": "identity"}, None),
        ({}, None),
    ],
)
def test_media_types(client: Client, headers: dict[str, str], slug: str | None) -> None:
    response = client.post("/v1/evaluations", content=with_members(), headers=headers)
    assert response.status_code == (200 if slug is None else 415)
    assert slug is None or response.json()["type"] == f"/problems/{slug}"


def test_a_long_body_is_refused_by_its_declared_length(small_client: Client) -> None:
    response = small_client.post("/v1/evaluations", content=b" " * 2001)
    assert (response.status_code, response.json()["type"]) == (413, "/problems/body-too-large")


def test_a_long_body_is_refused_while_it_arrives(small_client: Client) -> None:
    def chunks() -> Any:
        for _ in range(3):
            yield b" " * 1000

    response = small_client.post("/v1/evaluations", content=chunks())
    assert "content-length" not in response.request.headers
    assert (response.status_code, response.json()["type"]) == (413, "/problems/body-too-large")
