"""The real server in a process of its own: it starts, answers, refuses, and leaves nothing behind."""

import gzip
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.api.serving import BODY, END_SECONDS, JSON, ask, free_port, members, refused, served, wait_until
from tests.api.test_arrow import ARROW, batch, stream


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: its cluster is made once."""
    return tmp_path_factory.mktemp("data")


def test_it_answers_over_the_wire(data_dir: Path) -> None:
    with served(data_dir) as (_, connection):
        status, headers, body = ask(connection, "POST", "/v1/evaluations", body=BODY, headers=JSON)
        assert (status, headers["content-type"]) == (200, "application/json")
        assert json.loads(body)["verdicts"][0]["verdict"] == "non_compliant"
        for path in ("/health/live", "/health/ready", "/v1/rulesets", "/schema", "/docs", "/problems"):
            assert ask(connection, "GET", path)[0] == 200
        status, _, body = ask(connection, "GET", "/health/live", headers={"Host": "evil.example"})
        assert (status, json.loads(body)["type"]) == (400, "/problems/foreign-host")
        status, headers, body = ask(connection, "GET", "/nothing")
        assert (status, headers["content-type"]) == (404, "application/problem+json")
        line = json.dumps({k: v for k, v in json.loads(BODY).items() if k != "as_of"}) + "\n"
        ndjson = {"content-type": "application/x-ndjson"}
        to = "/v1/evaluations/batch?as_of=2024-06-30&detail=codes"
        status, headers, body = ask(connection, "POST", to, body=line * 300, headers=ndjson)
        assert (status, headers["content-type"], body.count(b"\n")) == (200, "application/x-ndjson", 302)
        # What is compressed, and columns, go to a process beside the worker.
        packed = {**ndjson, "content-encoding": "gzip"}
        assert ask(connection, "POST", to, body=gzip.compress((line * 300).encode()), headers=packed)[2] == body
        columns = {"content-type": ARROW}
        status, headers, body = ask(connection, "POST", to, body=stream(batch()), headers=columns)
        assert (status, headers["content-type"]) == (200, ARROW)
        assert pa.ipc.open_stream(body).read_all().num_rows == 2
        assert ask(connection, "POST", to, body=stream(batch())[:-20], headers=columns)[0] == 400


def test_an_endless_chunked_body_is_cut_off(data_dir: Path) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(320):
            yield b" " * 65_536

    with served(data_dir) as (_, connection):
        try:
            status, _, body = ask(connection, "POST", "/v1/evaluations", body=chunks(), headers=JSON)
        except (BrokenPipeError, ConnectionResetError):
            # The server may close while we still send; then its answer has come before.
            response = connection.response_class(connection.sock, method="POST")
            response.begin()
            status, body = response.status, response.read()
        assert (status, json.loads(body)["type"]) == (413, "/problems/body-too-large")
        connection.close()
        assert ask(connection, "GET", "/health/live")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_signal_ends_every_process(number: signal.Signals, workers: str, data_dir: Path) -> None:
    with served(data_dir, "--workers", workers) as (process, connection):
        assert ask(connection, "GET", "/health/ready")[0] == 200
        # Each worker has a process beside it that forks others for long batches.
        assert len(members(process.pid)) == 1 + 2 * int(workers)
        # A terminal sends the signal to the whole group, a supervisor to the parent alone.
        if number is signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        assert process.wait(END_SECONDS) == 0
        assert wait_until(lambda: not members(process.pid), END_SECONDS)


def test_workers_do_not_outlive_a_killed_parent(data_dir: Path) -> None:
    with served(data_dir, "--workers", "2") as (process, _):
        process.kill()
        process.wait(END_SECONDS)
        assert wait_until(lambda: not members(process.pid), END_SECONDS)


def test_a_port_in_use_is_refused(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in refused(port, data_dir)


def test_a_second_server_on_the_same_port_is_refused(data_dir: Path) -> None:
    with served(data_dir) as (_, connection):
        assert "another program listens there" in refused(connection.port, data_dir, code=3)
        assert ask(connection, "GET", "/health/live")[0] == 200


def test_another_address_is_refused(data_dir: Path) -> None:
    assert "this machine only" in refused(free_port(), data_dir, XUEHENG_HOST="0.0.0.0")


def test_broken_rulesets_are_shown_and_not_served(tmp_path: Path, data_dir: Path) -> None:
    facts = tmp_path / "facts"
    facts.mkdir()
    (facts / "a.yaml").write_text("- fact: a\n  sort: x\n", "utf-8")
    errors = refused(free_port(), data_dir, XUEHENG_RULESETS=str(tmp_path))
    assert "facts/a.yaml:2:3" in errors
    assert "nothing is served" in errors
