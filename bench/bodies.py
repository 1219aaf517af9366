"""Bodies of `POST /v1/evaluations/batch` from columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from bench.parquet import batch
from bench.synthetic import Columns
from bench.workloads import Workload

__all__ = ["arrow", "json_batch", "ndjson", "query"]


def _records(workload: Workload, columns: Columns) -> Iterator[dict[str, object]]:
    for row in range(columns.size):
        yield {
            "division": workload.divisions[columns.places[row]],
            "subject": workload.program.subject,
            "id": f"synthetic-{row}",
            "facts": columns.facts(row),
        }


def _options(workload: Workload, detail: str) -> dict[str, object]:
    """The ruleset is pinned, so that one plan judges all."""
    options: dict[str, object] = {
        "as_of": workload.on.isoformat(),
        "detail": detail,
        "ruleset": workload.program.ruleset,
    }
    parameters: dict[str, dict[str, object]] = {}
    for name, value in workload.contexts[0].parameters.items():
        # Parameters of a standard whose rules a plan adopts stand under the standard's name.
        ruleset, _, id_ = name.rpartition("/")
        sent = float(value) if isinstance(value, Fraction) else value
        parameters.setdefault(ruleset or workload.program.ruleset, {})[id_] = sent
    if parameters:
        options["parameters"] = parameters
    return options


def json_batch(workload: Workload, columns: Columns, detail: str) -> bytes:
    """A JSON body."""
    body = {**_options(workload, detail), "records": list(_records(workload, columns))}
    return json.dumps(body, ensure_ascii=False).encode()


def ndjson(workload: Workload, columns: Columns, _detail: str) -> bytes:
    """An NDJSON body; its options are in the query."""
    return b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in _records(workload, columns))


def arrow(workload: Workload, columns: Columns, _detail: str) -> bytes:
    """An Arrow stream of one batch; its options are in the query."""
    divisions: Any = pa.array([workload.divisions[place] for place in columns.places])
    subjects: Any = pa.array([workload.program.subject] * columns.size)
    ids = pa.array([f"synthetic-{row}" for row in range(columns.size)])
    heads = {"division": divisions.dictionary_encode(), "subject": subjects.dictionary_encode(), "id": ids}
    sent = batch(columns, heads)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sent.schema) as writer:
        writer.write_batch(sent)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def query(workload: Workload, detail: str) -> str:
    """The options of a body that has no place for them."""
    return "?" + urlencode({name: value for name, value in _options(workload, detail).items() if name != "parameters"})
