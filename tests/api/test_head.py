"""HEAD answers as GET does, without the body."""

import pytest

from api.web.examples import EVALUATION
from tests.api.conftest import Client

# Of each request its own.
MOMENT = {"date", "x-request-id", "traceparent"}


@pytest.mark.parametrize(
    "path", ["/health/live", "/v1/rulesets", "/v1/facts?subject=school", "/v1/nothing", "/docs", "/problems"]
)
def test_head_is_get_without_its_body(client: Client, path: str) -> None:
    got, headed = client.get(path), client.head(path)
    assert headed.status_code == got.status_code
    assert headed.content == b""
    assert {k: v for k, v in headed.headers.items() if k not in MOMENT} == {
        k: v for k, v in got.headers.items() if k not in MOMENT
    }
    assert int(headed.headers["content-length"]) == len(got.content)


def test_a_condition_holds_for_head_too(client: Client) -> None:
    etag = client.get("/v1/rulesets").headers["etag"]
    assert client.head("/v1/rulesets", headers={"if-none-match": etag}).status_code == 304


def test_allow_names_head_where_there_is_get(client: Client) -> None:
    assert client.delete("/v1/facts").headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.options("/v1/facts").headers["allow"] == "GET, HEAD, OPTIONS"
    refused = client.head("/v1/evaluations")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST, OPTIONS")


def test_other_methods_are_not_touched(client: Client) -> None:
    assert client.post("/v1/evaluations", json=EVALUATION).json()["verdicts"]
