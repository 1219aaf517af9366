"""The replies of a batch → what `xueheng check` prints."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import click
import msgspec
from rich.cells import cell_len, set_cell_size

from api.cli.records import Row
from api.problems import Problem, problem_body
from engine.check.ir import Rule
from engine.registry import Library

__all__ = ["NdjsonReport", "Report", "Result", "TableReport", "results_of"]

Json = dict[str, Any]

_DECODER: msgspec.json.Decoder[Json] = msgspec.json.Decoder(Json)
_LETTERS = "CNTXU"


class _Subject(msgspec.Struct):
    """The one field of a record that a table needs."""

    subject: str


_SUBJECT = msgspec.json.Decoder(_Subject)
_COLOURS = {"non_compliant": "red", "insufficient_data": "yellow", "not_yet_due": "cyan", "compliant": "green"}
_MISSING_SHOWN = 6
_ID_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the reply: its kind (`ruleset`, `result`, `counts`, `error`), content, and row."""

    kind: str
    body: Json
    row: Row | None = None


class Report(Protocol):
    """Prints results as they come, and knows afterwards how many records failed."""

    errors: int
    outcomes: Counter[str]

    def add(self, result: Result) -> None:
        """Print one result."""
        ...

    def end(self) -> None:
        """Print what stands at the end."""
        ...


def results_of(line: bytes, waiting: deque[Row]) -> Iterator[Result]:
    """One line of a batch's reply with its row, the mistakes told in the words of the file."""
    [(kind, body)] = _DECODER.decode(line).items()
    if kind != "result":
        yield Result(kind, body)
        return
    row = waiting.popleft()
    if row.faults:
        body = {"id": row.id, "error": _faults(row)}
    elif "error" in body:
        body["error"] = _in_words_of_file(body["error"], row)
    yield Result(kind, body, row)


def _faults(row: Row) -> Json:
    first, *others = row.faults
    error = problem_body(Problem(first.slug, first.detail), "en", status=False) | _at(row, first.column)
    if others:
        error["errors"] = [{"detail": fault.detail, **_at(row, fault.column)} for fault in row.faults]
    return error


def _at(row: Row, column: str | None) -> Json:
    """Where a mistake stands: a row and column of a spreadsheet, or a line."""
    if not row.columns:
        return {"line": row.number}
    return {"row": row.number} if column is None else {"row": row.number, "column": column}


def _in_words_of_file(error: Json, row: Row) -> Json:
    """A problem of a CSV row with its column instead of a pointer into JSON that nobody wrote."""
    if not row.columns:
        return error
    told = {key: value for key, value in error.items() if key not in ("pointer", "line", "help", "errors")}
    # Advice about quotation marks is about JSON.
    if "help" in error and "quotation marks" not in error["help"]:
        told["help"] = error["help"]
    told |= _at(row, _column(error.get("pointer"), row))
    if "errors" in error:
        told["errors"] = [_in_words_of_file(one, row) for one in error["errors"]]
    return told


def _column(pointer: str | None, row: Row) -> str | None:
    keys = tuple(part.replace("~1", "/").replace("~0", "~") for part in (pointer or "").split("/")[1:])
    while keys:
        if keys in row.columns:
            return row.columns[keys]
        keys = keys[:-1]
    return None


class NdjsonReport:
    """The reply as it is, one JSON object a line."""

    def __init__(self) -> None:
        self.errors = 0
        self.outcomes: Counter[str] = Counter()
        self._encoder = msgspec.json.Encoder()

    def add(self, result: Result) -> None:
        """Print one result."""
        _count(self, result)
        click.echo(self._encoder.encode({result.kind: result.body}))

    def end(self) -> None:
        """Nothing: the counts came as the last line."""


def _count(report: Report, result: Result) -> None:
    if result.kind == "error" or "error" in result.body:
        report.errors += 1
    elif result.kind == "result":
        report.outcomes[result.body["outcome"]["all"]] += 1


