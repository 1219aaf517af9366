"""`xueheng lint`: every mistake in the rulesets at once, with place and hint, and their worked cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from api.cli.backends import BACKENDS
from api.cli.options import rulesets_option
from api.cli.publish import moves_of
from api.files import RulesetFiles, read_originals, read_rulesets
from engine import codes
from engine.cascades import without_consequences
from engine.cases import CaseRun, run_cases
from engine.diagnostics import Diagnostic, render_all
from engine.divisions import read_divisions
from engine.lints.run import run_lints
from engine.publications import MOVED
from engine.registry import Library, load_library

__all__ = ["Report", "inspect", "inspect_files", "lint"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and what was found."""

    library: Library
    diagnostics: tuple[Diagnostic, ...]
    ran: int
    withheld: int


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option(
    "--sources",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="XUEHENG_SOURCES",
    help="Folder of originals: with it each figure is looked for in the words that its rule cites.",
)
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@rulesets_option
def lint(paths: tuple[Path, ...], sources: Path | None, strict: bool, folder: Path) -> None:
    """Show every mistake in the rulesets and run their worked cases.

    When there is no mistake, warnings say what an author should look at again: limits that decide nothing,
    percent against ratio, rules, limits and deadlines that no case tests, figures that are not in the text.

    With PATHs only what is wrong in those files or folders is shown; everything is read all the same,
    since rules, clauses and facts refer to each other.

    Exit code: 0 when nothing is wrong (warnings allowed, unless `--strict`), 1 when there are errors, 2 when
    the command was called wrongly.
    """
    shown = [_inside(path, folder) for path in paths]
    report = inspect(folder, sources)
    found = [d for d in report.diagnostics if _wanted(d, shown)]
    if strict:
        found = [replace(d, severity="error") for d in found]
    if found:
        click.echo(render_all(found) + "\n")
    if any(d.code == MOVED for d in found):
        for text in moves_of(report.library):
            click.echo(text + "\n")
    click.echo(_summary(report, found, shown))
    if any(d.severity == "error" for d in found):
        raise click.exceptions.Exit(1)


def inspect(folder: Path, sources: Path | None = None) -> Report:
    """Read, load and check a folder of rulesets and run all its cases on every back end.

    `sources`: a folder of originals. One that is not there is no matter of lint but of `xueheng sources verify`.
    """
    return inspect_files(read_rulesets(folder), sources)


def inspect_files(files: RulesetFiles, sources: Path | None = None) -> Report:
    """The same for files that have been read."""
    diagnostics = list(files.diagnostics)
    divisions = _divisions(files.texts)
    if divisions is not None:
        files.texts.pop("divisions.csv", None)
        diagnostics.append(divisions)
    library = load_library(files.texts, cases=True)
    # Without the table every code would be unknown: one mistake, not hundreds.
    diagnostics += [d for d in library.diagnostics if not (divisions is not None and d.code == "E305")]
    runs: dict[str, CaseRun] = {}
    if "divisions.csv" in files.texts:
        runs = {name: run_cases(library, name, BACKENDS) for name in library.rulesets}
        diagnostics += [d for run in runs.values() for d in run.diagnostics]
    if not any(d.severity == "error" for d in diagnostics):
        texts = _originals(library, sources)
        diagnostics += [d for name, run in runs.items() for d in run_lints(library, name, run.trials, texts.get(name))]
    ran, withheld = sum(run.ran for run in runs.values()), sum(run.withheld for run in runs.values())
    return Report(library, without_consequences(diagnostics, files.texts), ran, withheld)


def _originals(library: Library, sources: Path | None) -> dict[str, str]:
    """The texts of the documents that are in a folder, by ruleset."""
    if sources is None:
        return {}
    files = {name: ruleset.document.file for name, ruleset in library.rulesets.items() if ruleset.document.file}
    bodies = read_originals(sources, files.values())
    return {name: bodies[file].decode("utf-8", "replace") for name, file in files.items() if file in bodies}


def _divisions(texts: dict[str, str]) -> Diagnostic | None:
    """What is wrong with the table of divisions as a whole."""
    if "divisions.csv" not in texts:
        return codes.file_missing("divisions.csv", "rulesets name their places by its codes")
    try:
        read_divisions(texts["divisions.csv"])
    except ValueError as error:
        return codes.table_malformed("divisions.csv", str(error).removeprefix("divisions.csv:").strip())
    return None


def _inside(path: Path, folder: Path) -> str:
    """A path as diagnostics name it, relative to the folder of rulesets."""
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        hint = "name the folder of rulesets with --rulesets" if path.is_dir() else "see --rulesets"
        raise click.BadParameter(f"{path} does not lie in {folder}; {hint}", param_hint="PATH") from None


def _wanted(diagnostic: Diagnostic, shown: Sequence[str]) -> bool:
    if not shown or "." in shown:
        return True
    return any(diagnostic.file == path or diagnostic.file.startswith(path + "/") for path in shown)


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _summary(report: Report, found: Iterable[Diagnostic], shown: Sequence[str]) -> str:
    errors = [d for d in found if d.severity == "error"]
    warnings = [d for d in found if d.severity == "warning"]
    parts = [_counted(len(errors), "error")] if errors else ["no errors"]
    if warnings:
        parts.append(_counted(len(warnings), "warning"))
    if errors or warnings:
        parts[-1] += f" in {_counted(len({d.file for d in (*errors, *warnings)}), 'file')}"
    hidden = len(report.diagnostics) - len(errors) - len(warnings)
    if shown and hidden:
        parts.append(f"{hidden:,} elsewhere")
    rulesets = report.library.rulesets.values()
    looked_at = [
        _counted(len(rulesets), "ruleset"),
        _counted(sum(len(r.rules) for r in rulesets), "rule"),
        _counted(sum(len(r.clauses) for r in rulesets), "clause"),
        _counted(len(report.library.dictionary.facts), "fact"),
        f"{_counted(report.ran, 'case')} on {' and '.join(BACKENDS)}",
    ]
    summary = f"{', '.join(parts)}; {', '.join(looked_at)}"
    if report.withheld:
        summary += f"; until the rules and facts they name are right, {_counted(report.withheld, 'case')} not run"
    return summary
