"""Who asks whether the server lives is answered at once, also while it computes long batches."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.running import Server
from tests.system.schools import AS_OF, connected, fetch, schools

RECORDS = 10_000
CLIENTS = 2
SECONDS = 10.0
PAUSE_S = 0.01
WITHIN_S = 0.050
# In a process of its own, so that what is measured is the server's waiting and not the client's.
SEND = """
import sys
from http.client import HTTPConnection
from pathlib import Path

address, body = sys.argv[1], Path(sys.argv[2]).read_bytes()
connection = HTTPConnection(address, timeout=120)
while True:
    connection.request("POST", "/v1/evaluations/batch", body, {"content-type": "application/json"})
    response = connection.getresponse()
    reply = response.read()
    if response.status != 200:
        sys.exit(reply[:1000])
    print(len(reply), flush=True)
"""


@contextmanager
def load(server: Server, detail: str, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Clients that send one long batch after the other."""
    body = folder / "batch.json"
    body.write_text(json.dumps({"as_of": AS_OF, "detail": detail, "records": schools(server.url, RECORDS)}), "utf-8")
    address = server.url.removeprefix("http://")
    clients = [
        subprocess.Popen([sys.executable, "-c", SEND, address, str(body)], stdout=subprocess.PIPE, text=True)
        for _ in range(CLIENTS)
    ]
    try:
        yield clients
    finally:
        for client in clients:
            client.kill()
            client.wait()
            assert client.stdout is not None
            client.stdout.close()


def in_flight(server: Server) -> int:
    """Requests under way besides the one that asks."""
    text = fetch(server.url, "/metrics").decode()
    return int(float(text.split("\nxueheng_requests_in_flight ")[1].split()[0])) - 1


def probe(server: Server, clients: list[subprocess.Popen[str]]) -> list[float]:
    """Seconds that each of many questions took, in order of length."""
    found = []
    end = time.monotonic() + SECONDS
    with connected(server.url) as connection:
        while time.monotonic() < end:
            assert all(client.poll() is None for client in clients)
            began = time.perf_counter()
            connection.request("GET", "/health/live")
            response = connection.getresponse()
            response.read()
            found.append(time.perf_counter() - began)
            assert response.status == 200
            time.sleep(PAUSE_S)
    return sorted(found)


@pytest.mark.parametrize("detail", ["codes", "findings"])
def test_live_while_long_batches_are_computed(serve: Callable[..., Server], tmp_path: Path, detail: str) -> None:
    server = serve()
    with load(server, detail, tmp_path) as clients:
        time.sleep(1.0)
        assert in_flight(server) > 0
        found = probe(server, clients)
        assert in_flight(server) > 0
    p99 = found[len(found) * 99 // 100]
    shown = f"median {statistics.median(found) * 1e3:.1f} ms, 99th {p99 * 1e3:.1f}, longest {found[-1] * 1e3:.1f}"
    assert len(found) > 100
    assert p99 < WITHIN_S, shown
