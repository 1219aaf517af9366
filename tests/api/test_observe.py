"""What operators see of a request: its ids, its event, its counts; and nothing of what it was about."""

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from litestar import get
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.testing import TestClient

from api.app import create_app
from api.observe.logs import configure_logging
from api.observe.metrics import Metrics
from api.settings import BadSetting, Settings
from tests.api.conftest import BASE_URL, SETTINGS, Client

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SCHOOL: dict[str, Any] = {
    "division": "150603",
    "subject": "school",
    "id": "the-record-of-Zhang-San",
    "as_of": "2024-06-30",
    "facts": {"primary_classes": 12, "max_class_size_primary": 47},
}

Events = Callable[[], list[dict[str, Any]]]


@get("/boom/{name:str}")
async def boom(name: FromPath[str]) -> None:
    raise ZeroDivisionError(f"the secret of {name}")


@get("/teapot")
async def teapot() -> None:
    raise HTTPException(status_code=418, detail="short and stout")


@contextmanager
def logging_to(file: int, level: str) -> Iterator[None]:
    """Logging as the server sets it up, and afterwards as it was."""
    root = logging.getLogger()
    handlers, root_level = root.handlers[:], root.level
    configure_logging(level, file=file, terminal=False)
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(root_level)


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Events]:
    """The events that were logged, read from a file as a collector would."""
    log = tmp_path / "events.log"
    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    with logging_to(file, "debug"):
        yield lambda: [json.loads(line) for line in log.read_bytes().splitlines()]
    os.close(file)


@pytest.fixture
def observed(events: Events) -> Iterator[Client]:
    """An application of its own, so that its counts begin at zero."""
    with TestClient(create_app(SETTINGS, extra_routes=[boom, teapot]), base_url=BASE_URL) as client:
        yield client


def requests(events: Events) -> list[dict[str, Any]]:
    return [event for event in events() if event["event"] == "request"]


def metrics(client: Client) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


# --- ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["a", "A-1_b.c", "x" * 128])
def test_a_request_id_is_repeated(client: Client, sent: str) -> None:
    assert client.get("/health/live", headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "a\tb", 'a"b', "学", "a,b"])
def test_an_unfit_request_id_is_replaced(client: Client, sent: str) -> None:
    response = client.get("/health/live", headers={b"x-request-id": sent.encode()})
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


def test_request_ids_differ_and_stand_on_every_reply(client: Client) -> None:
    found = [client.get(path).headers["x-request-id"] for path in ("/health/live", "/nothing", "/v1/rulesets", "/docs")]
    found.append(client.get("/docs", headers={"host": "evil.example"}).headers["x-request-id"])
    assert len(set(found)) == len(found)


def test_two_request_ids_are_none(client: Client) -> None:
    response = client.get("/health/live", headers=[("x-request-id", "a"), ("x-request-id", "a")])
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


@pytest.mark.parametrize("sent", [PARENT, f"01-{TRACE}-00f067aa0ba902b7-01-more", f"cc-{TRACE}-00f067aa0ba902b7-00"])
def test_a_trace_parent_is_repeated(client: Client, sent: str) -> None:
    assert client.get("/health/live", headers={"traceparent": sent}).headers["traceparent"] == sent


@pytest.mark.parametrize(
    "sent",
    [
        "",
        TRACE,
        PARENT.upper(),
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT}x",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"01-{TRACE}-00f067aa0ba902b7-01-{'x' * 600}",
    ],
)
def test_an_unfit_trace_parent_is_dropped(client: Client, sent: str) -> None:
    assert "traceparent" not in client.get("/health/live", headers={"traceparent": sent}).headers


# --- events -----------------------------------------------------------------------------------


def test_a_request_is_one_event(observed: Client, events: Events) -> None:
    body = json.dumps(SCHOOL).encode()
    headers = {"x-request-id": "r-1", "traceparent": PARENT, "content-type": "application/json"}
    response = observed.post("/v1/evaluations", content=body, headers=headers)
    (event,) = requests(events)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", event.pop("timestamp"))
    assert 0 < event.pop("seconds") < 60
    assert event == {
        "event": "request",
        "level": "info",
        "method": "POST",
        "route": "/v1/evaluations",
        "status": 200,
        "bytes_in": len(body),
        "bytes_out": len(response.content),
        "request_id": "r-1",
        "trace_id": TRACE,
    }


@pytest.mark.parametrize(
    ("path", "route", "status", "problem", "level"),
    [
        ("/v1/divisions/150603?as_of=2024-06-30", "/v1/divisions/{code}", 200, None, "info"),
        ("/v1/rulesets/nobody-knows", "/v1/rulesets/{name}", 404, "not-found", "info"),
        ("/a/path/of/a/stranger", "unmatched", 404, "not-found", "info"),
        ("/boom/Zhang-San", "/boom/{name}", 500, "internal-error", "error"),
        ("/teapot", "/teapot", 400, "invalid-request", "info"),
        ("/health/live", "/health/live", 200, None, "debug"),
        ("/metrics", "/metrics", 200, None, "debug"),
    ],
)
def test_the_route_is_a_template(
    observed: Client, events: Events, path: str, route: str, status: int, problem: str | None, level: str
) -> None:
    observed.get(path)
    (event,) = requests(events)
    assert (event["route"], event["status"], event.get("problem"), event["level"]) == (route, status, problem, level)


