"""The real server in a process of its own: it starts, answers, refuses, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import HERE

READY_SECONDS = 20
END_SECONDS = 20
BODY = json.dumps(
    {
        "division": "150603",
        "subject": "school",
        "as_of": "2024-06-30",
        "facts": {"primary_classes": 12, "max_class_size_primary": 47},
    }
)
JSON = {"content-type": "application/json"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(port: int, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "XUEHENG_PORT": str(port),
        "XUEHENG_RULESETS": str(HERE / "library"),
        **settings,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            # It ended while we looked.
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], HTTPConnection]]:
    """A running server that has said that it is ready, and a connection to it."""
    port = free_port()
    process = start(port, *arguments)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == f"xueheng: serving http://127.0.0.1:{port}\n", process.stderr
        connection = HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)
        yield process, connection
        connection.close()
    finally:
        for pid in members(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=END_SECONDS)


def ask(connection: HTTPConnection, method: str, path: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    connection.request(method, path, **more)
    response = connection.getresponse()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()


def test_it_answers_over_the_wire() -> None:
    with served() as (_, connection):
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


def test_an_endless_chunked_body_is_cut_off() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    with served() as (_, connection):
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
def test_a_signal_ends_every_process(number: signal.Signals, workers: str) -> None:
    with served("--workers", workers) as (process, connection):
        assert ask(connection, "GET", "/health/ready")[0] == 200
        assert len(members(process.pid)) == 1 + int(workers)
        # A terminal sends the signal to the whole group, a supervisor to the parent alone.
        if number is signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        assert process.wait(END_SECONDS) == 0
        assert wait_until(lambda: not members(process.pid), END_SECONDS)


def test_workers_do_not_outlive_a_killed_parent() -> None:
    with served("--workers", "2") as (process, _):
        process.kill()
        process.wait(END_SECONDS)
        assert wait_until(lambda: not members(process.pid), END_SECONDS)


def refused(port: int, *arguments: str, **settings: str) -> str:
    """What a server that must not start says."""
    process = start(port, *arguments, **settings)
    output, errors = process.communicate(timeout=READY_SECONDS)
    assert process.returncode not in (0, None)
    assert "Traceback" not in errors
    assert not output
    return errors


def test_a_port_in_use_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in refused(port)


def test_a_second_server_on_the_same_port_is_refused() -> None:
    with served() as (_, connection):
        assert "another program listens there" in refused(connection.port)
        assert ask(connection, "GET", "/health/live")[0] == 200


def test_another_address_is_refused() -> None:
    assert "this machine only" in refused(free_port(), XUEHENG_HOST="0.0.0.0")


def test_broken_rulesets_are_shown_and_not_served(tmp_path: Path) -> None:
    facts = tmp_path / "facts"
    facts.mkdir()
    (facts / "a.yaml").write_text("- fact: a\n  sort: x\n", "utf-8")
    errors = refused(free_port(), XUEHENG_RULESETS=str(tmp_path))
    assert "facts/a.yaml:2:3" in errors
    assert "nothing is served" in errors
