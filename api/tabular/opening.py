"""A file of records of any kind → an open table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import BinaryIO

from api.tabular.grid import open_grid
from api.tabular.ndjson import NdjsonTable
from api.tabular.records import BadFile, Budget, Defaults, Limits, Table
from api.tabular.streams import Counted
from api.tabular.text import csv_grid
from engine.check.ir import FactSpec

__all__ = ["INPUTS", "kind_of", "open_table"]

INPUTS = ("csv", "ndjson", "parquet", "xlsx")
_ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "csv"),
    **dict.fromkeys((".ndjson", ".jsonl"), "ndjson"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls"), "xlsx"),
}
_SCAN_BYTES = 1 << 20


def kind_of(name: str) -> str | None:
    """What a file is by its name; None where that does not tell."""
    return _ENDINGS.get(PurePath(name).suffix.lower())


def open_table(
    stream: BinaryIO,
    kind: str,
    facts: Iterable[FactSpec],
    defaults: Defaults,
    *,
    ignored: Sequence[str] = (),
    encoding: str | None = None,
    sheet: str | None = None,
    limits: Limits | None = None,
) -> tuple[Table, str | None]:
    """The table of a file whose kind is one of `INPUTS`, and the encoding of its text where that had to be guessed.

    Raises BadFile, BadHeadings, and LookupError for an encoding that does not exist.
    """
    budget = Budget(limits or Limits())
    specs = list(facts)
    # Facts of the wanted subject first: a heading that several facts share means that subject's.
    specs.sort(key=lambda spec: defaults.subject is not None and defaults.subject not in spec.subjects)
    match kind:
        case "ndjson":
            families = stream.seekable() and _mentions(stream, b'"parent"')
            return NdjsonTable(Counted(stream), defaults, budget, families=families), None
        case "parquet":
            # Loading Arrow takes longer than reading a small file of text.
            from api.tabular.parquet import ParquetTable

            return ParquetTable(stream, specs, defaults, ignored, budget), None
        case "xlsx":
            from api.tabular.workbooks import sheet_grid

            return open_grid(sheet_grid(stream, budget, sheet, specs, ignored), specs, defaults, ignored), None
        case "csv":
            grid, chosen = csv_grid(Counted(stream), encoding, budget)
            guessed = chosen if encoding is None and not chosen.startswith("utf") else None
            return open_grid(grid, specs, defaults, ignored), guessed
        case _:
            raise BadFile(f"there is no reader for {kind}")


def _mentions(stream: BinaryIO, word: bytes) -> bool:
    """True when a file holds a word anywhere; the file is then where it was."""
    here = stream.tell()
    before = b""
    found = False
    while not found and (block := stream.read(_SCAN_BYTES)):
        found = word in before + block
        before = block[-len(word) :]
    stream.seek(here)
    return found
