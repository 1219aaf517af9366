"""`xueheng sources`: the citations against the original documents."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from api.cli.options import rulesets_option
from api.files import read_originals, read_rulesets
from engine.check.ir import Ruleset
from engine.citations.numerals import PlacedNumeral, place_numerals
from engine.citations.verify import Drift, Proof, verify
from engine.nearest import did_you_mean
from engine.registry import Library, load_library

__all__ = ["sources"]


@click.group()
def sources() -> None:
    """Prove the citations against the original documents."""


@sources.command("verify")
@click.argument("folder_of_originals", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@rulesets_option
def verify_command(folder_of_originals: Path, ids: tuple[str, ...], folder: Path) -> None:
    """Check every span and digest of the rulesets (all, or those named) against the originals in DIR.

    Checked are the SHA-256 and length of each file, the digest of each clause, that each rule's words lie
    in its clause and print its figures, that each sentence gave a rule or has a reason why not, and that no
    words stand outside the ledger. A ruleset of facts only (its original is not at hand) is skipped and named.

    Exit code: 0 when everything is proven, 1 when anything has drifted, 2 when the command was called
    wrongly or a ruleset cannot be loaded.
    """
    library = load_library(read_rulesets(folder).texts)
    chosen = _chosen(library, ids)
    originals = read_originals(folder_of_originals, [r.document.file for r in chosen if r.document.file])
    proofs = [verify(ruleset, originals.get(ruleset.document.file or "")) for ruleset in chosen]
    for proof in proofs:
        _show(proof)
    drifted = [proof for proof in proofs if not proof.sound]
    if drifted:
        total = sum(len(proof.drifts) for proof in drifted)
        click.echo(f"{total:,} drift{'' if total == 1 else 's'} in {len(drifted)} of {len(proofs)} documents")
        raise click.exceptions.Exit(1)


@sources.command("numerals")
@click.argument("folder_of_originals", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("id_", metavar="ID")
@click.option("--all", "everything", is_flag=True, help="Also list marks, and numerals inside fixed words.")
@click.option("--lost", is_flag=True, help="Only the numerals that went nowhere.")
@rulesets_option
def numerals_command(folder_of_originals: Path, id_: str, everything: bool, lost: bool, folder: Path) -> None:
    """List every numeral of a document, also those in words, and what became of it.

    Each line has the place, the numeral among its neighbours, the clause, and the rules whose words hold it
    or the reason why it gave none. `~` marks a numeral that lies in the words of rules but that none of them
    states as a figure. The numbers of lists and sections are counted apart.

    Exit code: 0 when every numeral of the document is accounted for, 1 when one went nowhere or the original
    is not the text that was read, 2 when the command was called wrongly or a ruleset cannot be loaded.
    """
    library = load_library(read_rulesets(folder).texts)
    failed = False
    for ruleset in _chosen(library, (id_,)):
        if ruleset.document.file is None:
            click.echo(f"{ruleset.name}: skipped, its original is not at hand (`source: facts_only`)")
            continue
        text = _original(ruleset, folder_of_originals)
        if text is None:
            failed = True
            continue
        placed = place_numerals(ruleset, text)
        for numeral in placed:
            if numeral.lost if lost else (everything or numeral.counts):
                click.echo(_line(numeral, text, ruleset.id))
        click.echo(_counted(ruleset, placed))
        failed = failed or any(numeral.lost for numeral in placed)
    if failed:
        raise click.exceptions.Exit(1)


def _original(ruleset: Ruleset, folder: Path) -> str | None:
    """The text that the ledger was made from; None, and said so, when it is not in the folder."""
    file = ruleset.document.file or ""
    body = read_originals(folder, [file]).get(file)
    if body is None:
        click.echo(f"{ruleset.name}: {file} is not in {folder}")
        return None
    if hashlib.sha256(body).hexdigest() != ruleset.document.sha256:
        click.echo(f"{ruleset.name}: {file} is not the text that was read: see `xueheng sources verify`")
        return None
    return body.decode("utf-8")


def _line(placed: PlacedNumeral, text: str, own: str) -> str:
    """One numeral. `own`: the id of the ruleset, for telling incorporated rules, which are only counted."""
    numeral = placed.numeral
    before = text[max(0, numeral.start - 4) : numeral.start]
    behind = text[numeral.end : numeral.end + 4]
    shown = "".join(f"{before}【{numeral.text}】{behind}".split())
    return "  ".join(
        (f"[{numeral.start}, {numeral.end}]", shown, placed.clause or "outside the ledger", _fate(placed, own))
    )


def _fate(placed: PlacedNumeral, own: str) -> str:
    if not placed.counts:
        return "list mark" if placed.numeral.kind == "mark" else "in a fixed word"
    if placed.lost:
        return "NOWHERE: no rule's span holds it, and it has no reason under `without_rule`"
    ids = [id_ for id_ in placed.rules if id_.startswith(f"{own}/")]
    incorporated = Counter(id_.split("/", 1)[0] for id_ in placed.rules if id_ not in ids)
    rules = ", ".join([*ids, *(f"{number} rules of {name}" for name, number in incorporated.items())])
    if placed.reason is None:
        return rules if placed.stated else f"~ {rules}"
    note = f": {placed.note}" if placed.note else ""
    return f"({placed.reason}{note})"


def _counted(ruleset: Ruleset, placed: Sequence[PlacedNumeral]) -> str:
    kinds = Counter(p.numeral.kind for p in placed)
    real = [p for p in placed if p.counts]
    stated = sum(p.stated for p in real)
    in_rules = sum(bool(p.rules) and p.reason is None for p in real)
    reasons = Counter(p.reason for p in real if p.reason is not None)
    why = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items())) or "none"
    return (
        f"{ruleset.name}: {len(real):,} numerals ({kinds['figure']:,} in figures, {kinds['word']:,} in words): "
        f"{in_rules:,} in rules, {stated:,} of them stated as figures; without a rule: {why}; "
        f"{sum(p.lost for p in real):,} nowhere; "
        f"besides {kinds['mark']:,} list marks and {kinds['fixed']:,} in fixed words"
    )


def _chosen(library: Library, ids: tuple[str, ...]) -> list[Ruleset]:
    """The rulesets named by `id` (all its versions) or `id@version`; all when none is named."""
    if not library.rulesets:
        raise click.UsageError("there is no ruleset to verify: see `xueheng lint`")
    if not ids:
        return list(library.rulesets.values())
    found: dict[str, Ruleset] = {}
    for id_ in ids:
        named = [r for r in library.rulesets.values() if id_ in (r.id, r.name)]
        if not named:
            known = [*library.rulesets, *(r.id for r in library.rulesets.values())]
            hint = did_you_mean(id_, known) or f"there are {', '.join(library.rulesets)}"
            raise click.BadParameter(f"no ruleset is called {id_}; {hint}", param_hint="ID")
        found.update({r.name: r for r in named})
    return list(found.values())


def _show(proof: Proof) -> None:
    if proof.skipped is not None:
        click.echo(f"{proof.ruleset}: skipped, {proof.skipped}")
        return
    state = "proven" if proof.sound else f"{len(proof.drifts):,} drifted"
    counted = f"{proof.clauses:,} clauses, {proof.citations:,} citations, {proof.sentences:,} sentences"
    click.echo(f"{proof.ruleset}: {state}; {proof.document}, {proof.file}; {counted}")
    for drift in proof.drifts:
        click.echo(f"  {drift.where}: {_told(drift)}")


def _told(drift: Drift) -> str:
    text = f"{drift.detail} [{drift.kind}]"
    if drift.span is not None:
        text = f"[{drift.span[0]}, {drift.span[1]}] {text}"
    if drift.moved_to is not None:
        text += f"; now at [{drift.moved_to[0]}, {drift.moved_to[1]}]"
    return text
