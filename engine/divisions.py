"""Divisions by GB/T 2260 code: the tree, names, superseded codes.

The table is `rulesets/divisions.csv`; the caller reads the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Division", "Divisions", "read_divisions"]

COLUMNS = ("code", "name", "parent", "level", "since", "until", "successors")


@dataclass(frozen=True, slots=True)
class Division:
    """One code. `until` and `successors` are set on superseded codes."""

    code: str
    name: str
    parent: str
    level: str
    since: str
    until: str
    successors: tuple[str, ...]


class Divisions:
    """The tree of divisions."""

    def __init__(self, rows: Iterable[Division]) -> None:
        self.by_code: Mapping[str, Division] = {row.code: row for row in rows}

    def __contains__(self, code: str) -> bool:
        return code in self.by_code

    def get(self, code: str) -> Division | None:
        """The division of a code, also of a superseded one."""
        return self.by_code.get(code)

    def current(self, code: str) -> str:
        """The code that took a superseded one's place, where there is exactly one; else the code."""
        seen = {code}
        division = self.by_code.get(code)
        while division is not None and division.until and len(division.successors) == 1:
            code = division.successors[0]
            if code in seen:
                break
            seen.add(code)
            division = self.by_code.get(code)
        return code

    def path(self, code: str) -> tuple[str, ...]:
        """The code and everything above it, nearest first, `root` last; empty if unknown.

        Superseded codes stand beside their successor, so that a plan that names either is found.
        """
        found: list[str] = []
        at = code
        while at in self.by_code and at not in found:
            found.append(at)
            successor = self.current(at)
            if successor != at and successor not in found:
                found.append(successor)
                at = successor
            at = self.by_code[at].parent
        return (*found, "root") if found else ()


def read_divisions(text: str) -> Divisions:
    """The table from its CSV text. Raises ValueError when a row is malformed."""
    try:
        return _read(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise ValueError(f"divisions.csv: {error}") from None


def _read(reader: csv.DictReader[str]) -> Divisions:
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"divisions.csv: expected the columns {','.join(COLUMNS)}")
    rows = []
    for number, row in enumerate(reader, start=2):
        if None in row.values() or None in row or not row["code"]:
            raise ValueError(f"divisions.csv:{number}: expected {len(COLUMNS)} fields")
        rows.append(
            Division(
                row["code"],
                row["name"],
                row["parent"],
                row["level"],
                row["since"],
                row["until"],
                tuple(s for s in row["successors"].split(";") if s),
            )
        )
    return Divisions(rows)
