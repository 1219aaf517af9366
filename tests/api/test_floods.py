"""Bodies full of mistakes: answered soon and in few words, and the records beside them judged."""

import json
import time
from typing import Any

import pytest

from engine.facts import MAX_PROBLEMS
from tests.api.conftest import Client

GOOD: dict[str, Any] = {
    "division": "150603",
    "subject": "school",
    "facts": {"primary_classes": 2, "max_class_size_primary": 47},
}
TO = "/v1/evaluations/batch"
MANY = 100_000
# Facts of one record, each with far more mistakes than anybody reads; the pointer of the last error.
FLOODS: dict[str, dict[str, Any]] = {
    "unknown facts": {f"max_class_size_{i}": i for i in range(MANY)},
    "unknown items": {"school_traditions": {f"song{i}": True for i in range(MANY)}},
    "wrong periods": {"training_hours": {f"20{i}-T": 1 for i in range(399)}},
}


@pytest.mark.parametrize("facts", FLOODS.values(), ids=FLOODS)
def test_the_first_mistakes_are_told_and_that_there_are_more(client: Client, facts: dict[str, Any]) -> None:
    start = time.monotonic()
    problem = client.post("/v1/evaluations", json={**GOOD, "as_of": "2024-06-30", "facts": facts}).json()
    assert time.monotonic() - start < 20
    assert len(problem["errors"]) == MAX_PROBLEMS + 1
    assert problem["errors"][-1]["pointer"] == "/facts"
    assert f"more mistakes than the {MAX_PROBLEMS} that are told" in problem["errors"][-1]["detail"]
    reply = client.post(TO, json={"as_of": "2024-06-30", "records": [GOOD, {**GOOD, "facts": facts}, GOOD]}).json()
    first, bad, last = reply["results"]
    assert first == last
    assert "codes" in first
    assert len(bad["error"]["errors"]) == MAX_PROBLEMS + 1
    assert bad["error"]["errors"][-1]["pointer"] == "/records/1/facts"


def test_exactly_as_many_mistakes_as_are_told_are_all(client: Client) -> None:
    facts = {f"x{i}": i for i in range(MAX_PROBLEMS)}
    problem = client.post("/v1/evaluations", json={**GOOD, "as_of": "2024-06-30", "facts": facts}).json()
    assert [error["pointer"] for error in problem["errors"]] == [f"/facts/x{i}" for i in range(MAX_PROBLEMS)]


def test_a_name_without_end_is_not_sent_back(client: Client) -> None:
    for facts in ({"max_class_size" * 50_000: 1}, {"training_hours": {"2" * 500_000: 1}}):
        response = client.post("/v1/evaluations", json={**GOOD, "as_of": "2024-06-30", "facts": facts})
        assert response.status_code == 422
        assert len(response.content) < 1_000
        assert response.json()["pointer"].startswith("/facts")


def test_one_wrong_name_in_every_record(client: Client) -> None:
    records = [{**GOOD, "id": str(i), "facts": {"max_clas_size_primary": i % 60}} for i in range(20_000)]
    start = time.monotonic()
    reply = client.post(TO, json={"as_of": "2024-06-30", "detail": "codes", "records": records}).json()
    assert time.monotonic() - start < 60
    assert [result["id"] for result in reply["results"]] == [record["id"] for record in records]
    assert {result["error"]["help"] for result in reply["results"]} == {"did you mean `max_class_size_primary`?"}


def test_members_full_of_mistakes(client: Client) -> None:
    members = [{"subject": "school", "id": f"s{i}", "facts": {f"x{i}": 1}} for i in range(5_000)]
    body = {"division": "150603", "subject": "county", "as_of": "2024-06-30", "facts": {}, "members": members}
    problem = client.post("/v1/evaluations", json=body).json()
    assert len(problem["errors"]) == 101
    assert [error["pointer"] for error in problem["errors"][99:]] == ["/members/99/facts/x99", "/members"]
    assert "more mistakes in the members than the 100 that are told" in problem["errors"][100]["detail"]


def test_words_of_limits_that_mean_nothing(client: Client) -> None:
    body = {**GOOD, "as_of": "2024-06-30", "topics": [f"x{i}" for i in range(MANY)]}
    response = client.post("/v1/evaluations", content=json.dumps(body))
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 50
