"""The same records in each form of a batch, and the replies brought to one form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

from api.observe.meter import Meter
from api.problems import Problem
from api.services.batches import Batches, BatchJob, Form
from engine.check.ir import FactSpec

Json = dict[str, Any]
_TEXTS: tuple[pa.DataType, ...] = (pa.string(), pa.large_string(), pa.string_view())
_WHOLE: tuple[pa.DataType, ...] = (pa.int64(), pa.float64(), pa.decimal128(20, 2), pa.decimal256(40, 3), pa.int32())
_FLOATS: tuple[pa.DataType, ...] = (pa.float64(), pa.decimal128(30, 12), pa.decimal256(50, 12))


def column(spec: FactSpec, values: Sequence[object], rng: Random) -> pa.Array:  # type: ignore[type-arg]  # of any type
    """Values as JSON has them, as one of the columns that can hold them."""
    keyed = [value for value in values if isinstance(value, dict)]
    if spec.period is not None and keyed and spec.type_name != "checklist":
        return _of_objects(values, lambda inner: scalars(spec, inner, rng, inside=True), rng)
    if spec.type_name == "checklist" and spec.period is None:
        return _of_objects(values, lambda inner: pa.array(inner, pa.bool_()), rng, spec.options)
    if keyed:
        return pa.array([None if value is None else json.dumps(value, ensure_ascii=False) for value in values])
    return scalars(spec, values, rng)


def _of_objects(
    values: Sequence[Any], inner: Callable[[list[Any]], Any], rng: Random, options: Sequence[str] = ()
) -> Any:
    """A struct, a map, or text."""
    names = list(options) or sorted({name for value in values for name in value or ()})
    which = rng.choice(("struct", "map", "text"))
    if which == "text" or any(name not in names for value in values for name in value or ()):
        texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
        return pa.array(texts, rng.choice(_TEXTS))
    if which == "map":
        offsets, keys, items = [0], [], []
        for value in values:
            keys += list(value or ())
            items += list((value or {}).values())
            offsets.append(len(keys))
        nulls = pa.array([value is None for value in values])
        return pa.MapArray.from_arrays(
            pa.array([*offsets], pa.int32()), pa.array(keys, pa.string()), inner(items), mask=nulls
        )
    fields = [inner([None if value is None else value.get(name) for value in values]) for name in names]
    return pa.StructArray.from_arrays(fields, names, mask=pa.array([value is None for value in values]))


def scalars(spec: FactSpec, values: Sequence[Any], rng: Random, *, inside: bool = False) -> Any:
    """Numbers, texts, days or truths. `inside`: of a struct or map."""
    match spec.type_name:
        case "boolean":
            return pa.array(values, pa.bool_())
        case "category" | "grade":
            return _texts(values, rng, inside=inside)
        case "date":
            return _dates(values, rng, inside=inside)
        case "checklist":
            return pa.array([None if value is None else json.dumps(value) for value in values])
    numbers = [value for value in values if value is not None]
    whole = all(float(value).is_integer() for value in numbers)
    kinds = [*(_WHOLE if whole else _FLOATS)]
    rng.shuffle(kinds)
    for kind in (*kinds, pa.float64()):
        wanted = [_as(kind, value) for value in values]
        try:
            return pa.array(wanted, kind)
        except (pa.ArrowException, OverflowError):
            # Too large for this type: another one holds it.
            continue
    raise AssertionError(values)


def _as(kind: pa.DataType, value: float | None) -> object:
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        return Decimal(repr(value))
    return int(value) if pa.types.is_integer(kind) else float(value)


def _texts(values: Sequence[Any], rng: Random, *, inside: bool = False) -> Any:
    if inside:
        return pa.array(values, rng.choice(_TEXTS[:2]))
    if rng.random() < 0.5:
        found: Any = pa.array(values, pa.string())
        return found.dictionary_encode()
    return pa.array(values, rng.choice(_TEXTS))


def _dates(values: Sequence[Any], rng: Random, *, inside: bool = False) -> Any:
    try:
        days = [None if value is None else date.fromisoformat(value) for value in values]
    except ValueError:
        return _texts(values, rng, inside=inside)
    if rng.random() < 0.3:
        return _texts(values, rng, inside=inside)
    return pa.array(days, rng.choice((pa.date32(), pa.date64())))


def batch_of(records: Sequence[Json], specs: Mapping[str, FactSpec], rng: Random) -> pa.RecordBatch:
    """Records of the batch interface as columns, in an order of their own."""
    columns: dict[str, Any] = {
        name: _texts([record.get(name) for record in records], rng) for name in ("division", "subject", "id")
    }
    if any("parent" in record for record in records):
        columns["parent"] = _texts([record.get("parent") for record in records], rng)
    for name in sorted({name for record in records for name in record["facts"]}):
        columns[name] = column(specs[name], [record["facts"].get(name) for record in records], rng)
    return pa.record_batch(columns)


def stream_of(batches: Sequence[pa.RecordBatch], compression: str | None = None) -> bytes:
    """Batches as an Arrow stream."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)  # type: ignore[arg-type]  # a codec by name
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def answer(batches: Batches, form: Form, query: Mapping[str, str], body: bytes) -> bytes:
    """The whole reply. Raises Problem."""
    return b"".join(batches.now(BatchJob(list(query.items()), "en", form), body, Meter()))


