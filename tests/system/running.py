"""A server in a process of its own, as a test sees it."""

import socket
import subprocess
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
READY_S = 30.0
STOP_S = 15.0


@dataclass(frozen=True)
class Server:
    """A server in a process of its own; `url` has no slash at its end."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status_of(url: str) -> int | None:
    """The status of a GET, None while nobody answers."""
    parts = urlsplit(url)
    # Not urllib: it asks the environment for proxies and loads certificates at every call, which slows the server.
    connection = HTTPConnection(parts.netloc, timeout=5)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def wait_until_ready(server: Server, seconds: float = READY_S) -> float:
    """Seconds until `/health/ready` said 200; fails when the process ends or the time is over."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if status_of(f"{server.url}/health/ready") == 200:
            return time.monotonic() - start
        if server.process.poll() is not None:
            break
        time.sleep(0.02)
    pytest.fail(f"no server at {server.url} after {seconds} s:\n{server.log.read_text('utf-8')[-3000:]}")