class TableReport:
    """A line for each record, its failing rules below it, and the sums at the end."""

    def __init__(self, library: Library) -> None:
        self.errors = 0
        self.outcomes: Counter[str] = Counter()
        self._library = library
        self._rules: list[Mapping[str, list[str]]] = []
        self._by_id: list[Mapping[str, Rule]] = []
        self._counts: Json = {}
        self._headed = False

    def add(self, result: Result) -> None:
        """Print one result."""
        _count(self, result)
        match result.kind:
            case "ruleset":
                self._ruleset(result.body)
            case "counts":
                self._counts = result.body
            case "error":
                click.secho(f"stopped: {result.body['detail']}", fg="red", bold=True)
            case _:
                self._record(result)

    def _ruleset(self, head: Json) -> None:
        self._rules.append(head["rules"])
        name = f"{head['id']}@{head['version']}"
        ruleset = self._library.rulesets[name]
        self._by_id.append({rule.id: rule for rule in ruleset.running})
        notices = f" ({', '.join(head['notices'])})" if head["notices"] else ""
        click.secho(f"{name}: {ruleset.title['zh']}, {ruleset.document.cited_as}{notices}", dim=True)

    def _record(self, result: Result) -> None:
        assert result.row is not None
        body, number = result.body, result.row.number
        if not self._headed:
            self._headed = True
            counts = "".join(f"{letter:>5}" for letter in _LETTERS)
            heading = f"{'row':>6}  {_fit('id', _ID_WIDTH)}  {'outcome':17}  {'measured only':17}{counts}"
            click.secho(heading, bold=True)
        if "error" in body:
            self._error(body, number)
            return
        outcome, measured = body["outcome"]["all"], body["outcome"]["measured"]
        counts = "".join(f"{body['codes'].count(letter):>5}" for letter in _LETTERS)
        cells = (f"{number:>6}", _fit(body["id"] or "", _ID_WIDTH), _styled(outcome), _styled(measured) + counts)
        click.echo("  ".join(cells))
        subject = _SUBJECT.decode(result.row.body).subject
        self._judged(body, subject)
        for other in body.get("included", ()):
            self._judged(other, subject)
        if body.get("ignored"):
            click.secho(f"{'':8}ignored, about other subjects: {', '.join(body['ignored'])}", dim=True)

    def _judged(self, body: Json, subject: str) -> None:
        """The failing rules of a record under one ruleset, and what was missing."""
        ids = self._rules[body["ruleset"]].get(subject, [])
        for finding in body["findings"]:
            rule = self._by_id[body["ruleset"]][ids[finding["rule"]]]
            actual = "; ".join(f"{name} is {_shown(value)}" for name, value in finding["actual"].items())
            gap = f", off by {_shown(finding['gap'])}" if finding["gap"] is not None else ""
            letter, path = click.style("N", fg="red", bold=True), click.style(rule.citation.path, dim=True)
            click.echo(f"{'':8}{letter} {rule.id}  {path}  {rule.require_text}: {actual}{gap}")
        missing = body["missing"]
        if missing:
            listed = ", ".join(missing[:_MISSING_SHOWN])
            more = f" and {len(missing) - _MISSING_SHOWN:,} more" if len(missing) > _MISSING_SHOWN else ""
            click.secho(f"{'':8}missing {listed}{more}", fg="yellow")

    def _error(self, body: Json, number: int) -> None:
        error = body["error"]
        for one in error.get("errors", [error]):
            where = f", column `{one['column']}`" if "column" in one else _pointed(one)
            help_ = f" ({one['help']})" if one.get("help") else ""
            start = f"{number:>6}  {_fit(body['id'] or '', _ID_WIDTH)}  "
            click.echo(start + click.style("not judged", fg="magenta", bold=True) + f"{where}: {one['detail']}{help_}")

    def end(self) -> None:
        """Print the sums."""
        judged = sum(self.outcomes.values())
        click.echo()
        counted = ", ".join(f"{number:,} {verdict}" for verdict, number in self.outcomes.most_common())
        click.secho(f"{judged:,} records judged{': ' if counted else ''}{counted}", bold=True)
        if any(self._counts.values()):
            click.echo("verdicts: " + ", ".join(f"{n:,} {verdict}" for verdict, n in self._counts.items() if n))
        if self.errors:
            click.secho(f"{self.errors:,} records not judged", fg="magenta", bold=True)


def _styled(outcome: str) -> str:
    return click.style(f"{outcome:17}", fg=_COLOURS.get(outcome))


def _pointed(error: Json) -> str:
    return f" at {error['pointer']}" if error.get("pointer") else ""


def _fit(text: str, width: int) -> str:
    """The text in exactly so many columns of a terminal, cut where it is longer."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) + "}"
        case _:
            return str(value)