def test_nothing_that_was_sent_is_logged(observed: Client, events: Events) -> None:
    secrets = ["Zhang-San", "150603", "max_class_size_primary", "47", "the-query", "evil"]
    observed.post("/v1/evaluations", json=SCHOOL)
    observed.post("/v1/evaluations", json={**SCHOOL, "facts": {"Zhang-San": 47}})
    observed.post("/v1/evaluations/batch", json={"as_of": "2024-06-30", "records": [SCHOOL, {"id": "Zhang-San"}]})
    observed.post("/v1/evaluations", content=b'{"Zhang-San": ')
    observed.get("/v1/divisions/150603?as_of=the-query")
    observed.get("/Zhang-San?name=the-query")
    observed.get("/boom/Zhang-San?x=the-query")
    observed.get("/docs", headers={"host": "evil.example"})
    assert len(requests(events)) == 8
    found = [event for event in events() if event["event"] in ("request", "internal_error")]
    for event in found:
        # Of the values, those that tell what something was or meant; ids and measures are of our own making.
        told = {
            k: v for k, v in event.items() if k not in ("seconds", "bytes_in", "bytes_out", "request_id", "timestamp")
        }
        assert not [secret for secret in secrets if secret in json.dumps(told)], event


def test_other_libraries_join_in(events: Events) -> None:
    logging.getLogger("_granian").error("worker %d is gone", 3)
    try:
        raise ValueError("x")
    except ValueError:
        logging.getLogger("asyncio").exception("a task failed")
    logging.getLogger("asyncpg").log(35, "a level of one's own")
    granian, asyncio, asyncpg = events()
    assert (granian["event"], granian["logger"], granian["level"]) == ("worker 3 is gone", "_granian", "error")
    assert (asyncio["event"], asyncio["logger"]) == ("a task failed", "asyncio")
    assert asyncio["exception"].endswith("ValueError: x")
    assert (asyncpg["logger"], asyncpg["level"]) == ("asyncpg", "warning")


@pytest.mark.parametrize(("text", "level"), [("", "info"), ("WARNING", "warning"), ("debug", "debug")])
def test_the_level_is_a_setting(text: str, level: str) -> None:
    assert Settings.from_environment({"XUEHENG_LOG_LEVEL": text}).log_level == level


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(BadSetting, match="XUEHENG_LOG_LEVEL is `loud`: expected one of debug, info, warning, error"):
        Settings.from_environment({"XUEHENG_LOG_LEVEL": "loud"})


def test_below_the_level_nothing_is_told(tmp_path: Path) -> None:
    file = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    with logging_to(file, "error"), TestClient(create_app(SETTINGS), base_url=BASE_URL) as client:
        assert client.get("/v1/facts").status_code == 200
    os.close(file)
    assert not (tmp_path / "log").read_bytes()


def test_a_closed_log_fails_no_request() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with logging_to(writer, "info"), TestClient(create_app(SETTINGS), base_url=BASE_URL) as client:
        assert client.get("/v1/facts").status_code == 200
    os.close(writer)


# --- metrics ----------------------------------------------------------------------------------


def test_counts_are_those_of_the_replies(observed: Client) -> None:
    reply = observed.post("/v1/evaluations", json=SCHOOL).json()
    records = [{k: v for k, v in SCHOOL.items() if k != "as_of"}] * 30
    wrong = [{**records[0], "facts": {"nobody_knows": 1}}, {**records[0], "division": "99"}]
    batch = {"as_of": "2024-06-30", "detail": "codes", "records": [*records, *wrong]}
    several = observed.post("/v1/evaluations/batch", json=batch).json()
    # Longer than what is answered at once.
    many = observed.post("/v1/evaluations/batch", json={**batch, "records": records * 20}).json()
    found = metrics(observed)
    name = f"{reply['ruleset']['id']}@{reply['ruleset']['version']}"
    for verdict, number in reply["counts"].items():
        expected = number + several["counts"][verdict] + many["counts"][verdict]
        assert found[f'xueheng_verdicts_total{{ruleset="{name}",verdict="{verdict}"}}'] == expected
    assert found['xueheng_records_total{subject="school"}'] == 1 + 30 + 600
    assert found['xueheng_problems_total{of="record",type="unknown-fact"}'] == 1
    assert found['xueheng_problems_total{of="record",type="unknown-division"}'] == 1
    for stage in ("decode", "columns", "evaluate", "encode"):
        assert found[f'xueheng_stage_seconds_count{{stage="{stage}"}}'] == 3
        assert found[f'xueheng_stage_seconds_sum{{stage="{stage}"}}'] > 0
    took = sum(value for sample, value in found.items() if sample.startswith("xueheng_stage_seconds_sum"))
    asked = sum(value for sample, value in found.items() if sample.startswith("xueheng_request_seconds_sum"))
    assert took < asked


