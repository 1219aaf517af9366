"""A server in a process of its own, as a test sees it."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READY_S = 15.0
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
    """The status of a GET, None while nobody listens. No proxy of the environment is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return None


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
