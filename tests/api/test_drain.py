"""The processes of a server: what it has begun it answers, long batches are computed beside it, all tell events."""

import json
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.api.conftest import SETTINGS, Client
from tests.api.serving import BODY, END_SECONDS, JSON, ask, free_port, members, served, start, wait_until

RECORD = {key: value for key, value in json.loads(BODY).items() if key != "as_of"}
QUERY = "/v1/evaluations/batch?as_of=2024-06-30&detail=full"
NDJSON = {"content-type": "application/x-ndjson"}
# Long enough to be under way when the signal comes.
MANY = 2_000


def json_batch(records: int) -> bytes:
    listed = [{**RECORD, "id": f"s-{i}"} for i in range(records)]
    return json.dumps({"as_of": "2024-06-30", "detail": "full", "records": listed}).encode()


def ndjson_batch(records: int) -> bytes:
    return b"".join(json.dumps({**RECORD, "id": f"s-{i}"}).encode() + b"\n" for i in range(records))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def in_flight(connection: HTTPConnection) -> int:
    """Requests under way besides the one that asks."""
    text = ask(connection, "GET", "/metrics")[2].decode()
    return int(float(text.split("\nxueheng_requests_in_flight ")[1].split()[0])) - 1


def send(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    status, _, reply = ask(connection, "POST", path, body=body, headers=headers)
    connection.close()
    return status, reply


@pytest.mark.parametrize("workers", [1, 2])
def test_requests_under_way_are_answered(data_dir: Path, workers: int) -> None:
    with served(data_dir, "--workers", str(workers)) as (process, connection), ThreadPoolExecutor(4) as threads:
        sent: list[Future[tuple[int, bytes]]] = []
        for _ in range(2):
            sent.append(threads.submit(send, connection.port, "/v1/evaluations/batch", json_batch(MANY), JSON))
            sent.append(threads.submit(send, connection.port, QUERY, ndjson_batch(MANY), NDJSON))
        assert wait_until(lambda: in_flight(connection) == len(sent), END_SECONDS)
        connection.close()
        process.send_signal(signal.SIGTERM)
        for future in sent[::2]:
            status, reply = future.result()
            assert (status, len(json.loads(reply)["results"])) == (200, MANY)
        for future in sent[1::2]:
            status, reply = future.result()
            lines = reply.splitlines()
            assert (status, len(lines), list(json.loads(lines[-1]))) == (200, MANY + 2, ["counts"])
        assert process.wait(END_SECONDS) == 0
        assert wait_until(lambda: not members(process.pid), END_SECONDS)
    assert not list((data_dir / "metrics").iterdir())


def test_a_lane_answers_as_the_process_itself(data_dir: Path, client: Client) -> None:
    cases: list[tuple[str, bytes, dict[str, str]]] = [
        ("/v1/evaluations/batch", json_batch(1_500), JSON),
        (QUERY, ndjson_batch(1_500), NDJSON),
        (QUERY, ndjson_batch(300) + b"{\n" + ndjson_batch(1), NDJSON),
        ("/v1/evaluations/batch", json_batch(300)[:-1], JSON),
        ("/v1/evaluations/batch?detail=some", json_batch(300), JSON),
        ("/v1/evaluations/batch", json_batch(2_001), JSON),
    ]
    with served(data_dir, XUEHENG_SOURCES=str(SETTINGS.sources)) as (_, connection):
        for path, body, headers in cases:
            expected = client.post(path, content=body, headers=headers)
            status, _, reply = ask(connection, "POST", path, body=body, headers=headers)
            assert (status, reply) == (expected.status_code, expected.content)


def test_a_lane_that_dies_costs_one_request(data_dir: Path) -> None:
    with served(data_dir) as (process, connection), ThreadPoolExecutor(1) as threads:
        before = set(members(process.pid))
        sent = threads.submit(send, connection.port, "/v1/evaluations/batch", json_batch(MANY), JSON)
        assert wait_until(lambda: bool(set(members(process.pid)) - before), END_SECONDS)
        (lane,) = set(members(process.pid)) - before
        os.kill(lane, signal.SIGKILL)
        status, reply = sent.result()
        assert (status, json.loads(reply)["type"]) == (500, "/problems/internal-error")
        assert send(connection.port, "/v1/evaluations/batch", json_batch(MANY), JSON)[0] == 200


def test_who_hangs_up_leaves_no_lane_busy(data_dir: Path) -> None:
    with served(data_dir) as (process, connection):
        before = set(members(process.pid))
        # Two wait at least for the two that compute.
        leaving = [HTTPConnection("127.0.0.1", connection.port, timeout=60) for _ in range(4)]
        for one in leaving:
            one.request("POST", QUERY, body=ndjson_batch(MANY), headers=NDJSON)
        assert wait_until(lambda: len(set(members(process.pid)) - before) == 2, END_SECONDS)
        for one in leaving:
            assert one.sock is not None
            one.sock.close()
        assert wait_until(lambda: in_flight(connection) == 0, END_SECONDS)
        assert send(connection.port, "/v1/evaluations/batch", json_batch(100), JSON)[0] == 200


def test_events_are_lines_of_json(data_dir: Path) -> None:
    """Also those of the programs that the server is made of."""
    port = free_port()
    process = start(port, data_dir, "--workers", "2")
    try:
        assert process.stdout is not None
        assert "serving" in process.stdout.readline()
        assert send(port, "/v1/evaluations", BODY.encode(), JSON)[0] == 200
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        killed = min(set(map(int, children)) & set(members(process.pid)))
        os.kill(killed, signal.SIGKILL)
        # The server, and two workers with a process beside each.
        assert wait_until(lambda: len(set(members(process.pid)) - {killed}) == 5, END_SECONDS)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=END_SECONDS)
    events = [json.loads(line) for line in errors.splitlines()]
    assert [(e["event"], e["level"]) for e in events if e.get("logger") == "_granian"] == [
        ("Unexpected exit from worker-1", "error")
    ]
    names = [event["event"] for event in events]
    assert (names[0], names[-1], names.count("worker_started")) == ("server_starting", "server_stopped", 3)
    (request,) = [event for event in events if event["event"] == "request"]
    assert (request["route"], request["status"]) == ("/v1/evaluations", 200)
