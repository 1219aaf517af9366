"""Batches: each record for itself, in order, as JSON and as NDJSON."""

import json
from typing import Any

import msgspec
import pytest

from api.services import batch as batch_module
from api.wire import findings as findings_module
from api.wire.replies import BatchLine, BatchReply
from tests.api.conftest import Client

GOOD: dict[str, Any] = {
    "division": "150603",
    "subject": "school",
    "id": "s-1",
    "facts": {"primary_classes": 2, "max_class_size_primary": 47},
}
TO = "/v1/evaluations/batch"
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}

# A record as JSON, the slug of its problem, and the pointer behind `/records/1`.
BAD_RECORDS: dict[str, tuple[str, str, str]] = {
    "unknown fact": (json.dumps({**GOOD, "facts": {"clas_size": 1}}), "unknown-fact", "/facts/clas_size"),
    "wrong type": (json.dumps({**GOOD, "facts": {"clubs": "1"}}), "wrong-type", "/facts/clubs"),
    "out of bounds": (json.dumps({**GOOD, "facts": {"clubs": -1}}), "out-of-bounds", "/facts/clubs"),
    "unknown division": (json.dumps({**GOOD, "division": "150699"}), "unknown-division", "/division"),
    "unknown subject": (json.dumps({**GOOD, "subject": "x"}), "unknown-subject", "/subject"),
    "number as division": (json.dumps({**GOOD, "division": 150603}), "invalid-request", "/division"),
    "no facts": (json.dumps({"division": "150603", "subject": "school"}), "invalid-request", ""),
    "unknown member": (json.dumps({**GOOD, "as_of": "2024-01-01"}), "invalid-request", "/as_of"),
    "member": (json.dumps({**GOOD, "members": [7]}), "invalid-request", "/members/0"),
    "no object": ("7", "invalid-request", ""),
    "null": ("null", "invalid-request", ""),
    "beyond a double": (json.dumps(GOOD).replace("47", "1e999"), "malformed-json", "/facts"),
    "deep fact": (json.dumps(GOOD).replace("47", "[" * 40 + "]" * 40), "nested-too-deeply", ""),
}


def send(client: Client, records: list[Any], **options: Any) -> dict[str, Any]:
    response = client.post(TO, json={"as_of": "2024-06-30", "records": records, **options})
    assert response.status_code == 200, response.text
    msgspec.json.decode(response.content, type=BatchReply)
    reply: dict[str, Any] = response.json()
    return reply


def send_lines(client: Client, lines: str | bytes, **query: str) -> list[dict[str, Any]]:
    response = client.post(TO, params={"as_of": "2024-06-30", **query}, content=lines, headers=NDJSON)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.content.endswith(b"\n")
    return [json.loads(line) for line in response.content.splitlines() if msgspec.json.decode(line, type=BatchLine)]


@pytest.mark.parametrize("row", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_bad_record_fails_alone(client: Client, row: tuple[str, str, str]) -> None:
    bad, slug, pointer = row
    good = json.dumps(GOOD)
    body = f'{{"as_of": "2024-06-30", "records": [{good}, {bad}, {good}]}}'
    response = client.post(TO, content=body, headers=JSON)
    assert response.status_code == 200, response.text
    first, error, last = response.json()["results"]
    assert first == last
    assert first["codes"][0] == "N"
    assert error["error"]["type"] == f"/problems/{slug}"
    assert error["error"]["pointer"].startswith(f"/records/1{pointer}")
    assert "status" not in error["error"]


@pytest.mark.parametrize("row", BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_bad_line_fails_alone(client: Client, row: tuple[str, str, str]) -> None:
    bad, slug, pointer = row
    good = json.dumps(GOOD)
    lines = send_lines(client, f"{good}\n\r\n{bad}\n{good}")
    assert [next(iter(line)) for line in lines] == ["ruleset", "result", "result", "result", "counts"]
    error = lines[2]["result"]["error"]
    assert (error["type"], error["line"]) == (f"/problems/{slug}", 3)
    assert error["pointer"].startswith(pointer)
    assert lines[1] == lines[3]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"{", "ends too early"),
        (b'{"division": NaN}', "NaN"),
        ('{"id": "班"}'.encode("gbk"), "UTF-8"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
    ],
)
def test_a_line_that_is_no_json_fails_alone(client: Client, line: bytes, word: str) -> None:
    lines = send_lines(client, line + b"\n" + json.dumps(GOOD).encode())
    error = lines[0]["result"]["error"]
    assert (error["type"], error["line"]) == ("/problems/malformed-json", 1)
    assert word in error["detail"]
    assert lines[2]["result"]["codes"][0] == "N"


