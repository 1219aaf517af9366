"""Batches over HTTP in each form: the same seeded records as JSON and in columns, after comparing the codes."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from typing import Any

import pyarrow as pa

from bench import synthetic
from bench.single import server
from engine.check.ir import FactSpec

ROUNDS = 9
ARROW = "application/vnd.apache.arrow.stream"
BATCH = "/v1/evaluations/batch"


def in_columns(specs: list[FactSpec], raws: list[dict[str, object]]) -> bytes:
    """The records as an Arrow stream of one batch, in the types that platforms have."""
    columns: dict[str, Any] = {
        "division": pa.array([synthetic.DIVISION] * len(raws)).dictionary_encode(),
        "subject": pa.array([synthetic.SUBJECT] * len(raws)).dictionary_encode(),
        "id": pa.array([f"synthetic-{i}" for i in range(len(raws))]),
    }
    for spec in specs:
        values = [raw.get(spec.name) for raw in raws]
        match spec.type_name:
            case "boolean":
                columns[spec.name] = pa.array(values, pa.bool_())
            case "integer":
                columns[spec.name] = pa.array(values, pa.int32())
            case "number" | "percent":
                columns[spec.name] = pa.array(values, pa.float64())
            case "checklist":
                columns[spec.name] = pa.array(values, pa.struct([(option, pa.bool_()) for option in spec.options]))
            case _:
                columns[spec.name] = pa.array(values, pa.string()).dictionary_encode()
    batch = pa.record_batch(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _post(connection: http.client.HTTPConnection, detail: str, body: bytes, kind: str) -> tuple[float, bytes]:
    start = time.perf_counter()
    path = f"{BATCH}?as_of={synthetic.ON.isoformat()}&detail={detail}"
    connection.request("POST", path, body, {"Content-Type": kind})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise SystemExit(f"bench: {path} answered {response.status}: {answer[:300]!r}")
    return time.perf_counter() - start, answer


def main() -> None:
    """Medians of one run, the forms in turns."""
    library = synthetic.library()
    program = library.program(synthetic.RULESET, synthetic.SUBJECT)
    specs = [spec for spec in program.facts.values() if spec.derive is None]
    with server() as connection:
        for count in (1_000, 10_000):
            raws = synthetic.records(program, count)
            records = [
                {"division": synthetic.DIVISION, "subject": synthetic.SUBJECT, "id": f"synthetic-{i}", "facts": raw}
                for i, raw in enumerate(raws)
            ]
            bodies = {
                "application/json": json.dumps({"records": records}, ensure_ascii=False).encode(),
                ARROW: in_columns(specs, raws),
            }
            for detail in ("codes", "findings"):
                answers = {kind: _post(connection, detail, body, kind)[1] for kind, body in bodies.items()}
                codes = pa.ipc.open_stream(answers[ARROW]).read_all().column("codes").to_pylist()
                if codes != [result["codes"] for result in json.loads(answers["application/json"])["results"]]:
                    raise SystemExit("bench: the forms disagree; nothing is timed")
                seconds: dict[str, list[float]] = {kind: [] for kind in bodies}
                for _ in range(ROUNDS):
                    for kind, body in bodies.items():
                        seconds[kind].append(_post(connection, detail, body, kind)[0])
                found = {kind: statistics.median(times) for kind, times in seconds.items()}
                per = {kind: 1e6 * time / count for kind, time in found.items()}
                ratio = found["application/json"] / found[ARROW]
                print(
                    f"{detail:8} {count:6} records: JSON {per['application/json']:6.2f} µs, "
                    f"Arrow {per[ARROW]:6.2f} µs each, {ratio:.1f} ×"
                )


if __name__ == "__main__":
    sys.exit(main())
