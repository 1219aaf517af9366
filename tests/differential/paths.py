"""The ways that records can take to their verdicts, each from a drawn batch to what it says of every record.

What is said is brought to the form of `yardstick.Expected.told`, as far as the way says it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from api.observe.meter import Meter
from api.reports.ndjson import NdjsonForm, NdjsonWriter
from api.reports.parquet import ParquetForm, ParquetWriter
from api.reports.results import Totals, Writer
from api.services import arrow, batch, checking
from api.services.batches import Batches
from api.services.checking import Checker, judged_blocks
from api.services.evaluate import evaluate_one
from api.services.plans import Plans
from api.settings import Limits
from api.tabular import grid, ndjson, parquet
from api.tabular.opening import open_table
from api.tabular.records import Defaults
from api.wire.requests import read_evaluation, read_options
from engine.backends import columnar
from engine.check.ir import FactSpec
from tests.bundled import bundled_library
from tests.differential.drawn import Drawn, Json, Node
from tests.differential.forms import answer, batch_of, results, stream_of

_LIMITS = Limits(full_records=100_000)
_VERDICT = ("rule", "verdict", "reason", "actual", "gap", "due", "period", "missing", "notices", "pace")


@lru_cache
def plans() -> Plans:
    """One for all batches: what plans keep from batch to batch is part of what is tested."""
    return Plans(bundled_library(), {})


@lru_cache
def _batches() -> Batches:
    return Batches(plans(), _LIMITS)


@contextmanager
def blocks_of(count: int) -> Iterator[None]:
    """Records are read, judged and written by as many as this; with odd ones intervals are told in columns always."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(columnar, "_MANY_DOUBTS", 1 if count % 2 else columnar._MANY_DOUBTS))
        for module in (arrow, batch, checking, grid, ndjson, parquet):
            stack.enter_context(patch.object(module, "BLOCK_RECORDS", count))
        stack.enter_context(patch.object(checking, "_ROWS_OF_COLUMNS", count))
        yield


def _brought(result: Json) -> Json:
    """A result in the order in which results are compared."""
    for name in ("missing", "ignored"):
        if name in result:
            # A name that stands twice stays twice.
            result[name] = sorted(result[name])
    if "verdicts" in result:
        result["verdicts"] = [{name: verdict[name] for name in _VERDICT} for verdict in result["verdicts"]]
    for other in result.get("included", ()):
        _brought(other)
    return result


Said = tuple[list[Json], Json]
"""Results and counts."""


def _said(told: Said) -> Said:
    found, counts = told
    return [_brought(result) for result in found], counts


# --- by the server ----------------------------------------------------------------------------


def by_json(drawn: Drawn, rng: Random) -> Said:
    """A JSON body; its options in the body or in the query."""
    body: Json = {"records": [node.record() for node in drawn.nodes]}
    query = drawn.query()
    if rng.random() < 0.5:
        body = {"as_of": drawn.on.isoformat(), "detail": drawn.detail, **drawn.options, **body}
        query = {}
    return _said(results("json", answer(_batches(), "json", query, _dumped(body))))


def by_ndjson(drawn: Drawn, rng: Random) -> Said:
    """Lines of JSON, some blank."""
    return _said(results("ndjson", answer(_batches(), "ndjson", drawn.query(), _lines(drawn, rng))))


def by_arrow(drawn: Drawn, rng: Random) -> Said:
    """An Arrow stream of one batch or several."""
    whole = batch_of([node.record() for node in drawn.nodes], bundled_library().dictionary.facts, rng)
    ends = sorted(rng.randint(0, whole.num_rows) for _ in range(rng.choice((0, 1, 3))))
    starts = [0, *ends]
    parts = [whole.slice(a, b - a) for a, b in zip(starts, [*ends, whole.num_rows], strict=True)]
    body = stream_of(parts, rng.choice((None, "lz4", "zstd")))
    return _said(results("arrow", answer(_batches(), "arrow", drawn.query(), body)))


def nested(drawn: Drawn, tops: Sequence[Node], rng: Random) -> Said:
    """Containers with their members inside them, as JSON or lines of it."""
    records = [{**_apart(top.inside(), "members"), "members": _members(top)} for top in tops]
    if rng.random() < 0.5:
        return _said(results("json", answer(_batches(), "json", drawn.query(), _dumped({"records": records}))))
    lines = b"".join(_dumped(record) + b"\n" for record in records)
    return _said(results("ndjson", answer(_batches(), "ndjson", drawn.query(), lines)))


def alone(drawn: Drawn, node: Node) -> Json:
    """A record by itself, told in full."""
    body = {"as_of": drawn.on.isoformat(), **drawn.options, **_apart(node.inside(), "members")}
    if node.children:
        body["members"] = _members(node)
    reply: Json = json.loads(evaluate_one(plans(), read_evaluation(_dumped(body)), _LIMITS, Meter().begin()))
    found = _brought(_apart(reply, "also_applicable", "subject", "as_of", "counts", "parameters", "receipt"))
    for other in found["included"]:
        del other["counts"]
    for one in (found, *found["included"]):
        one["ruleset"] = f"{one['ruleset']['id']}@{one['ruleset']['version']}"
    return found


def _members(node: Node) -> list[Json]:
    return [child.inside() for child in node.children]


