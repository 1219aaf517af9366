"""Results as Parquet for platforms: one row for each record, in the order of the file.

row int64, id string, division string, subject string, ruleset string (`id@version`),
outcome_all, outcome_measured dictionary<string>,
codes string (a letter for each rule; the file's metadata `xueheng` names the rules of each ruleset and subject),
findings list<struct<rule string, actual string (JSON), gap double>>, missing list<string>, ignored list<string>,
included list<struct<ruleset string, outcome_all string, outcome_measured string, codes string>>,
error struct<type string, title string, detail string, column string, cell string>
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from api.reports.results import Json, Judged, Result, Totals

__all__ = ["OUTCOMES", "SCHEMA", "ParquetForm", "ParquetWriter"]

_ENCODE = msgspec.json.Encoder().encode
_WORD: pa.DataType = pa.dictionary(pa.int8(), pa.string())
_FINDING = pa.struct([("rule", pa.string()), ("actual", pa.string()), ("gap", pa.float64())])
_INCLUDED = pa.struct(
    [("ruleset", pa.string()), ("outcome_all", pa.string()), ("outcome_measured", pa.string()), ("codes", pa.string())]
)
_ERROR = pa.struct(
    [
        ("type", pa.string()),
        ("title", pa.string()),
        ("detail", pa.string()),
        ("column", pa.string()),
        ("cell", pa.string()),
    ]
)
_FIELDS: list[tuple[str, pa.DataType]] = [
    ("row", pa.int64()),
    ("id", pa.string()),
    ("division", pa.string()),
    ("subject", pa.string()),
    ("ruleset", pa.string()),
    ("outcome_all", _WORD),
    ("outcome_measured", _WORD),
    ("codes", pa.string()),
    ("findings", pa.list_(_FINDING)),
    ("missing", pa.list_(pa.string())),
    ("ignored", pa.list_(pa.string())),
    ("included", pa.list_(_INCLUDED)),
    ("error", _ERROR),
]
SCHEMA = pa.schema(_FIELDS)
OUTCOMES = ["compliant", "non_compliant", "not_yet_due", "not_applicable", "insufficient_data"]
_ROWS_PER_GROUP = 64_000
_BYTES_PER_GROUP = 64_000_000
"""What is held before it is written: readers skip by groups, and small ones waste room."""


class ParquetForm:
    """A block as an Arrow stream of one batch."""

    def content(self, results: Sequence[Result], heads: Sequence[Json]) -> bytes:
        """The rows of the results."""
        names = [f"{head['id']}@{head['version']}" for head in heads]
        rules: list[Mapping[str, list[str]]] = [head["rules"] for head in heads]
        columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        for result in results:
            for name, value in _cells(result, names, rules).items():
                columns[name].append(value)
        arrays = [
            _words(columns[field.name]) if field.type == _WORD else pa.array(columns[field.name], field.type)
            for field in SCHEMA
        ]
        return _sent(arrays)

    def columns(self, columns: Mapping[str, Any]) -> bytes:
        """The rows of columns by name; one that is not there is null."""
        count = len(columns["row"])
        arrays = [columns[f.name] if f.name in columns else pa.array([None] * count, f.type) for f in SCHEMA]
        return _sent([a if a.type == f.type else a.cast(f.type) for a, f in zip(arrays, SCHEMA, strict=True)])


def _sent(arrays: Sequence[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=SCHEMA))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _words(values: Sequence[str | None]) -> Any:
    """Outcomes under one dictionary, so that blocks fit together."""
    places = {word: i for i, word in enumerate(OUTCOMES)}
    indexes = pa.array([None if value is None else places[value] for value in values], pa.int8())
    return pa.DictionaryArray.from_arrays(indexes, pa.array(OUTCOMES))


def _cells(result: Result, names: Sequence[str], rules: Sequence[Mapping[str, list[str]]]) -> dict[str, object]:
    body = result.body
    cells: dict[str, object] = dict.fromkeys(SCHEMA.names)
    cells["row"], cells["id"] = result.row.number, body["id"]
    if "error" in body:
        error = body["error"]
        cells["error"] = {name: error.get(name) for name in ("type", "title", "detail", "column", "cell")}
        return cells
    division, subject = result.about()
    ids = rules[body["ruleset"]].get(subject, [])
    cells |= {
        "division": division,
        "subject": subject,
        "ruleset": names[body["ruleset"]],
        "outcome_all": body["outcome"]["all"],
        "outcome_measured": body["outcome"]["measured"],
        "codes": body["codes"],
        "missing": body.get("missing"),
        "ignored": body.get("ignored", []),
        "included": [
            {
                "ruleset": names[other["ruleset"]],
                "outcome_all": other["outcome"]["all"],
                "outcome_measured": other["outcome"]["measured"],
                "codes": other["codes"],
            }
            for other in body.get("included", ())
        ],
    }
    if "findings" in body:
        cells["findings"] = [
            {"rule": ids[f["rule"]], "actual": _ENCODE(f["actual"]).decode(), "gap": f["gap"]} for f in body["findings"]
        ]
    return cells


class ParquetWriter:
    """Writes the blocks to a file in groups of rows."""

    def __init__(self, stream: BinaryIO, about: Mapping[str, object]) -> None:
        self._writer = pq.ParquetWriter(stream, SCHEMA, compression="zstd")
        self._about = about
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._rulesets: dict[str, Json] = {}

    def block(self, judged: Judged) -> None:
        """The next rows."""
        for head in judged.heads:
            kept = {key: value for key, value in head.items() if key != "index"}
            self._rulesets.setdefault(f"{head['id']}@{head['version']}", kept)
        table = pa.ipc.open_stream(judged.content, options=pa.ipc.IpcReadOptions(use_threads=False)).read_all()
        self._waiting += table.to_batches()
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= _ROWS_PER_GROUP or self._bytes >= _BYTES_PER_GROUP:
            self._write()

    def _write(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._waiting, SCHEMA), row_group_size=_ROWS_PER_GROUP * 2)
        self._waiting, self._rows, self._bytes = [], 0, 0

    def end(self, totals: Totals, remarks: Sequence[tuple[str, str]]) -> None:
        """The last rows, and what the codes mean."""
        if self._rows:
            self._write()
        about = {
            **self._about,
            "rulesets": list(self._rulesets.values()),
            "counts": dict(totals.counts),
            "remarks": [{"zh": zh, "en": en} for zh, en in remarks],
        }
        self._writer.add_key_value_metadata({"xueheng": _ENCODE(about).decode()})
        self._writer.close()

    def abandon(self) -> None:
        """Close the writer, which else would do so when its stream is gone."""
        self._writer.close()
