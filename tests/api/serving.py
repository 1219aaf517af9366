"""The real server in a process of its own, on a data folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from api.store.launcher.processes import end_processes
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


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    rulesets = str(HERE / "library")
    return {**os.environ, "XUEHENG_DATA_DIR": str(data_dir), "XUEHENG_RULESETS": rulesets, **settings}


def start(port: int, data_dir: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", *arguments],
        env=environment(data_dir, XUEHENG_PORT=str(port), **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def members(group: int) -> list[int]:
    """The living processes of a process group. PostgreSQL has one of its own."""
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
def served(
    data_dir: Path, *arguments: str, port: int = 0, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], HTTPConnection]]:
    """A running server that has said that it is ready, and a connection to it. Nothing of it outlives the block."""
    port = port or free_port()
    process = start(port, data_dir, *arguments, **settings)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == f"xueheng: serving http://127.0.0.1:{port}\n", process.communicate()
        with closing(HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)) as connection:
            yield process, connection
        if process.poll() is None:
            process.terminate()
            process.wait(END_SECONDS)
    finally:
        for pid in members(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=END_SECONDS)
        end_processes(data_dir / "postgres", fast_s=5)


def refused(port: int, data_dir: Path, *arguments: str, code: int = 1, **settings: str) -> str:
    """What a server that must not start says."""
    process = start(port, data_dir, *arguments, **settings)
    output, errors = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    assert not output
    return errors


def ask(connection: HTTPConnection, method: str, path: str, **more: Any) -> tuple[int, dict[str, str], bytes]:
    connection.request(method, path, **more)
    response = connection.getresponse()
    return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
