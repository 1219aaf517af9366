"""`xueheng check`: the records of a file, judged without a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from api.cli.opening import open_library
from api.cli.options import rulesets_option
from api.cli.outputs import OUTPUTS, output_for
from api.cli.progress import watched
from api.problems import Problem
from api.reports.remarks import Noticed, Remark, not_given
from api.reports.results import Judged, Totals, Writer
from api.services.checking import Checker, WorkerLost, judged_blocks
from api.services.originals import open_originals
from api.services.plans import Plans
from api.tabular.names import BadHeadings
from api.tabular.opening import INPUTS, kind_of, open_table
from api.tabular.records import BadFile, Defaults, Table
from api.wire.requests import BatchOptions, read_options
from engine.registry import Library
from engine.words import EVIDENCE, FORCES, SUBJECTS

__all__ = ["check"]

_PROBLEMS_SHOWN = 40
_GRAVITY = ("non_compliant", "insufficient_data")


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--division", metavar="CODE", help="GB/T 2260 code of records that name none.")
@click.option("--subject", type=click.Choice(SUBJECTS), metavar="SUBJECT", help="Subject of records that name none.")
@click.option("--as-of", metavar="DATE", help="The day to judge by, as 2026-11-22. Without it: today.")
@click.option("--input", "kind", type=click.Choice(INPUTS), help="What FILE is. Without it: by its name.")
@click.option("--sheet", metavar="NAME", help="The sheet of a workbook. Without it: the only one with headings.")
@click.option("--encoding", help="Encoding of a CSV file. Without it: UTF-8, else GB18030.")
@click.option("--ignore", multiple=True, metavar="HEADING", help="A column that holds no facts. May be repeated.")
@click.option("--ruleset", metavar="ID", help="Judge by this ruleset (id or id@version), whoever governs.")
@click.option("--authority", type=click.Choice(("any", "official")), help="`official`: documents in force only.")
@click.option("--include", multiple=True, metavar="ID", help="A ruleset further up the tree to judge by as well.")
@click.option("--evidence", multiple=True, type=click.Choice(EVIDENCE), help="Only rules with this evidence.")
@click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Only rules of this topic.")
@click.option("--force", multiple=True, type=click.Choice(FORCES), help="Only rules of this force.")
@click.option("--parameters", metavar="JSON", help='Parameters, as {"national@2017.1": {"id": value}}.')
@click.option("--output", "-o", metavar="FILE", help="Write here instead of standard output.")
@click.option("--format", "form", type=click.Choice(OUTPUTS), help="Form of the output. Without it: by its name.")
@click.option("--language", type=click.Choice(("zh", "en")), default="zh", show_default=True, help="Of a workbook.")
@click.option("--detail", type=click.Choice(("codes", "findings", "full")), help="Detail of NDJSON output.")
@click.option(
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="XUEHENG_SOURCES",
    help="Folder of originals, for quotations with --detail full.",
)
@click.option("--fail-on", type=click.Choice(_GRAVITY), help="Exit with 3 when a record's outcome is this or worse.")
@click.option("--processes", type=click.IntRange(1, 256), help="Processes that judge. Without it: one a processor.")
@rulesets_option
def check(
    file: BinaryIO,
    division: str | None,
    subject: str | None,
    as_of: str | None,
    kind: str | None,
    sheet: str | None,
    encoding: str | None,
    ignore: tuple[str, ...],
    output: str | None,
    form: str | None,
    language: str,
    detail: str | None,
    sources: Path | None,
    fail_on: str | None,
    processes: int | None,
    folder: Path,
    **limits: str | tuple[str, ...] | None,
) -> None:
    """Judge the records of FILE (CSV, NDJSON, Parquet, XLSX; - is standard input) by the rulesets of their places.

    An NDJSON record is one of the batch interface: {"division", "subject", "id", "facts"}. The other files have
    headings: facts by name, alias or label; `fact@2025` for one period of a fact, `fact.item` for one item
    of a checklist; id, division, subject and parent unless given as options. An empty cell is a missing fact.

    Sheets are read as offices send them: titles above the headings, merged heads, full-width digits, percent signs,
    是/否, units behind numbers. Numbers count with 15 significant digits. What can be read in two ways is refused with
    its cell.

    A record that is wrong is reported with its row and column, and the others are judged.

    \b
    Exit code:
      0  every record was judged
      1  at least one record could not be judged
      2  the command was called wrongly, or the file or the rulesets cannot be read, or the results not be written
      3  with --fail-on: every record was judged, and one of them is that bad
      130  stopped by Ctrl-C; a named output is then as it was before
    """
    name = getattr(file, "name", "-")
    library = open_library(folder)
    wanted = output_for(form, output, detail, language, name)
    today = datetime.now().astimezone().date().isoformat()
    if as_of is None:
        click.echo(f"as of today, {today}", err=True)
    options = _options(as_of or today, wanted.detail, limits)
    with _told(name):
        with _reading():
            table = _table(file, kind or _kind(name), encoding, sheet, ignore, Defaults(division, subject), library)
        plans = Plans(library, open_originals(sources, library.rulesets.values()))
        checker = Checker(plans, options, wanted.form_of(library), "en")
        run = _Run(table, checker, plans, options)
        with wanted.opened(library, {"as_of": options.as_of, "file": Path(name).name}) as writer:
            totals = run.into(writer, processes or len(os.sched_getaffinity(0)), quiet=wanted.on_terminal)
    for _, remark in run.remarks:
        click.echo(f"note: {remark}", err=True)
    _exit(totals, fail_on)


def _kind(name: str) -> str:
    kind = kind_of(name)
    if kind is None:
        raise click.UsageError(f"is {name} CSV, NDJSON, Parquet or a workbook? Say so with --input")
    return kind


def _options(as_of: str, detail: str, limits: dict[str, str | tuple[str, ...] | None]) -> BatchOptions:
    pairs = [("as_of", as_of), ("detail", detail)]
    for name, value in limits.items():
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        pairs.extend((name, text) for text in values)
    try:
        return read_options(pairs)
    except Problem as problem:
        raise click.UsageError(_sentence(problem)) from None


def _table(
    file: BinaryIO,
    kind: str,
    encoding: str | None,
    sheet: str | None,
    ignore: tuple[str, ...],
    defaults: Defaults,
    library: Library,
) -> Table:
    for option, value, only in (("--sheet", sheet, "xlsx"), ("--encoding", encoding, "csv")):
        if value is not None and kind != only:
            raise click.UsageError(f"{option} says nothing about a file that is read as {kind}")
    facts = library.dictionary.facts.values()
    try:
        table, guessed = open_table(file, kind, facts, defaults, ignored=ignore, encoding=encoding, sheet=sheet)
    except LookupError:
        raise click.BadParameter(f"there is no encoding `{encoding}`", param_hint="--encoding") from None
    if guessed is not None:
        click.echo(f"read as {guessed.upper()}", err=True)
    return table


class _Run:
    """One file going through, with what is noticed on the way."""

    def __init__(self, table: Table, checker: Checker, plans: Plans, options: BatchOptions) -> None:
        self._table = table
        self._checker = checker
        self._plans = plans
        self.remarks: list[Remark] = []

    def into(self, writer: Writer, processes: int, *, quiet: bool) -> Totals:
        totals, noticed = Totals(), Noticed()
        noticed.add(self._table.notices)
        blocks = _read(judged_blocks(self._table, self._checker, processes))
        for judged in watched(blocks, self._table.progress, hidden=quiet):
            totals.add(judged.totals)
            noticed.add(judged.notices)
            writer.block(judged)
            if judged.stopped is not None:
                break
        self.remarks = [*noticed.remarks(), *self._unseen(totals)]
        writer.end(totals, self.remarks)
        return totals

    def _unseen(self, totals: Totals) -> list[Remark]:
        """Facts that rules read and that no record gave; where records are JSON, each says itself what it lacks."""
        if self._table.origin.given is None:
            return []
        wanted = {
            name: spec.label["zh"]
            for ruleset, subject in sorted(totals.subjects)
            for name, spec in self._plans.get(ruleset, subject).program.facts.items()
            if spec.derive is None and name not in totals.given
        }
        return not_given(sorted(wanted.items()))


def _read(blocks: Iterator[Judged]) -> Iterator[Judged]:
    """The blocks; what the system says while the file is read is told of the file."""
    with _reading():
        yield from blocks


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadFile(f"it cannot be read to the end: {error.strerror or error}") from None


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Mistakes that concern the whole file end the command with exit code 2."""
    try:
        yield
    except (BadFile, WorkerLost) as error:
        raise click.UsageError(f"{name}: {error}") from None
    except BadHeadings as error:
        listed = "".join(f"\n  {problem}" for problem in error.problems[:_PROBLEMS_SHOWN])
        more = len(error.problems) - _PROBLEMS_SHOWN
        listed += f"\n  and {more:,} more" if more > 0 else ""
        advice = "leave a column of another kind out with --ignore HEADING"
        raise click.UsageError(f"{name}: the headings cannot be used:{listed}\n{advice}") from None
    except Problem as problem:
        raise click.UsageError(_sentence(problem)) from None


def _sentence(problem: Problem) -> str:
    return f"{problem.detail}; {problem.help}" if problem.help else problem.detail


def _exit(totals: Totals, fail_on: str | None) -> None:
    if totals.errors:
        raise click.exceptions.Exit(1)
    if fail_on is not None:
        bad = _GRAVITY[: _GRAVITY.index(fail_on) + 1]
        if any(totals.outcomes[verdict] for verdict in bad):
            raise click.exceptions.Exit(3)
