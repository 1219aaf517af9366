"""A single evaluation over HTTP against a no-op route of the same server, in turns."""

from __future__ import annotations

import http.client
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import synthetic
from bench.report import Report
from bench.served import NOOP
from engine.backends import reference
from engine.backends.base import Context

ROUNDS = 1_500
WARM_UP = 100
MOST_TIMES_NOOP = 4.0
JSON = {"Content-Type": "application/json"}


@contextmanager
def server() -> Iterator[http.client.HTTPConnection]:
    """A connection to a server of our own, ended with it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.served", str(port)])
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for _ in range(200):
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


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[float, bytes]:
    start = time.perf_counter()
    connection.request("POST", path, body, JSON)
    response = connection.getresponse()
    answer = response.read()
    seconds = time.perf_counter() - start
    if response.status != 200:
        raise SystemExit(f"bench: {path} answered {response.status}: {answer[:300]!r}")
    return seconds, answer


def measure(report: Report) -> None:
    """Medians of one run, both routes in turns, after comparing the verdicts with the reference."""
    library = synthetic.library()
    program = library.program(synthetic.RULESET, synthetic.SUBJECT)
    reader = library.reader(synthetic.SUBJECT)
    context = Context(synthetic.ON, library.path(synthetic.DIVISION))
    raws = synthetic.records(program, 50)
    bodies = [
        json.dumps(
            {
                "division": synthetic.DIVISION,
                "subject": synthetic.SUBJECT,
                "id": f"synthetic-{i}",
                "as_of": synthetic.ON.isoformat(),
                "facts": raw,
            },
            ensure_ascii=False,
        ).encode()
        for i, raw in enumerate(raws)
    ]
    with server() as connection:
        for raw, body in zip(raws, bodies, strict=True):
            answer = json.loads(_post(connection, "/v1/evaluations", body)[1])
            expected = reference.evaluate(program, reader.read(raw)[0], context)
            if [v["verdict"] for v in answer["verdicts"]] != [f.verdict.value for f in expected.findings]:
                raise SystemExit("bench: the server and the reference disagree; nothing is timed")
        noop: list[float] = []
        single: list[float] = []
        for i in range(WARM_UP + ROUNDS):
            body = bodies[i % len(bodies)]
            pair = _post(connection, NOOP, body)[0], _post(connection, "/v1/evaluations", body)[0]
            if i >= WARM_UP:
                noop.append(pair[0])
                single.append(pair[1])
    median_noop, median_single = statistics.median(noop), statistics.median(single)
    report.add("no-op route, median", median_noop * 1e3, "ms")
    report.add(f"single evaluation ({len(program.rules)} rules), median", median_single * 1e3, "ms")
    report.add("single evaluation, 99th percentile", statistics.quantiles(single, n=100)[98] * 1e3, "ms")
    report.add("single evaluation / no-op route", median_single / median_noop, "×", at_most=MOST_TIMES_NOOP)
