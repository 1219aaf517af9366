"""`xueheng rulesets`: what rulesets there are, what stands in them, and how much of a document they cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from rich.cells import cell_len

from api.cli.opening import open_library
from api.cli.options import rulesets_option
from api.cli.publish import publish_command, retire_command, standing_lines, standing_word, standings_of
from api.files import read_rulesets
from engine.check.ir import Due, Rule, Ruleset
from engine.citations.coverage import cover
from engine.nearest import did_you_mean
from engine.registry import Library, load_library

__all__ = ["rulesets"]


@click.group()
def rulesets() -> None:
    """List and show rulesets; publish and retire their versions."""


rulesets.add_command(publish_command)
rulesets.add_command(retire_command)


@rulesets.command("list")
@rulesets_option
def list_command(folder: Path) -> None:
    """One line for each ruleset: number of rules, place, authority, start, whether it is published, document."""
    library = open_library(folder)
    standings = standings_of(library)
    rows = [("ruleset", "rules", "place", "authority", "starts", "standing", "document")]
    for ruleset in library.rulesets.values():
        starts = ruleset.starts.isoformat() if ruleset.starts else "-"
        document = f"{ruleset.document.title['zh']} {ruleset.document.number or ''}".strip()
        rules = f"{len(ruleset.rules):,}"
        place, authority = _place(library, ruleset), ruleset.document.authority
        standing = standing_word(library, standings, ruleset.name)
        rows.append((ruleset.name, rules, place, authority, starts, standing, document))
    _print_table(rows)


@rulesets.command("show")
@click.argument("name", metavar="ID")
@click.option(
    "--conflicts", is_flag=True, help="Only the contradictions and tensions that the document does not resolve."
)
@rulesets_option
def show_command(name: str, conflicts: bool, folder: Path) -> None:
    """A ruleset (id, its newest version, or id@version): its document, its clauses and their rules."""
    library = open_library(folder)
    ruleset = _find(library, name)
    if conflicts:
        _conflicts(ruleset)
        return
    document = ruleset.document
    click.secho(f"{ruleset.name}  {ruleset.title['zh']} / {ruleset.title['en']}", bold=True)
    for word, value in (
        ("document", f"{document.title['zh']} {document.number or ''}".strip()),
        ("issuer", document.issuer["zh"] if document.issuer else None),
        ("place", _place(library, ruleset)),
        ("authority", document.authority),
        ("starts", ruleset.starts),
        ("period", f"{ruleset.period[0]}-{ruleset.period[1]}" if ruleset.period else None),
        ("digest", library.digests[ruleset.name][0]),
        *standing_lines(library, standings_of(library), ruleset.name),
        ("note", document.note),
    ):
        if value is not None:
            click.echo(f"  {word}: {value}")
    for parameter in ruleset.parameters:
        default = "unset" if parameter.default is None else parameter.default
        click.echo(f"  parameter {parameter.id} ({parameter.unit or parameter.type_name}): {default}")
    _clauses(ruleset)


def _clauses(ruleset: Ruleset) -> None:
    """The ledger in the order of the document, each clause with the rules that cite it first."""
    first_cited: dict[str, list[Rule]] = {}
    for rule in ruleset.rules:
        first_cited.setdefault(rule.citation.path, []).append(rule)
    adopted = {rule.id: rule for rule in ruleset.incorporated}
    for clause in ruleset.clauses:
        span = f" [{clause.span[0]}, {clause.span[1]}]" if clause.span else ""
        heading = f"  {clause.heading['zh']}" if clause.heading else ""
        why = f"  ({clause.reason})" if clause.reason else ""
        click.secho(f"\n{clause.path}{span}{heading}{why}", fg="cyan")
        for rule in first_cited.get(clause.path, ()):
            click.echo(f"  {rule.id}  {rule.title['zh']}  [{', '.join(_marks(rule))}]")
            when = f"when {rule.when_text}: " if rule.when_text else ""
            click.echo(f"    {when}{rule.require_text}")
        for adoption in clause.incorporates:
            words = f" [{adoption.span[0]}, {adoption.span[1]}]" if adoption.span else ""
            click.echo(f"  incorporates of {adoption.ruleset}{words}:")
            for id_ in adoption.rules:
                if id_ in adopted:
                    rule = adopted[id_]
                    click.echo(f"    {rule.id}  {rule.title['zh']}  [{', '.join(_marks(rule))}]")


def _marks(rule: Rule) -> list[str]:
    """What a rule is, in few words."""
    marks = ["/".join(rule.subjects), rule.force, rule.evidence]
    if rule.due is not None:
        marks.append(f"due {_due(rule.due)}")
    if rule.starts is not None:
        marks.append(f"from {rule.starts}")
    if rule.until is not None:
        marks.append(f"until {rule.until}")
    if rule.window is not None and rule.period is not None:
        marks.append(f"window {rule.period.key(rule.window[0])} to {rule.period.key(rule.window[1])}")
    elif rule.period is not None:
        marks.append(f"each {rule.period}")
    return marks


def _due(due: Due) -> str:
    if due.unstated:
        return "unstated"
    if due.on is not None:
        return due.on.isoformat()
    if due.table:
        days = sorted({day for _, day in due.table})
        return f"by division, {days[0]} to {days[-1]}"
    parts = [f"{due.years} years after {due.after}"] if due.after is not None else []
    parts += [f"not before {due.earliest}"] if due.earliest is not None else []
    parts += [f"at the latest {due.latest}"] if due.latest is not None else []
    return ", ".join(parts)


def _conflicts(ruleset: Ruleset) -> None:
    """Each linked pair once, in the order of the document: what it says in both places, and how it was read."""
    by_id = {rule.id: rule for rule in ruleset.rules}
    pairs = dict.fromkeys(frozenset((rule.id, other)) for rule in ruleset.rules for other in rule.conflicts_with)
    for number, pair in enumerate(pairs, 1):
        both = [rule for rule in by_id.values() if rule.id in pair]
        click.secho(f"{number}. {both[0].title['zh']} / {both[-1].title['zh']}", bold=True)
        for rule in both:
            figures = ", ".join(rule.figures) or "no figure"
            click.echo(f"  {rule.id}  [{', '.join(_marks(rule))}]")
            for citation in (rule.citation, *rule.also_at):
                span = f" [{citation.span[0]}, {citation.span[1]}]" if citation.span else ""
                click.secho(f"    {citation.path}{span}", fg="cyan")
            click.echo(f"    printed: {figures}")
            click.echo(f"    {f'when {rule.when_text}: ' if rule.when_text else ''}{rule.require_text}")
            if rule.note:
                click.echo(f"    note: {rule.note}")
        click.echo()
    word = "contradiction or tension" if len(pairs) == 1 else "contradictions or tensions"
    click.echo(f"{len(pairs)} {word} in {ruleset.name}")


@rulesets.command("coverage")
@click.argument("names", nargs=-1, metavar="[ID]...")
@rulesets_option
def coverage_command(names: tuple[str, ...], folder: Path) -> None:
    """How much of each document gave rules, why the rest did not, and what is tested and reviewed."""
    library = load_library(read_rulesets(folder).texts, cases=True)
    chosen = [_find(library, name) for name in names] or list(library.rulesets.values())
    for ruleset in chosen:
        _coverage(library, ruleset)
    used = {name for r in library.rulesets.values() for rule in r.rules for name in (*rule.reads, *rule.conditions)}
    unused = len(library.dictionary.facts.keys() - used)
    click.echo(
        f"{len(library.dictionary.facts):,} facts in the dictionary, {unused:,} of them read by no rule directly"
    )


def _coverage(library: Library, ruleset: Ruleset) -> None:
    coverage = cover(ruleset)
    cases = library.cases.get(ruleset.name, ())
    tested = {name.value for case in cases for name, _ in case.expect}
    untested = [rule.id for rule in ruleset.rules if rule.id.split("/", 1)[1] not in tested]
    click.secho(ruleset.name, bold=True)
    incorporating = f", {coverage.incorporating:,} that adopt another's rules" if coverage.incorporating else ""
    consequences = f", {coverage.with_consequences:,} with consequences" if coverage.with_consequences else ""
    click.echo(f"  {coverage.clauses:,} clauses, {coverage.with_rules:,} with rules{consequences}{incorporating}")
    click.echo(f"  clauses without rules: {_counts(coverage.without_rules)}")
    click.echo(f"  parts of the others without rules: {_counts(coverage.parts_without_rule)}")
    points = coverage.code_points
    if points is None:
        click.echo("  its original is not at hand, so its text cannot be measured")
    else:
        click.echo(
            f"  {points.in_clauses:,} of {points.document:,} code points in clauses: rules cite {points.cited:,}"
            f" ({points.cited_percent} %), {points.with_reason:,} more have a reason"
        )
    click.echo(
        f"  {coverage.rules:,} rules: {_counts(coverage.rules_by_evidence)}; {_counts(coverage.rules_by_force)};"
        f" {_counts(coverage.rules_by_subject)}"
    )
    if ruleset.incorporated:
        sources = Counter(rule.citation.ruleset for rule in ruleset.incorporated)
        entries = [adoption for clause in ruleset.clauses for adoption in clause.incorporates]
        read = sum(1 for adoption in entries if adoption.reviewed)
        click.echo(
            f"  incorporated: {', '.join(f'{n:,} rules of {name}' for name, n in sources.items())};"
            f" {read:,} of {len(entries):,} entries reviewed"
        )
    if coverage.consequences:
        click.echo(f"  {coverage.consequences:,} consequences")
    reviewed = sum(1 for rule in ruleset.rules if rule.reviewed)
    click.echo(f"  {reviewed:,} reviewed against the original; {len(cases):,} worked cases")
    if coverage.contradictions:
        hint = f"see `rulesets show {ruleset.id} --conflicts`"
        click.echo(f"  contradictions or tensions: {coverage.contradictions:,}, {hint}")
    if untested:
        click.echo(f"  without a worked case: {', '.join(untested)}")


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {word}" for word, number in counted.items() if number) or "none"


def _find(library: Library, name: str) -> Ruleset:
    ruleset = library.find(name)
    if ruleset is None:
        known = [*library.rulesets, *(r.id for r in library.rulesets.values())]
        hint = did_you_mean(name, known) or f"there are {', '.join(library.rulesets)}"
        raise click.BadParameter(f"no ruleset is called {name}; {hint}", param_hint="ID")
    return ruleset


def _place(library: Library, ruleset: Ruleset) -> str:
    division = library.divisions.get(ruleset.jurisdiction)
    return f"{division.name} {division.code}" if division else "the whole country"


def _print_table(rows: Iterable[Sequence[str]]) -> None:
    rows = list(rows)
    widths = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        click.secho("  ".join(padded).rstrip(), bold=number == 0)