@pytest.mark.parametrize("broken", ['{"division": NaN}', "{", '{"id": "\xff"}', "[1,]"])
def test_a_body_that_is_no_json_fails_as_a_whole(client: Client, broken: str) -> None:
    body = f'{{"as_of": "2024-06-30", "records": [{json.dumps(GOOD)}, {broken}]}}'.encode("latin-1")
    response = client.post(TO, content=body, headers=JSON)
    assert (response.status_code, response.json()["type"]) == (400, "/problems/malformed-json")


# What is wrong with the options fails the whole batch, in either form.
@pytest.mark.parametrize(
    ("options", "query", "status", "slug"),
    [
        ({"as_of": None}, {"as_of": None}, 400, "missing-as-of"),
        ({"as_of": "2024-6-30"}, {"as_of": "2024-6-30"}, 422, "bad-date"),
        ({"detail": "all"}, {"detail": "all"}, 400, "invalid-request"),
        ({"evidence": ["x"]}, {"evidence": "x"}, 400, "invalid-request"),
        ({"ruleset": "x"}, {"ruleset": "x"}, 422, "unknown-ruleset"),
        ({"include": ["x"]}, {"include": "x"}, 422, "unknown-ruleset"),
        ({"parameters": {"town": {"x": 1}}}, {"parameters": '{"town": {"x": 1}}'}, 422, "unknown-parameter"),
        ({"parameters": 5}, {"parameters": "5"}, 400, "invalid-request"),
        ({"parameter": {}}, {"parameter": "{}"}, 400, "invalid-request"),
        ({"store": True}, {"store": "true"}, 503, "storage-unavailable"),
        ({"store": "yes"}, {"store": "yes"}, 400, "invalid-request"),
        ({"trace": True}, {"trace": "true"}, 400, "invalid-request"),
    ],
)
def test_bad_options(client: Client, options: dict[str, Any], query: dict[str, Any], status: int, slug: str) -> None:
    json_body = {"as_of": "2024-06-30", "records": [GOOD], **options}
    params = {k: v for k, v in {"as_of": "2024-06-30", **query}.items() if v is not None}
    as_json = client.post(TO, json=json_body)
    as_lines = client.post(TO, params=params, content=json.dumps(GOOD), headers=NDJSON)
    for response in (as_json, as_lines):
        assert (response.status_code, response.json()["type"]) == (status, f"/problems/{slug}"), response.text
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("name", "own"), [("include", []), ("ruleset", "erdos"), ("parameters", {})])
def test_a_query_that_names_nothing_is_refused_though_the_body_says_the_same(
    client: Client, name: str, own: Any
) -> None:
    query = {name: '{"nothing": {}}' if name == "parameters" else "nothing"}
    response = client.post(TO, params=query, json={"as_of": "2024-06-30", "records": [GOOD], name: own})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/unknown-ruleset"), response.text


def test_the_query_stands_in_for_what_a_json_body_leaves_out(client: Client) -> None:
    def ask(body: dict[str, Any], **query: str) -> Any:
        return client.post(TO, params=query, json={"records": [GOOD], **body}).json()

    whole = ask({"as_of": "2024-06-30", "detail": "codes", "evidence": ["measured"]})
    assert ask({}, as_of="2024-06-30", detail="codes", evidence="measured") == whole
    assert ask({"as_of": "2024-06-30", "detail": "codes"}, as_of="2019-06-30", evidence="measured") == whole
    assert ask({"as_of": "2024-06-30"}, detial="codes")["type"] == "/problems/invalid-request"


def test_a_parameter_of_the_query_stands_once(client: Client) -> None:
    response = client.post(f"{TO}?as_of=2024-06-30&as_of=2024-06-29", content=b"", headers=NDJSON)
    assert (response.status_code, response.json()["type"]) == (400, "/problems/invalid-request")


