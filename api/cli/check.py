"""`xueheng check`: the records of a file, judged without a server."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import click

from api.cli.headings import BadHeadings
from api.cli.opening import open_library
from api.cli.options import rulesets_option
from api.cli.records import BadFile, Defaults, Row, csv_rows, ndjson_rows, text_lines
from api.cli.results import NdjsonReport, Report, Result, TableReport, results_of
from api.problems import Problem
from api.services.batch import Batch
from api.services.originals import open_originals
from api.services.plans import Plans
from api.settings import Limits
from api.wire.requests import BatchOptions, read_options
from engine.registry import Library
from engine.words import EVIDENCE, FORCES, SUBJECTS

__all__ = ["check"]

_UNLIMITED = Limits(records=2**62, full_records=2**62, batch_seconds=float(2**31))
_KINDS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}
_GRAVITY = ("non_compliant", "insufficient_data")


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--division", metavar="CODE", help="GB/T 2260 code of records that name none.")
@click.option("--subject", type=click.Choice(SUBJECTS), metavar="SUBJECT", help="Subject of records that name none.")
@click.option("--as-of", metavar="DATE", help="The day to judge by, as 2026-11-22. Without it: today.")
@click.option("--input", "kind", type=click.Choice(("csv", "ndjson")), help="What FILE is. Without it: by its name.")
@click.option("--encoding", help="Encoding of a CSV file. Without it: UTF-8, else GB18030.")
@click.option("--ignore", multiple=True, metavar="HEADING", help="A column that holds no facts. May be repeated.")
@click.option("--ruleset", metavar="ID", help="Judge by this ruleset (id or id@version), whoever governs.")
@click.option("--authority", type=click.Choice(("any", "official")), help="`official`: documents in force only.")
@click.option("--include", multiple=True, metavar="ID", help="A ruleset further up the tree to judge by as well.")
@click.option("--evidence", multiple=True, type=click.Choice(EVIDENCE), help="Only rules with this evidence.")
@click.option("--topic", "topics", multiple=True, metavar="TOPIC", help="Only rules of this topic.")
@click.option("--force", multiple=True, type=click.Choice(FORCES), help="Only rules of this force.")
@click.option("--parameters", metavar="JSON", help='Parameters, as {"national@2017.1": {"id": value}}.')
@click.option("--format", "form", type=click.Choice(("table", "ndjson")), default="table", show_default=True)
@click.option("--detail", type=click.Choice(("codes", "findings", "full")), help="Detail of NDJSON output.")
@click.option(
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="XUEHENG_SOURCES",
    help="Folder of originals, for quotations with --detail full.",
)
@click.option("--fail-on", type=click.Choice(_GRAVITY), help="Exit with 3 when a record's outcome is this or worse.")
@rulesets_option
def check(
    file: BinaryIO,
    division: str | None,
    subject: str | None,
    as_of: str | None,
    kind: str | None,
    encoding: str | None,
    ignore: tuple[str, ...],
    form: str,
    detail: str | None,
    sources: Path | None,
    fail_on: str | None,
    folder: Path,
    **limits: str | tuple[str, ...] | None,
) -> None:
    """Judge the records of FILE (NDJSON or CSV; - is standard input) against the rulesets of their places.

    An NDJSON record is one of the batch interface: {"division", "subject", "id", "facts"}. A CSV file has
    headings: facts by name, alias or label; `fact@2025` for one period of a fact, `fact.item` for one item
    of a checklist; id, division and subject unless given as options. An empty cell is a missing fact. Full-width
    digits, a percent sign on a percentage and 是/否 are understood; numbers count with 15 significant digits.

    A record that is wrong is reported with its row and column, and the others are judged.

    \b
    Exit code:
      0  every record was judged
      1  at least one record could not be judged
      2  the command was called wrongly, or the file or the rulesets cannot be read
      3  with --fail-on: every record was judged, and one of them is that bad
    """
    kind = kind or _kind(file.name)
    library = open_library(folder)
    today = datetime.now().astimezone().date().isoformat()
    if as_of is None:
        click.echo(f"as of today, {today}", err=True)
    options = _options(as_of or today, detail if form == "ndjson" else "findings", limits)
    rows = _rows(file, kind, encoding, ignore, Defaults(division, subject), library)
    report: Report = NdjsonReport() if form == "ndjson" else TableReport(library)
    plans = Plans(library, open_originals(sources, library.rulesets.values()))
    try:
        for result in _judged(plans, options, rows):
            report.add(result)
    except (BadFile, BadHeadings) as error:
        raise click.UsageError(f"{file.name}: {_told(error)}") from None
    except Problem as problem:
        raise click.UsageError(_sentence(problem)) from None
    report.end()
    _exit(report, fail_on)


def _kind(name: str) -> str:
    kind = _KINDS.get(Path(name).suffix.lower())
    if kind is None:
        raise click.UsageError(f"is {name} CSV or NDJSON? Say so with --input (workbooks: save the sheet as CSV)")
    return kind


def _options(as_of: str, detail: str | None, limits: dict[str, str | tuple[str, ...] | None]) -> BatchOptions:
    pairs = [("as_of", as_of), ("detail", detail or "findings")]
    for name, value in limits.items():
        values = value if isinstance(value, tuple) else () if value is None else (value,)
        pairs.extend((name, text) for text in values)
    try:
        return read_options(pairs)
    except Problem as problem:
        raise click.UsageError(_sentence(problem)) from None


def _rows(
    file: BinaryIO, kind: str, encoding: str | None, ignore: tuple[str, ...], defaults: Defaults, library: Library
) -> Iterator[Row]:
    if kind == "ndjson":
        return ndjson_rows(file, defaults)
    try:
        lines, chosen = text_lines(file, encoding)
    except LookupError:
        raise click.BadParameter(f"there is no encoding `{encoding}`", param_hint="--encoding") from None
    if encoding is None and not chosen.startswith("utf"):
        click.echo(f"read as {chosen.upper()}", err=True)
    facts = library.dictionary.facts.values()
    own = [spec for spec in facts if defaults.subject is None or defaults.subject in spec.subjects]
    # Facts of the wanted subject first: a heading that several facts share means that subject's.
    return csv_rows(lines, [*own, *(spec for spec in facts if spec not in own)], defaults, ignore)


def _judged(plans: Plans, options: BatchOptions, rows: Iterator[Row]) -> Iterator[Result]:
    """Every line of the batch's reply, beside the row that it answers."""
    waiting: deque[Row] = deque()

    def bodies() -> Iterator[tuple[int, bytes]]:
        for row in rows:
            waiting.append(row)
            yield row.number, row.body

    batch = Batch(plans, options, _UNLIMITED, "en", ndjson=True)
    for block in batch.stream(bodies()):
        for line in block.splitlines():
            yield from results_of(line, waiting)


def _sentence(problem: Problem) -> str:
    return f"{problem.detail}; {problem.help}" if problem.help else problem.detail


def _told(error: BadFile | BadHeadings) -> str:
    if not isinstance(error, BadHeadings):
        return str(error)
    listed = "".join(f"\n  {problem}" for problem in error.problems)
    return f"the headings cannot be used:{listed}\nleave a column of another kind out with --ignore HEADING"


def _exit(report: Report, fail_on: str | None) -> None:
    if report.errors:
        raise click.exceptions.Exit(1)
    if fail_on is not None:
        bad = _GRAVITY[: _GRAVITY.index(fail_on) + 1]
        if any(report.outcomes[verdict] for verdict in bad):
            raise click.exceptions.Exit(3)
