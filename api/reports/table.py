"""Results as text for a terminal: a line for each record, its failing rules below it, and the sums at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click
from rich.cells import cell_len, set_cell_size

from api.reports.results import Json, Judged, Result, Totals
from engine.check.ir import Rule
from engine.registry import Library

__all__ = ["TableForm", "TableWriter", "shown"]

_LETTERS = "CNTXU"
_COLOURS = {"non_compliant": "red", "insufficient_data": "yellow", "not_yet_due": "cyan", "compliant": "green"}
_MISSING_SHOWN = 6
_ID_WIDTH = 24


class TableForm:
    """The lines of each record."""

    def __init__(self, library: Library) -> None:
        self._rules: Mapping[str, Mapping[str, Rule]] = {
            name: {rule.id: rule for rule in ruleset.running} for name, ruleset in library.rulesets.items()
        }

    def content(self, results: Sequence[Result], heads: Sequence[Json]) -> str:
        """All lines of a block, styled."""
        lines: list[str] = []
        for result in results:
            self._record(result, heads, lines)
        return "".join(f"{line}\n" for line in lines)

    def _record(self, result: Result, heads: Sequence[Json], lines: list[str]) -> None:
        body, number = result.body, result.row.number
        if "error" in body:
            lines += _error(body, number)
            return
        outcome, measured = body["outcome"]["all"], body["outcome"]["measured"]
        counts = "".join(f"{body['codes'].count(letter):>5}" for letter in _LETTERS)
        cells = (f"{number:>6}", _fit(body["id"] or "", _ID_WIDTH), _styled(outcome), _styled(measured) + counts)
        lines.append("  ".join(cells))
        _, subject = result.about()
        for one in (body, *body.get("included", ())):
            self._judged(one, heads[one["ruleset"]], subject, lines)
        if body.get("ignored"):
            lines.append(click.style(f"{'':8}ignored, about other subjects: {', '.join(body['ignored'])}", dim=True))

    def _judged(self, body: Json, head: Json, subject: str, lines: list[str]) -> None:
        """The failing rules of a record under one ruleset, and what was missing."""
        ids = head["rules"].get(subject, [])
        rules = self._rules[f"{head['id']}@{head['version']}"]
        for finding in body["findings"]:
            rule = rules[ids[finding["rule"]]]
            actual = "; ".join(f"{name} is {shown(value)}" for name, value in finding["actual"].items())
            gap = f", off by {shown(finding['gap'])}" if finding["gap"] is not None else ""
            # A rule that the plan adopts stands in its standard; then follows where the plan adopts it.
            adopting = () if rule.adopted_at is None else (rule.adopted_at.path,)
            letter = click.style("N", fg="red", bold=True)
            path = click.style(" ← ".join((rule.citation.path, *adopting)), dim=True)
            lines.append(f"{'':8}{letter} {rule.id}  {path}  {rule.require_text}: {actual}{gap}")
        missing = body["missing"]
        if missing:
            listed = ", ".join(missing[:_MISSING_SHOWN])
            more = f" and {len(missing) - _MISSING_SHOWN:,} more" if len(missing) > _MISSING_SHOWN else ""
            lines.append(click.style(f"{'':8}missing {listed}{more}", fg="yellow"))


def _error(body: Json, number: int) -> list[str]:
    error = body["error"]
    found = []
    for one in error.get("errors", [error]):
        help_ = f" ({one['help']})" if one.get("help") else ""
        start = f"{number:>6}  {_fit(body['id'] or '', _ID_WIDTH)}  "
        said = click.style("not judged", fg="magenta", bold=True)
        found.append(f"{start}{said}{_where(one)}: {one['detail']}{help_}")
    return found


def _where(error: Json) -> str:
    """Where a mistake stands, behind the number of its row."""
    at = f", {error['cell']}" if "cell" in error else ""
    if error.get("column"):
        return f"{at}, column `{error['column']}`"
    return at or (f" at {error['pointer']}" if error.get("pointer") else "")


class TableWriter:
    """Prints the blocks under one heading. `echo` prints without a line's end of its own."""

    def __init__(self, library: Library, echo: Callable[[str], None]) -> None:
        self._library = library
        self._echo = echo
        self._named: set[str] = set()
        self._headed = False

    def block(self, judged: Judged) -> None:
        """The rulesets that are new, then the lines of the records."""
        for head in judged.heads:
            self._ruleset(head)
        if not self._headed:
            self._headed = True
            counts = "".join(f"{letter:>5}" for letter in _LETTERS)
            heading = f"{'row':>6}  {_fit('id', _ID_WIDTH)}  {'outcome':17}  {'measured only':17}{counts}"
            self._line(click.style(heading, bold=True))
        self._echo(judged.content)
        if judged.stopped is not None:
            self._line(click.style(f"stopped: {judged.stopped['detail']}", fg="red", bold=True))

    def _ruleset(self, head: Json) -> None:
        name = f"{head['id']}@{head['version']}"
        if name in self._named:
            return
        self._named.add(name)
        ruleset = self._library.rulesets[name]
        notices = f" ({', '.join(head['notices'])})" if head["notices"] else ""
        self._line(click.style(f"{name}: {ruleset.title['zh']}, {ruleset.document.cited_as}{notices}", dim=True))

    def end(self, totals: Totals, remarks: Sequence[tuple[str, str]]) -> None:
        """The sums."""
        judged = sum(totals.outcomes.values())
        counted = ", ".join(f"{number:,} {verdict}" for verdict, number in totals.outcomes.most_common())
        self._line("")
        self._line(click.style(f"{judged:,} records judged{': ' if counted else ''}{counted}", bold=True))
        if any(totals.counts.values()):
            self._line("verdicts: " + ", ".join(f"{n:,} {verdict}" for verdict, n in totals.counts.items() if n))
        if totals.errors:
            self._line(click.style(f"{totals.errors:,} records not judged", fg="magenta", bold=True))

    def abandon(self) -> None:
        """Nothing is held."""

    def _line(self, text: str) -> None:
        self._echo(f"{text}\n")


def _styled(outcome: str) -> str:
    return click.style(f"{outcome:17}", fg=_COLOURS.get(outcome))


def _fit(text: str, width: int) -> str:
    """The text in exactly so many columns of a terminal, cut where it is longer."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def shown(value: object) -> str:
    """A value as a person reads it."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items()) + "}"
        case _:
            return str(value)