def _apart(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}


def _dumped(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _lines(drawn: Drawn, rng: Random) -> bytes:
    lines = [_dumped(node.record()) for node in drawn.nodes]
    for _ in range(rng.choice((0, 0, 2))):
        lines.insert(rng.randint(0, len(lines)), b"  ")
    return b"".join(line + b"\n" for line in lines)


# --- by files ---------------------------------------------------------------------------------


def by_file(drawn: Drawn, kind: str, form: str, processes: int, rng: Random) -> Said:
    """A file of a kind through the services of `xueheng check`, written in a form.

    `full` is not written to Parquet, so `findings` are told there.
    """
    detail = "findings" if form == "parquet" and drawn.detail == "full" else drawn.detail
    options = read_options(list(drawn.query(detail).items()))
    stream = io.BytesIO(_FILES[kind](drawn, rng))
    table, _ = open_table(stream, kind, bundled_library().dictionary.facts.values(), Defaults())
    out = io.BytesIO()
    writer: Writer = ParquetWriter(out, {}) if form == "parquet" else NdjsonWriter(out)
    totals = Totals()
    for judged in judged_blocks(
        table, Checker(plans(), options, ParquetForm() if form == "parquet" else NdjsonForm(), "en"), processes
    ):
        totals.add(judged.totals)
        writer.block(judged)
    writer.end(totals, [])
    if form == "ndjson":
        return _said(results("ndjson", out.getvalue()))
    out.seek(0)
    written = pq.read_table(out, use_threads=False)
    written.validate(full=True)
    return [_of_row(row, drawn.options) for row in written.to_pylist()], dict(totals.counts)


def _of_row(row: Json, options: Json) -> Json:
    """A row of a report as a result; findings name their rules, and what Parquet does not tell is missing."""
    if row["error"] is not None:
        return {"id": row["id"], "error": row["error"]}
    found: Json = {
        "id": row["id"],
        "division": row["division"],
        "subject": row["subject"],
        **_head(row),
    }
    for name in ("missing", "findings", "ignored"):
        if row[name]:
            found[name] = row[name]
    if "findings" in found:
        found["findings"] = [{**one, "actual": json.loads(one["actual"])} for one in found["findings"]]
    if "include" in options:
        found["included"] = [_head(other) for other in row["included"]]
    return _brought(found)


def _head(row: Json) -> Json:
    return {
        "ruleset": row["ruleset"],
        "outcome": {"all": row["outcome_all"], "measured": row["outcome_measured"]},
        "codes": row["codes"],
    }


def _parquet(drawn: Drawn, rng: Random) -> bytes:
    made = batch_of([node.record() for node in drawn.nodes], bundled_library().dictionary.facts, rng)
    arrays = [a.cast(pa.string()) if pa.types.is_string_view(a.type) else a for a in made.columns]
    out = io.BytesIO()
    table = pa.table(dict(zip(made.schema.names, arrays, strict=True)))
    pq.write_table(table, out, row_group_size=rng.choice((table.num_rows // 4 + 1, 100_000)))
    return out.getvalue()


def _csv(drawn: Drawn, rng: Random) -> bytes:
    """A sheet: items and periods in columns of their own or together, words and signs as people write them."""
    specs = bundled_library().dictionary.facts
    columns: list[tuple[str, FactSpec, str | None]] = []
    for name in rng.sample(sorted(_names(drawn)), len(_names(drawn))):
        keys = {key: None for node in drawn.nodes for key in _keys(node.facts.get(name))}
        nested = any(isinstance(v, dict) for node in drawn.nodes for v in _values(node.facts.get(name)))
        if keys and not nested and rng.random() < 0.6:
            columns += [(f"{name}{'.' if key in specs[name].options else '@'}{key}", specs[name], key) for key in keys]
        else:
            columns.append((name, specs[name], None))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=rng.choice(",;\t"))
    places = ("id", "division", "subject") + (("parent",) if drawn.families else ())
    writer.writerow([*places, *(heading for heading, _, _ in columns)])
    for node in drawn.nodes:
        said = {"id": node.id, "division": node.division, "subject": node.subject, "parent": node.names}
        cells = [said[place] or "" for place in places]
        for _, spec, key in columns:
            value = node.facts.get(spec.name)
            cells.append(_cell(value.get(key) if key is not None and value is not None else value, spec, rng))
        writer.writerow(cells)
    return out.getvalue().encode(rng.choice(("utf-8", "utf-8-sig")))


def _names(drawn: Drawn) -> set[str]:
    return {name for node in drawn.nodes for name in node.facts}


def _keys(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _values(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else []


def _cell(value: Any, spec: FactSpec, rng: Random) -> str:
    match value:
        case None:
            return ""
        case bool():
            return rng.choice(("是", "TRUE", "1", "√") if value else ("否", "FALSE", "0", "×"))
        case dict():
            return json.dumps(value)
        case str() if spec.type_name == "date":
            return rng.choice((value, value.replace("-", "/")))
        case str():
            return value
        case _:
            text = format(Decimal(repr(value)), "f")
            return f"{text}%" if spec.unit == "percent" and rng.random() < 0.3 else text


_FILES: Mapping[str, Any] = {"csv": _csv, "ndjson": _lines, "parquet": _parquet}
