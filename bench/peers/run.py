"""One peer in a process of its own: compare its answers, then time it and the kernel in turns on the same subjects."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import numpy as np

from bench import bodies, entry, synthetic, workloads
from bench.checks import Disagreement, compare
from bench.peers import polarity, saying
from bench.peers.lowered import Lowered
from bench.peers.lowering import lower
from bench.peers.saying import CannotSay, Record
from bench.synthetic import Columns, Truths
from bench.workloads import Workload

__all__ = ["BLOCK", "BODY_RECORDS", "ENGINES", "VECTORS"]

ENGINES = {
    "durable_rules": ("bench.peers.durable_", "Durable"),
    "GoRules ZEN": ("bench.peers.zen_engine", "Zen"),
    "CLIPS": ("bench.peers.clips_", "Clips"),
    "rego-cpp": ("bench.peers.rego", "Rego"),
    "rule-engine": ("bench.peers.rule_engine_", "RuleEngine"),
    "CEL": ("bench.peers.cel_", "Cel"),
}
"""Engines that take one record at a time."""
VECTORS = {"OpenFisca-Core": ("bench.peers.openfisca", "Fisca")}
"""Engines that take columns."""
BLOCK = 65_536
BODY_RECORDS = 1_000
SECONDS = 3.0
"""How long an engine that takes one record at a time is timed on columns."""
ROUNDS = 5


def main(peer: str, workload_name: str, expected_file: str) -> None:
    """Print what was found as one line of JSON."""
    module, _ = {**ENGINES, **VECTORS}[peer]
    workload = workloads.load(workload_name)
    columns = synthetic.columns(workload.program, len(workload.contexts), BLOCK)
    wanted = np.load(expected_file)
    try:
        package = import_module(module).PACKAGE
        found: dict[str, Any] = {"version": version(package)}
        measure = _vectors if peer in VECTORS else _records
        found |= measure(peer, workload, columns, wanted)
    except (ImportError, PackageNotFoundError) as missing:
        found = {"missing": str(missing)}
    except Disagreement as disagreement:
        found = {"disagrees": str(disagreement)}
    print(json.dumps(found, ensure_ascii=False))


def _kernel(workload: Workload, columns: Columns, wanted: Truths) -> Callable[[], object]:
    """The kernel on the same columns, compared with the reference."""
    prepared = entry.prepare(workload.program, columns, workload.contexts)
    _check_own(entry.letters(prepared, entry.kernel(prepared)), wanted)
    return partial(entry.kernel, prepared)


def _timed(work: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _vectors(peer: str, workload: Workload, columns: Columns, wanted: Truths) -> dict[str, Any]:
    lowered = lower(workload.program, workload.contexts)
    module, name = VECTORS[peer]
    engine = getattr(import_module(module), name)(lowered, columns)
    compared = compare(lowered, wanted, engine.codes(), peer)
    kernel = _kernel(workload, columns, wanted)
    theirs, ours = [], []
    for _ in range(ROUNDS):
        simulation = engine.fresh()
        theirs.append(_timed(partial(engine.run, simulation)))
        ours.append(_timed(kernel))
    return {
        "rules": len(lowered.rules),
        "left_out": list(lowered.left_out),
        "compared": compared.verdicts,
        "inexact": compared.inexact,
        "columns": len(lowered.rules) * columns.size / min(theirs),
        "kernel": len(workload.program.rules) * columns.size / min(ours),
        "records": columns.size,
    }


def _check_own(found: Truths, wanted: Truths) -> None:
    if not np.array_equal(found[:, : wanted.shape[1]], wanted):
        raise Disagreement("the engine and the reference disagree")


def _records(peer: str, workload: Workload, columns: Columns, wanted: Truths) -> dict[str, Any]:
    lowered = lower(workload.program, workload.contexts)
    said, left_out, judge = _translated(peer, lowered, len(workload.contexts))
    some = columns.part(0, wanted.shape[1])
    prepared = [judge.prepare(record) for record in saying.records(lowered, some)]
    kept = Lowered(
        tuple(rule for rule in lowered.rules if rule.index in said),
        (),
        lowered.numbers,
        lowered.truths,
        lowered.options,
    )
    # Slow engines are compared on what they do in the time; the table says on how much.
    codes, seconds = _for_seconds(judge, prepared)
    matrix = np.frombuffer("".join(codes).encode(), dtype=np.uint8).reshape(len(codes), len(said)).T
    compared = compare(kept, wanted[:, : len(codes)], matrix, peer)
    kernel = _kernel(workload, columns, wanted)
    ours = min(_timed(kernel) for _ in range(ROUNDS))
    return {
        "rules": len(said),
        "left_out": [*lowered.left_out, *left_out],
        "compared": compared.verdicts,
        "inexact": compared.inexact,
        "columns": len(said) * len(codes) / seconds,
        "kernel": len(workload.program.rules) * columns.size / ours,
        "records": len(codes),
        **_end_to_end(judge, lowered, workload, columns, wanted, kept),
    }


def _translated(peer: str, lowered: Lowered, places: int) -> tuple[list[int], list[tuple[str, str]], Any]:
    """The rules that an engine says, those that it cannot, and the judge of the former."""
    module, name = ENGINES[peer]
    engine = getattr(import_module(module), name)
    outcomes, left_out = polarity.outcomes(lowered, places)
    said = []
    for outcome in outcomes:
        try:
            engine.say(outcome)
        except CannotSay as cause:
            left_out.append((outcome.id, str(cause)))
        else:
            said.append(outcome)
    return [outcome.index for outcome in said], left_out, engine(said)


def _for_seconds(judge: Any, prepared: list[Any]) -> tuple[list[str], float]:
    """The codes of as many records as are judged in the time; records are judged again where all were."""
    codes: list[str] = []
    seconds = 0.0
    for record in prepared:
        start = time.perf_counter()
        codes.append(judge.judge(record))
        seconds += time.perf_counter() - start
        if seconds > SECONDS:
            return codes, seconds
    best = seconds
    while seconds < SECONDS:
        start = time.perf_counter()
        for record in prepared:
            judge.judge(record)
        best = min(best, time.perf_counter() - start)
        seconds += time.perf_counter() - start
    return codes, best


# --- from JSON to JSON ----------------------------------------------------------------------------


def _end_to_end(
    judge: Any, lowered: Lowered, workload: Workload, columns: Columns, wanted: Truths, kept: Lowered
) -> dict[str, Any]:
    count = min(BODY_RECORDS, wanted.shape[1])
    body = bodies.json_batch(workload, columns.part(0, count), "codes")
    flatten = _flattener(workload, lowered)
    decoder, encoder = msgspec.json.Decoder(), msgspec.json.Encoder()

    def theirs() -> bytes:
        results = [
            {"id": record["id"], "codes": judge.judge(judge.prepare(flatten(record)))}
            for record in decoder.decode(body)["records"]
        ]
        return encoder.encode({"results": results})

    def ours() -> bytes:
        return entry.json_batch(body)

    own = [result["codes"] for result in json.loads(ours())["results"]]
    flat = np.frombuffer("".join(own).encode(), dtype=np.uint8).reshape(count, -1).T
    _check_own(flat, wanted[:, :count])
    start = time.perf_counter()
    codes = [result["codes"] for result in json.loads(theirs())["results"]]
    seconds = time.perf_counter() - start
    matrix = np.frombuffer("".join(codes).encode(), dtype=np.uint8).reshape(count, -1).T
    compare(kept, wanted[:, :count], matrix, "from JSON")
    if seconds < SECONDS:
        seconds = min(_timed(theirs) for _ in range(3))
    best = min(_timed(ours) for _ in range(ROUNDS))
    return {"json": count / seconds, "own_json": count / best, "json_rules": len(kept.rules)}


def _flattener(workload: Workload, lowered: Lowered) -> Callable[[dict[str, Any]], Record]:
    """A record of the body → the flat record that engines are given."""
    places = {code: place for place, code in enumerate(workload.divisions)}
    empty: Record = dict.fromkeys((*lowered.numbers, *lowered.options, *lowered.truths))
    specs = workload.program.facts
    checklists = {
        n: {i: synthetic.item_column(n, i) for i in s.options} for n, s in specs.items() if s.type_name == "checklist"
    }
    dates = frozenset(name for name, spec in specs.items() if spec.type_name == "date")
    numbers = frozenset(lowered.numbers)

    def flatten(record: dict[str, Any]) -> Record:
        flat = empty.copy()
        flat["place"] = places[record["division"]]
        for name, value in record["facts"].items():
            if name in dates:
                flat[name] = float(synthetic.day_number(value))
            elif name in numbers:
                flat[name] = float(value)
            elif name in checklists:
                items = checklists[name]
                for item, ticked in value.items():
                    flat[items[item]] = ticked
            else:
                flat[name] = value
        return flat

    return flatten


if __name__ == "__main__":
    main(*sys.argv[1:])