def results(form: Form, reply: bytes) -> tuple[list[Json], Json]:
    """The results of a reply, rulesets by name and pointers from the record on, and the counts."""
    if form == "arrow":
        return _of_arrow(reply)
    if form == "json":
        body = json.loads(reply)
        names = [f"{head['id']}@{head['version']}" for head in body["rulesets"]]
        found = body["results"]
        for i, result in enumerate(found):
            _shorten(result.get("error", {}), f"/records/{i}")
        return [_by_name(result, names) for result in found], body["counts"]
    names = []
    found = []
    counts: Json = {}
    for line in reply.splitlines():
        [(kind, body)] = json.loads(line).items()
        if kind == "ruleset":
            names.append(f"{body['id']}@{body['version']}")
        elif kind == "result":
            _shorten(body.get("error", {}), "")
            found.append(_by_name(body, names))
        else:
            counts = body
    return found, counts


def _shorten(error: Json, prefix: str) -> None:
    error.pop("line", None)
    if "pointer" in error:
        error["pointer"] = error["pointer"].removeprefix(prefix)
    for one in error.get("errors", ()):
        _shorten(one, prefix)


def _by_name(result: Json, names: Sequence[str]) -> Json:
    if "ruleset" in result:
        result["ruleset"] = names[result["ruleset"]]
    for other in result.get("included", ()):
        other["ruleset"] = names[other["ruleset"]]
    return result


def _of_arrow(reply: bytes) -> tuple[list[Json], Json]:
    reader = pa.ipc.open_stream(reply)
    table = reader.read_all()
    table.validate(full=True)
    found = [_unpacked(row) for row in table.to_pylist()]
    return found, json.loads((table.schema.metadata or {})[b"counts"])


def _unpacked(row: Json) -> Json:
    if row.get("error") is not None:
        error = {name: value for name, value in row["error"].items() if value is not None}
        more = json.loads(error.pop("more", "{}"))
        return {"id": row["id"], "error": error | more}
    found: Json = {"id": row["id"]} if "id" in row else {}
    found["ruleset"] = row["ruleset"]
    found["outcome"] = {"all": row["outcome_all"], "measured": row["outcome_measured"]}
    found["codes"] = row["codes"]
    if "findings" in row:
        found["findings"] = [{**one, "actual": json.loads(one["actual"])} for one in row["findings"]]
    for name in ("verdicts", "derived"):
        if row.get(name) is not None:
            found[name] = json.loads(row[name])
    for name in ("missing", "refused_members"):
        if row.get(name) is not None:
            found[name] = row[name]
    if row.get("ignored"):
        found["ignored"] = row["ignored"]
    if "included" in row:
        found["included"] = [_unpacked(other) for other in row["included"]]
    return found


def refusal(batches: Batches, form: Form, query: Mapping[str, str], body: bytes) -> Problem:
    """The problem of a batch that is refused as a whole."""
    try:
        answer(batches, form, query, body)
    except Problem as problem:
        return problem
    raise AssertionError("it was not refused")
