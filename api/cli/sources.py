"""`xueheng sources`: the citations against the original documents."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.options import rulesets_option
from api.files import read_originals, read_rulesets
from engine.check.ir import Ruleset
from engine.citations.verify import Drift, Proof, verify
from engine.diagnostics import did_you_mean
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
    in its clause, that each sentence gave a rule or has a reason why not, and that no words stand outside
    the ledger. A ruleset of facts only (its original is not at hand) is skipped and named.

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
