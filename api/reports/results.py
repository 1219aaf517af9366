"""The lines of a batch's reply, each with the record that it answers, mistakes told in the words of the file."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import msgspec

from api.problems import Problem, problem_body
from api.tabular.records import ColumnPlace, Notice, Row

__all__ = [
    "Form",
    "Json",
    "Judged",
    "Result",
    "TakesColumns",
    "Totals",
    "Writer",
    "collected",
    "in_words_of_file",
    "lines_in",
    "results_of",
]

Json = dict[str, Any]

_DECODER: msgspec.json.Decoder[Json] = msgspec.json.Decoder(Json)


class _About(msgspec.Struct):
    """What a report says of a record beside its result."""

    division: str = ""
    subject: str = ""


_ABOUT = msgspec.json.Decoder(_About)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one record, with the record. `line` is the reply's own line where nothing was changed in it."""

    body: Json
    row: Row
    line: bytes | None = None

    def about(self) -> tuple[str, str]:
        """The division and subject of a record that was judged."""
        about = _ABOUT.decode(self.row.body)
        return about.division, about.subject


@dataclass(slots=True)
class Totals:
    """Sums over blocks."""

    records: int = 0
    errors: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    given: set[str] = field(default_factory=set)
    subjects: set[tuple[str, str]] = field(default_factory=set)
    """The rulesets (`id@version`) and subjects that were judged."""

    def add(self, other: Totals) -> None:
        """Add those of another block."""
        self.records += other.records
        self.errors += other.errors
        self.outcomes += other.outcomes
        self.counts += other.counts
        self.given |= other.given
        self.subjects |= other.subjects


@dataclass(slots=True)
class Judged:
    """A block of records, judged and written in a form. `heads` are its rulesets; `ruleset` in results is an index."""

    heads: list[Json]
    content: Any
    totals: Totals
    notices: list[Notice]
    stopped: Json | None = None


class Form(Protocol):
    """Writes the results of one block. What it makes must be able to travel between processes."""

    def content(self, results: Sequence[Result], heads: Sequence[Json]) -> Any:
        """The results in this form."""
        ...


@runtime_checkable
class TakesColumns(Form, Protocol):
    """A form that is made of columns as well."""

    def columns(self, columns: Mapping[str, Any]) -> bytes:
        """The rows of columns by name."""
        ...


class Writer(Protocol):
    """Puts the blocks of one form together, in order."""

    def block(self, judged: Judged) -> None:
        """The next block."""
        ...

    def end(self, totals: Totals, remarks: Sequence[tuple[str, str]]) -> None:
        """What stands at the end. `remarks` are sentences in Chinese and English."""
        ...

    def abandon(self) -> None:
        """Instead of `end`, when the output is thrown away: let go of everything while its stream is still open."""
        ...


def results_of(lines: Sequence[bytes], waiting: deque[Row]) -> tuple[list[Result], list[Json], Json | None, Json]:
    """The lines of a batch's NDJSON reply: results, rulesets, the problem that stopped it, and counts."""
    results: list[Result] = []
    heads: list[Json] = []
    stopped: Json | None = None
    counts: Json = {}
    for line in lines:
        [(kind, body)] = _DECODER.decode(line).items()
        match kind:
            case "result":
                results.append(_result(body, waiting.popleft(), line))
            case "ruleset":
                heads.append(body)
            case "counts":
                counts = body
            case _:
                stopped = body
    return results, heads, stopped, counts


def collected(
    results: Sequence[Result], heads: Sequence[Json], counts: Json, stopped: Json | None, given: set[str]
) -> Totals:
    """The sums of a block."""
    totals = Totals(records=len(results), counts=Counter(counts), given=given)
    names = [f"{head['id']}@{head['version']}" for head in heads]
    for result in results:
        if "error" in result.body:
            totals.errors += 1
        else:
            totals.outcomes[result.body["outcome"]["all"]] += 1
            totals.subjects.add((names[result.body["ruleset"]], result.about()[1]))
    if stopped is not None:
        totals.errors += 1
    return totals


def _result(body: Json, row: Row, line: bytes) -> Result:
    if row.faults:
        return Result({"id": row.id, "error": _faults(row)}, row)
    if "error" in body:
        return Result({**body, "error": in_words_of_file(body["error"], row)}, row)
    return Result(body, row, line)


def _faults(row: Row) -> Json:
    first = row.faults[0]
    error = problem_body(Problem(first.slug, first.detail, help=first.help), "en", status=False)
    error |= row.origin.at(row.number, first.column)
    if len(row.faults) > 1:
        error["errors"] = [{"detail": fault.detail, **row.origin.at(row.number, fault.column)} for fault in row.faults]
    return error


def in_words_of_file(error: Json, row: Row) -> Json:
    """A problem of a row with its column instead of a pointer into JSON that nobody wrote."""
    if not row.origin.columns:
        return error
    told = {key: value for key, value in error.items() if key not in ("pointer", "line", "help", "errors")}
    # Advice about quotation marks is about JSON.
    if "help" in error and "quotation marks" not in error["help"]:
        told["help"] = error["help"]
    told |= row.origin.at(row.number, _column(error.get("pointer"), row))
    if "errors" in error:
        told["errors"] = [in_words_of_file(one, row) for one in error["errors"]]
    return told


def _column(pointer: str | None, row: Row) -> ColumnPlace | None:
    keys = tuple(part.replace("~1", "/").replace("~0", "~") for part in (pointer or "").split("/")[1:])
    while keys:
        if keys in row.origin.columns:
            return row.origin.columns[keys]
        keys = keys[:-1]
    return None


def lines_in(blocks: Iterator[bytes]) -> list[bytes]:
    """The lines of a reply that comes in pieces; each piece ends with a line's end."""
    return [line for block in blocks for line in block.splitlines()]