def test_included_rulesets_are_counted_as_their_own(observed: Client) -> None:
    also = observed.post("/v1/evaluations", json=SCHOOL).json()["also_applicable"]
    assert also
    before = metrics(observed)
    reply = observed.post("/v1/evaluations", json={**SCHOOL, "include": also}).json()
    after = metrics(observed)
    for included in reply["included"]:
        name = f"{included['ruleset']['id']}@{included['ruleset']['version']}"
        for verdict, number in included["counts"].items():
            sample = f'xueheng_verdicts_total{{ruleset="{name}",verdict="{verdict}"}}'
            assert after[sample] - before[sample] == number


def test_requests_are_counted_by_template(observed: Client) -> None:
    for path in ("/v1/rulesets/a", "/v1/rulesets/b", "/x/1", "/x/2", "/boom/1"):
        observed.get(path)
    observed.request("BREW", "/x/3")
    observed.get("/v1/facts", headers={"host": "evil.example"})
    found = metrics(observed)
    counted = {sample: value for sample, value in found.items() if sample.startswith("xueheng_requests_total")}
    assert counted == {
        'xueheng_requests_total{method="GET",route="/v1/rulesets/{name}",status="404"}': 2,
        'xueheng_requests_total{method="GET",route="unmatched",status="404"}': 2,
        'xueheng_requests_total{method="GET",route="unmatched",status="400"}': 1,
        'xueheng_requests_total{method="GET",route="/boom/{name}",status="500"}': 1,
        'xueheng_requests_total{method="other",route="unmatched",status="404"}': 1,
    }
    assert found['xueheng_problems_total{of="request",type="not-found"}'] == 5
    assert found['xueheng_problems_total{of="request",type="internal-error"}'] == 1
    assert found['xueheng_problems_total{of="request",type="foreign-host"}'] == 1
    assert found["xueheng_requests_in_flight"] == 1


def test_bytes_are_those_of_the_bodies(observed: Client) -> None:
    body = json.dumps(SCHOOL).encode()
    reply = observed.post("/v1/evaluations", content=body, headers={"content-type": "application/json"}).content
    found = metrics(observed)
    assert found['xueheng_request_bytes_total{route="/v1/evaluations"}'] == len(body)
    assert found['xueheng_response_bytes_total{route="/v1/evaluations"}'] == len(reply)
    assert found['xueheng_request_seconds_bucket{le="0.00025",route="/v1/evaluations"}'] == 0
    assert found['xueheng_request_seconds_bucket{le="60.0",route="/v1/evaluations"}'] == 1


def test_served_rulesets_are_told(observed: Client) -> None:
    listed = observed.get("/v1/rulesets").json()["rulesets"]
    expected = {
        f'xueheng_ruleset_served{{authority="{one["document"]["authority"]}",published="false",'
        f'ruleset="{one["id"]}@{one["version"]}"}}'
        for one in listed
    }
    found = {sample for sample, value in metrics(observed).items() if sample.startswith("xueheng_ruleset_served")}
    assert found == expected


def test_a_version_that_is_served_no_longer_says_so() -> None:
    metrics_of_one = Metrics()
    metrics_of_one.serve([("a@1", "in_force", False), ("b@1", "unclear", False)])
    metrics_of_one.serve([("a@1", "in_force", True)])
    text = metrics_of_one.exposition(as_openmetrics=False).decode()
    assert 'authority="in_force",published="true",ruleset="a@1"} 1.0' in text
    assert 'authority="in_force",published="false",ruleset="a@1"} 0.0' in text
    assert 'authority="unclear",published="false",ruleset="b@1"} 0.0' in text


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        (None, False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1", True),
        ("application/openmetrics-text; version=0.0.1, text/plain;version=0.0.4;q=0.3", False),
        ("application/openmetrics-text;version=abc", False),
        ("text/plain, application/openmetrics-text;q=0.1", False),
        ("application/openmetrics-text;q=x", False),
        ("application/openmetrics-text;q=0", False),
    ],
)
def test_the_format_follows_accept(client: Client, accept: str | None, openmetrics: bool) -> None:
    response = client.get("/metrics", headers={} if accept is None else {"accept": accept})
    kind = "application/openmetrics-text; version=1.0.0" if openmetrics else "text/plain; version=0.0.4"
    assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    assert response.text.endswith("# EOF\n") == openmetrics
    assert "xueheng_requests_total{" in response.text


def test_metrics_are_for_this_machine_only(client: Client) -> None:
    assert client.get("/metrics", headers={"host": "evil.example"}).json()["type"] == "/problems/foreign-host"
    assert client.get("/metrics", headers={"x-forwarded-for": "10.0.0.1"}).status_code == 400


def test_a_batch_beyond_ten_megabytes_is_read(client: Client) -> None:
    """The framework has a limit of its own, below ours."""
    record = {k: v for k, v in SCHOOL.items() if k != "as_of"} | {"id": "x" * 10_500}
    body = {"as_of": "2024-06-30", "detail": "codes", "records": [record] * 1_000}
    assert len(client.post("/v1/evaluations/batch", json=body).json()["results"]) == 1_000
