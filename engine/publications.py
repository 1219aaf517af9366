"""`published.csv`: the versions that can never change, each with the digest it was published with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from engine import codes
from engine.diagnostics import Collector
from engine.periods import parse_day
from engine.source import Source, Span

__all__ = ["COLUMNS", "MOVED", "PUBLISHED", "Publication", "check_publications", "read_publications"]

PUBLISHED = "published.csv"
MOVED = "E601"
"""The code of a published version whose meaning is another one now."""
COLUMNS = ("id", "version", "digest", "published_on")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Publication:
    """One row: a version, what its files must come to for ever, and the day of publication."""

    id: str
    version: str
    digest: str
    published_on: date
    span: Span

    @property
    def name(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"


def read_publications(source: Source, collector: Collector) -> dict[str, Publication]:
    """The rows by `id@version`. An empty file has none; of rows that cannot be read there are diagnostics."""
    found: dict[str, Publication] = {}
    if not source.text.strip():
        return found

    def wrong(number: int, problem: str) -> None:
        collector.add(codes.table_malformed(source.path, f"line {number}: {problem}"))

    start = 0
    for number, line in enumerate(source.text.splitlines(keepends=True), start=1):
        span = Span(source, start, start + len(line.rstrip("\r\n")))
        start += len(line)
        cells = line.strip().split(",")  # none of the four ever holds a comma or a quotation mark
        if number == 1:
            if tuple(cells) != COLUMNS:
                wrong(number, f"expected the columns {','.join(COLUMNS)}")
                return found
            continue
        if cells == [""]:
            continue
        if len(cells) != len(COLUMNS):
            wrong(number, f"expected {len(COLUMNS)} fields, found {len(cells)}")
            continue
        id_, version, digest, day = cells
        published_on = parse_day(day)
        if _DIGEST.fullmatch(digest) is None:
            wrong(number, f"expected `sha256:` and 64 hexadecimal digits, found `{digest[:80]}`")
        elif published_on is None:
            wrong(number, f"expected a day like `2026-11-22`, found `{day[:80]}`")
        elif f"{id_}@{version}" in found:
            wrong(number, f"`{id_}@{version}` stands twice")
        else:
            found[f"{id_}@{version}"] = Publication(id_, version, digest, published_on, span)
    return found


def check_publications(
    publications: Mapping[str, Publication], digests: Mapping[str, tuple[str, str]], collector: Collector
) -> None:
    """Every published version is there and still means what it did. `digests` as in `Library`."""
    for name, row in publications.items():
        if name not in digests:
            path = f"{row.id}/{row.version}/ruleset.yaml"
            collector.add(codes.file_missing(path, f"{PUBLISHED} lists `{name}`, and a published version stays"))
        elif digests[name][0] != row.digest:
            collector.add(codes.published_moved(name, row.digest, digests[name][0], row.span))
