"""Batches over HTTP, by format and detail, against a floor: same server, same body, same decoder, a reply as long."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa

from api.routes.bodies import ARROW, JSON, NDJSON
from bench import bodies, checks, synthetic, workloads
from bench.checks import Disagreement
from bench.client import post, server
from bench.peers import python_source
from bench.peers.lowering import lower
from bench.report import Report
from bench.served import FLOOR
from bench.synthetic import Columns, Truths
from bench.workloads import Workload

__all__ = ["measure"]

BATCH = "/v1/evaluations/batch"
COMPARED = 200
MOST_FAILING = 5
"""Most failing rules of a record: what a school that is mostly in order has."""
ROUNDS, LEAST_ROUNDS = 15, 3
SECONDS = 4.0
"""How long a format is timed, its floor included, before the rounds are cut."""


@dataclass(frozen=True)
class Format:
    """A format and a detail, on so many records, and the least share of the floor's speed that is promised."""

    kind: str
    detail: str
    records: int
    at_least: float | None = None

    @property
    def name(self) -> str:
        """For the table."""
        return f"{_NAMES[self.kind]} {self.detail}, {self.records:,} records"


_NAMES = {JSON: "JSON", NDJSON: "NDJSON", ARROW: "Arrow"}

FORMATS = (
    Format(JSON, "codes", 1_000, 0.4),
    Format(JSON, "findings", 1_000, 0.3),
    Format(JSON, "full", 1_000),
    Format(NDJSON, "codes", 1_000),
    Format(NDJSON, "findings", 1_000),
    Format(JSON, "codes", 10_000),
    Format(JSON, "findings", 10_000),
    Format(NDJSON, "codes", 10_000),
)
COLUMNS = (
    Format(ARROW, "codes", 1_000, 2.0),
    Format(ARROW, "findings", 1_000),
    Format(ARROW, "codes", 10_000, 4.0),
    Format(ARROW, "findings", 10_000),
)
"""In turns with the same records as JSON: no floor decodes columns, and what decodes JSON would say nothing of them."""


def measure(report: Report) -> None:
    """Each format in turns with its floor, after comparing the codes. Raises Disagreement."""
    workload = workloads.load(workloads.SCHOOLS)
    columns = _mostly_in_order(workload, max(f.records for f in FORMATS))
    wanted = checks.expected(workload, columns, COMPARED)
    section = f"batches over HTTP: {workload.name}, at most {MOST_FAILING} failing rules a record"
    with server() as connection:
        for format_ in FORMATS:
            _format(report, section, connection, format_, workload, columns, wanted)
        for format_ in COLUMNS:
            _columns(report, section, connection, format_, workload, columns, wanted)


def _mostly_in_order(workload: Workload, count: int) -> Columns:
    """Subjects with few failing rules, picked from more."""
    columns = synthetic.columns(workload.program, len(workload.contexts), 8 * count, met=0.99)
    lowered = lower(workload.program, workload.contexts)
    codes = python_source.compiled(lowered)
    failing = np.array([codes(*row).count("N") for row in python_source.rows(lowered, columns)])
    rows = np.flatnonzero(failing <= MOST_FAILING)
    if len(rows) < count:
        raise SystemExit(f"bench: only {len(rows):,} of {columns.size:,} synthetic subjects are mostly in order")
    return columns.take(rows[:count])


def _format(
    report: Report,
    section: str,
    connection: HTTPConnection,
    format_: Format,
    workload: Workload,
    columns: Columns,
    wanted: Truths,
) -> None:
    ndjson = format_.kind == NDJSON
    make = bodies.ndjson if ndjson else bodies.json_batch
    body = make(workload, columns.part(0, format_.records), format_.detail)
    path = BATCH + (bodies.query(workload, format_.detail) if ndjson else "")
    reply = post(connection, path, body, format_.kind)[1]
    _compare(format_, (_codes_of_ndjson if ndjson else _codes_of_json)(reply), wanted)
    program = workload.program
    wanted_floor = {"size": len(reply), "ruleset": program.ruleset, "subject": program.subject}
    floor_path = f"{FLOOR}?{urlencode(wanted_floor)}"
    post(connection, floor_path, body, format_.kind)
    median_floor, median = _medians(
        lambda: post(connection, floor_path, body, format_.kind)[0],
        lambda: post(connection, path, body, format_.kind)[0],
    )
    report.add(section, f"{format_.name} ({len(body) >> 10:,} → {len(reply) >> 10:,} KiB)", median * 1e3, "ms")
    report.add(section, f"  floor / {format_.name}", median_floor / median, "×", at_least=format_.at_least)


def _columns(
    report: Report,
    section: str,
    connection: HTTPConnection,
    format_: Format,
    workload: Workload,
    columns: Columns,
    wanted: Truths,
) -> None:
    part = columns.part(0, format_.records)
    body, as_json = (make(workload, part, format_.detail) for make in (bodies.arrow, bodies.json_batch))
    path = BATCH + bodies.query(workload, format_.detail)
    reply = post(connection, path, body, ARROW)[1]
    told: list[str | None] = pa.ipc.open_stream(reply).read_all().column("codes").to_pylist()
    _compare(format_, told, wanted)
    post(connection, BATCH, as_json, JSON)
    median, median_json = _medians(
        lambda: post(connection, path, body, ARROW)[0], lambda: post(connection, BATCH, as_json, JSON)[0]
    )
    report.add(section, f"{format_.name} ({len(body) >> 10:,} → {len(reply) >> 10:,} KiB)", median * 1e3, "ms")
    report.add(section, f"  JSON / {format_.name}", median_json / median, "×", at_least=format_.at_least)


def _medians(one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """The medians of two requests' seconds, sent in turns for as many rounds as the time allows."""
    found: list[tuple[float, float]] = []
    started = time.perf_counter()
    while len(found) < LEAST_ROUNDS or (len(found) < ROUNDS and time.perf_counter() - started < SECONDS):
        found.append((one(), other()))
    first, second = zip(*found, strict=True)
    return statistics.median(first), statistics.median(second)


def _compare(format_: Format, answered: Sequence[str | None], wanted: Truths) -> None:
    """Raises Disagreement unless the codes are those of the reference."""
    if list(answered[: wanted.shape[1]]) != ["".join(map(chr, column)) for column in wanted.T]:
        raise Disagreement(f"{format_.name}: the server and the reference disagree")


def _codes_of_json(reply: bytes) -> list[str]:
    return [_codes(result) for result in json.loads(reply)["results"]]


def _codes_of_ndjson(reply: bytes) -> list[str]:
    lines = [json.loads(line) for line in reply.splitlines()]
    return [_codes(line["result"]) for line in lines if "result" in line]


def _codes(result: dict[str, object]) -> str:
    codes = result.get("codes")
    if not isinstance(codes, str):
        raise Disagreement(f"a record was refused: {json.dumps(result, ensure_ascii=False)[:300]}")
    return codes
