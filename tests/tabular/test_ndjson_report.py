"""Blocks written as NDJSON: rulesets are numbered over the whole file, whatever they are called within a block."""

import io
import json
from collections import Counter
from typing import Any

from api.reports.ndjson import NdjsonForm, NdjsonWriter
from api.reports.results import Judged, Result, Totals
from api.tabular.records import Origin, Row


def head(name: str, index: int) -> dict[str, Any]:
    return {"index": index, "id": name, "version": "1", "rules": {}}


def judged(names: list[str], rulesets: list[int]) -> Judged:
    heads = [head(name, i) for i, name in enumerate(names)]
    row = Row(1, b"{}", Origin())
    bodies = [{"id": "a", "ruleset": i, "included": [{"ruleset": 1 - i}]} for i in rulesets]
    results = [Result(body, row, json.dumps({"result": body}).encode()) for body in bodies]
    return Judged(heads, NdjsonForm().content(results, heads), Totals(), [])


def test_rulesets_keep_their_number() -> None:
    stream = io.BytesIO()
    writer = NdjsonWriter(stream)
    writer.block(judged(["a", "b"], [0, 1]))
    writer.block(judged(["b", "a"], [0, 1]))
    writer.block(judged(["b", "c"], [1]))
    writer.end(Totals(counts=Counter(compliant=3)), [])
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    named: dict[int, str] = {}
    told = []
    for line in lines:
        if "ruleset" in line:
            named[line["ruleset"]["index"]] = line["ruleset"]["id"]
        elif "result" in line:
            result = line["result"]
            told.append(named[result["ruleset"]] + named[result["included"][0]["ruleset"]])
    assert named == {0: "a", 1: "b", 2: "c"}
    assert told == ["ab", "ba", "ba", "ab", "cb"]
    assert lines[-1]["counts"]["compliant"] == 3
