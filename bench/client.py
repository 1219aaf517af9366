"""A server of our own and a connection to it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["JSON", "post", "server"]

JSON = "application/json"
_TRIES = 400


@contextmanager
def server() -> Iterator[http.client.HTTPConnection]:
    """A connection to `bench.served` on loopback, ended with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.served", str(port)])
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for _ in range(_TRIES):
            try:
                connection.request("GET", "/health/live")
                connection.getresponse().read()
                break
            except OSError:
                connection.close()
                time.sleep(0.05)
        else:
            raise SystemExit("bench: the server did not start")
        yield connection
        connection.close()
    finally:
        process.terminate()
        process.wait(30)


def post(connection: http.client.HTTPConnection, path: str, body: bytes, kind: str = JSON) -> tuple[float, bytes]:
    """Seconds and the reply. Ends the run when the answer is no 200."""
    start = time.perf_counter()
    connection.request("POST", path, body, {"Content-Type": kind})
    response = connection.getresponse()
    answer = response.read()
    seconds = time.perf_counter() - start
    if response.status != 200:
        raise SystemExit(f"bench: {path} answered {response.status}: {answer[:300]!r}")
    return seconds, answer