def test_results_keep_the_order_across_rulesets_and_blocks(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "BLOCK_RECORDS", 7)
    divisions = ["150603", "620722", "150627", "bad", "110101"]
    records = [
        {"division": divisions[i % 5], "subject": "school", "id": f"s-{i}", "facts": {"max_class_size_primary": 30 + i}}
        for i in range(60)
    ]
    reply = send(client, records, detail="findings")
    assert [r["id"] for r in reply["results"]] == [r["id"] for r in records]
    assert [r["id"] for r in reply["rulesets"]] == ["town", "valley", "standard"]
    for i, result in enumerate(reply["results"]):
        if divisions[i % 5] == "bad":
            assert result["error"]["pointer"] == f"/records/{i}/division"
            continue
        alone = send(client, [records[i]])
        names = [r["id"] for r in reply["rulesets"]]
        assert names[result["ruleset"]] == alone["rulesets"][0]["id"]
        assert {**result, "ruleset": 0} == alone["results"][0]
    lines = send_lines(client, "\n".join(json.dumps(r) for r in records))
    assert next(line["result"] for line in lines if "result" in line) == reply["results"][0]
    assert [line["result"]["id"] for line in lines if "result" in line] == [r["id"] for r in records]
    assert lines[-1] == {"counts": reply["counts"]}
    for kind, index in (("ruleset", 0), ("result", 0)):
        first = [i for i, line in enumerate(lines) if kind in line][index]
        assert first == {"ruleset": 0, "result": 1}[kind]


def test_ndjson_names_a_ruleset_before_its_first_use(client: Client) -> None:
    records = [GOOD, {**GOOD, "division": "620722"}, GOOD, {**GOOD, "subject": "county", "facts": {}}]
    lines = send_lines(client, "\n".join(json.dumps(r) for r in records))
    assert [next(iter(line)) for line in lines] == [
        "ruleset",
        "result",
        "ruleset",
        "result",
        "result",
        "result",
        "counts",
    ]
    assert [(line["ruleset"]["index"], line["ruleset"]["id"]) for line in (lines[0], lines[2])] == [
        (0, "town"),
        (1, "valley"),
    ]
    assert [line["result"]["ruleset"] for line in lines if "result" in line] == [0, 1, 0, 0]
    assert set(lines[0]["ruleset"]["rules"]) == {"school", "county"}


@pytest.mark.parametrize("detail", ["codes", "findings", "full"])
def test_batches_agree_with_single_evaluations(client: Client, detail: str) -> None:
    facts: list[dict[str, Any]] = [
        {},
        {"primary_classes": 0},
        {"primary_classes": 2, "max_class_size_primary": 45, "training_hours": {"2022": 72, "2023": 71.5}},
        {"max_class_size_junior": 51, "clubs": 0, "school_traditions": {"song": True, "motto": False}},
        {"equipment_grade": "good", "counselling_room": True, "exercise_hours": 0.9, "rotation_share": 3},
    ]
    limits: dict[str, Any] = {"force": ["binding"], "include": ["upland@2019.1"]}
    reply = send(client, [{**GOOD, "facts": f} for f in facts], detail=detail, **limits)
    letters = dict(zip("CNTXU", reply["counts"], strict=True))
    rules = reply["rulesets"][0]["rules"]["school"]
    for sent, result in zip(facts, reply["results"], strict=True):
        body = {**GOOD, "as_of": "2024-06-30", "facts": sent, **limits}
        alone = client.post("/v1/evaluations", json=body).json()
        assert [v["rule"] for v in alone["verdicts"]] == rules
        assert [letters[c] for c in result["codes"]] == [v["verdict"] for v in alone["verdicts"]]
        assert result["outcome"] == alone["outcome"]
        assert result["included"][0]["outcome"] == alone["included"][0]["outcome"]
        assert ("findings" in result, "verdicts" in result) == (detail == "findings", detail == "full")
        if detail != "codes":
            assert result["missing"] == alone["missing"]
            assert result.get("ignored", []) == alone["ignored"]
        if detail == "full":
            assert result["verdicts"] == alone["verdicts"]
        if detail == "findings":
            unmet = [v for v in alone["verdicts"] if v["verdict"] == "non_compliant"]
            assert [(rules[f["rule"]], f["actual"], f["gap"]) for f in result["findings"]] == [
                (v["rule"], v["actual"], v["gap"]) for v in unmet
            ]


def test_counts_are_the_sum_of_codes(client: Client) -> None:
    reply = send(client, [GOOD, {**GOOD, "facts": {"clas_size": 1}}, {**GOOD, "facts": {}}], detail="codes")
    codes = "".join(r.get("codes", "") for r in reply["results"])
    assert list(reply["counts"].values()) == [codes.count(letter) for letter in "CNTXU"]


def test_in_batches_the_last_of_two_keys_counts(client: Client) -> None:
    record = json.dumps(GOOD).replace("47", '99, "max_class_size_primary": 40')
    reply = client.post(TO, content=f'{{"as_of": "2024-06-30", "records": [{record}]}}', headers=JSON).json()
    assert reply["results"][0]["codes"][0] == "C"


