"""A real Prometheus scrapes a server with two workers: its sums are what was sent, also after one was killed."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from prometheus_client.mmap_dict import MmapedDict

from tests.system.running import STOP_S, Server, free_port, status_of
from tests.system.schools import AS_OF, connected, fetch, post, schools

WORKERS = 2
SINGLES = 24
RECORDS = 300
WRONG = 5
UNDER_WAY = "xueheng_requests_in_flight"
EVALUATIONS = 'sum(xueheng_requests_total{route="/v1/evaluations",status="200"})'
# Two scrapes and what they take.
SEEN_S = 20.0
CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: xueheng
    static_configs:
      - targets: ["{target}"]
"""


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"`{name}` is needed (on Debian: install prometheus)")
    return found


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve("--workers", str(WORKERS))


Query = Callable[[str], float | None]


@pytest.fixture
def query(server: Server, tmp_path: Path) -> Iterator[Query]:
    """Ask a Prometheus that scrapes the server; None while there is no answer."""
    config, log = tmp_path / "prometheus.yml", tmp_path / "prometheus.log"
    config.write_text(CONFIG.format(target=urlsplit(server.url).netloc), "utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={tmp_path / 'tsdb'}",
                f"--web.listen-address={urlsplit(url).netloc}",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def ask(text: str) -> float | None:
        found = json.loads(fetch(url, f"/api/v1/query?query={quote(text)}"))["data"]["result"]
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    try:
        end = time.monotonic() + SEEN_S
        while status_of(f"{url}/-/ready") != 200:
            assert process.poll() is None, log.read_text("utf-8")[-3000:]
            assert time.monotonic() < end
            time.sleep(0.1)
        yield ask
    finally:
        process.terminate()
        process.wait(STOP_S)


def assert_seen(query: Query, expected: dict[str, float]) -> None:
    """Each query comes to its value within some scrapes."""
    end = time.monotonic() + SEEN_S
    while (found := {text: query(text) for text in expected}) != expected and time.monotonic() < end:
        time.sleep(0.3)
    assert found == expected


def evaluate(server: Server, record: dict[str, Any], number: int) -> Counter[str]:
    """Evaluate it over connections of their own, which spread over the workers; how often each verdict was told."""
    counts: Counter[str] = Counter()
    body = json.dumps({**record, "as_of": AS_OF}).encode()
    for _ in range(number):
        counts.update(post(server.url, "/v1/evaluations", body)["counts"])
    return counts


def values_by_pid(server: Server, kind: str, name: str) -> dict[int, float]:
    """What each process wrote of a metric into its data folder, all labels together, where that is not zero."""
    found: dict[int, float] = {}
    for path in server.log.parent.glob(f"data */metrics/run-*/{kind}_*.db"):
        values = MmapedDict.read_all_values_from_file(str(path))
        mine = [value for key, value, _, _ in values if json.loads(key)[1] == name and value]
        if mine:
            found[int(path.stem.rpartition("_")[2])] = sum(mine)
    return found


def occupied(server: Server) -> int:
    """The pid of the worker that holds a request for longer than a scrape takes."""
    end = time.monotonic() + SEEN_S
    while time.monotonic() < end:
        always = set(values_by_pid(server, "gauge_livesum", UNDER_WAY))
        for _ in range(4):
            time.sleep(0.05)
            always &= values_by_pid(server, "gauge_livesum", UNDER_WAY).keys()
        if len(always) == 1:
            return always.pop()
    pytest.fail("no worker holds the request")


def test_sums_over_workers_are_what_was_sent(server: Server, query: Query) -> None:
    records = schools(server.url, RECORDS)
    told = evaluate(server, records[0], SINGLES)
    wrong = [{**record, "facts": {"nobody_knows_this": 1}} for record in records[:WRONG]]
    batch = json.dumps({"as_of": AS_OF, "detail": "codes", "records": [*records, *wrong]}).encode()
    told.update(post(server.url, "/v1/evaluations/batch", batch)["counts"])
    assert status_of(f"{server.url}/nothing/at/all") == 404

    rulesets = json.loads(fetch(server.url, "/v1/rulesets"))["rulesets"]

    def expected(evaluations: int) -> dict[str, float]:
        return {
            "min(up)": 1,
            EVALUATIONS: evaluations,
            'sum(xueheng_request_seconds_count{route="/v1/evaluations"})': evaluations,
            'sum(xueheng_requests_total{route="/v1/evaluations/batch"})': 1,
            'sum(xueheng_requests_total{route="unmatched",status="404"})': 1,
            'sum(xueheng_problems_total{type="not-found"})': 1,
            'sum(xueheng_problems_total{of="record",type="unknown-fact"})': WRONG,
            'sum(xueheng_records_total{subject="school"})': evaluations + RECORDS,
            'sum(xueheng_stage_seconds_count{stage="evaluate"})': evaluations + 1,
            "count(xueheng_ruleset_served == 1)": len(rulesets),
            **{f'sum(xueheng_verdicts_total{{verdict="{verdict}"}})': number for verdict, number in told.items()},
        }

    assert_seen(query, expected(SINGLES))
    # Otherwise nothing was summed.
    assert len(values_by_pid(server, "counter", "xueheng_records_total")) == WORKERS
    assert_seen(query, {UNDER_WAY: 1, "xueheng_database_connections_max": 4 * WORKERS})

    # A request whose body never ends, at the worker that is going to be killed.
    with connected(server.url) as held:
        held.putrequest("POST", "/v1/evaluations")
        held.putheader("content-length", "10")
        held.endheaders(b"{")
        assert_seen(query, {UNDER_WAY: 2})
        os.kill(occupied(server), signal.SIGKILL)
        # What it counted still counts; what it had under way is under way no longer. Then another takes its place.
        assert_seen(query, {UNDER_WAY: 1, **expected(SINGLES)})
    assert_seen(query, {"xueheng_database_connections_max": 4 * WORKERS})
    told.update(evaluate(server, records[0], SINGLES))
    assert_seen(query, expected(2 * SINGLES))


def test_promtool_accepts_the_exposition(server: Server) -> None:
    evaluate(server, schools(server.url, 1)[0], 2)
    assert status_of(f"{server.url}/nothing") == 404
    text = fetch(server.url, "/metrics")
    checked = subprocess.run([program("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    for name in (
        *("requests_total", "request_seconds", "requests_in_flight", "request_bytes_total", "response_bytes_total"),
        *("records_total", "verdicts_total", "stage_seconds", "problems_total", "ruleset_served"),
        *("database_connections", "database_connections_max"),
    ):
        assert f"# TYPE xueheng_{name} ".encode() in text