def test_parameters_reach_every_record_and_are_echoed(client: Client) -> None:
    parameters = {"town@2021.1": {"relaxed-class-size": 46}}
    reply = send(client, [GOOD, {**GOOD, "division": "620722"}], parameters=parameters)
    at = reply["rulesets"][0]["rules"]["school"].index("town/relaxed-cap")
    assert reply["results"][0]["codes"][at] == "N"
    assert [r["parameters"] for r in reply["rulesets"]] == [parameters["town@2021.1"], {}]


def test_an_include_that_does_not_apply_is_the_records_error(client: Client) -> None:
    reply = send(client, [GOOD, {**GOOD, "division": "620722"}], include=["upland"])
    assert reply["results"][0]["included"][0]["ruleset"] == 1
    error = reply["results"][1]["error"]
    assert (error["type"], error["pointer"]) == ("/problems/ruleset-not-applicable", "/include/0")


def test_an_empty_batch(client: Client) -> None:
    nothing = dict.fromkeys(["compliant", "non_compliant", "not_yet_due", "not_applicable", "insufficient_data"], 0)
    assert send(client, []) == {"rulesets": [], "results": [], "counts": nothing}
    assert send_lines(client, b"\n\n") == [{"counts": nothing}]


def test_too_many_records(small_client: Client) -> None:
    record = {"division": "150603", "subject": "school", "facts": {}}
    for number, detail, status in ((5, "codes", 200), (6, "codes", 413), (2, "full", 200), (3, "full", 413)):
        records = [record] * number
        as_json = small_client.post(TO, json={"as_of": "2024-06-30", "detail": detail, "records": records})
        as_lines = small_client.post(
            TO,
            params={"as_of": "2024-06-30", "detail": detail},
            content="\n".join(json.dumps(r) for r in records),
            headers=NDJSON,
        )
        assert as_json.status_code == as_lines.status_code == status
        if status == 413:
            assert as_json.json()["type"] == as_lines.json()["type"] == "/problems/too-many-records"


def test_a_long_batch_is_computed_off_the_event_loop(client: Client) -> None:
    records = [{**GOOD, "id": f"s-{i}"} for i in range(1_500)]
    reply = send(client, records, detail="codes")
    assert [r["id"] for r in reply["results"]] == [r["id"] for r in records]
    lines = send_lines(client, "\n".join(json.dumps(r) for r in records), detail="codes")
    assert [line["result"] for line in lines[1:-1]] == reply["results"]
    assert lines[-1]["counts"] == reply["counts"]


def test_titles_of_records_follow_the_language(client: Client) -> None:
    body = {"as_of": "2024-06-30", "records": [{**GOOD, "division": "x"}]}
    response = client.post(TO, json=body, headers={"accept-language": "zh-CN"})
    assert response.json()["results"][0]["error"]["title"] == "未知行政区划"


@pytest.mark.parametrize("day", ["", "2026-02-30", "1899-12-31"])
def test_a_bad_day_in_the_query_is_refused_though_the_body_names_its_own(client: Client, day: str) -> None:
    response = client.post(TO, params={"as_of": day}, json={"as_of": "2024-06-30", "records": [GOOD]})
    assert (response.status_code, response.json()["type"]) == (422, "/problems/bad-date")


def test_a_gap_is_that_of_its_own_parameters(client: Client) -> None:
    """What was written of a failing rule under one parameter does not stand for another."""
    record = {**GOOD, "facts": {"max_class_size_primary": 70}}
    gaps = []
    for cap in (45, 50, 60):
        reply = send(client, [record], parameters={"town": {"relaxed-class-size": cap}})
        place = reply["rulesets"][0]["rules"]["school"].index("town/relaxed-cap")
        gaps += [found["gap"] for found in reply["results"][0]["findings"] if found["rule"] == place]
    assert gaps == [25, 20, 10]


def test_kept_findings_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more differ than are kept, each is still that of its own record."""
    monkeypatch.setattr(findings_module, "_KEPT", 7)
    sizes = [46 + n % 50 for n in range(200)]
    reply = send(client, [{**GOOD, "facts": {"max_class_size_junior": size}} for size in sizes])
    for size, result in zip(sizes, reply["results"], strict=True):
        assert all(found["actual"] == {"max_class_size_junior": size} for found in result["findings"])
        assert bool(result["findings"]) == (size > 50)
