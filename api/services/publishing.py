"""Rulesets of the library ↔ published versions of a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from api.services.standing import Standing, Standings
from api.store.migrate import migrate
from api.store.pool import Limits, open_database
from api.store.rulesets import DigestMoved, NewRuleset, PublishedRuleset, PublishedRulesets
from engine.compare.closures import differences, explain
from engine.digests import SEMANTICS, canonical, closure, text_closure
from engine.registry import Library

__all__ = ["explanation", "new_ruleset", "prepare", "publish_recorded", "read_standings", "recorded_moves"]


def new_ruleset(library: Library, name: str) -> NewRuleset:
    """A version of the library, ready to be published."""
    ruleset, facts = library.rulesets[name], library.dictionary.facts
    meaning, texts = library.digests[name]
    around = text_closure(ruleset, facts)
    document: Mapping[str, Any] = msgspec.to_builtins(around["document"])
    return NewRuleset(
        id=ruleset.id,
        version=ruleset.version,
        digest=meaning,
        texts_digest=texts,
        semantics=SEMANTICS,
        closure=canonical(closure(ruleset, facts)),
        texts=canonical(around),
        document={key: value for key, value in document.items() if key != "is"},
        authority=ruleset.document.authority,
        jurisdiction=ruleset.jurisdiction,
        starts=ruleset.starts,
        period=ruleset.period,
    )


def explanation(stored: PublishedRuleset, library: Library) -> str:
    """Why the files of a version are not what was published: one sentence, then a line for each difference."""
    new = new_ruleset(library, stored.name)
    documents = [msgspec.json.decode(body) for body in (stored.closure, new.closure, stored.texts, new.texts)]
    return f"{DigestMoved(stored, new.digest)}\n{explain(differences(*documents))}"


async def publish_recorded(rulesets: PublishedRulesets, library: Library) -> None:
    """Put the versions of `published.csv` in that the database lacks. Raises StoreError."""
    if not library.publications:
        return
    there = {entry.name for entry in await rulesets.list()}
    for name in library.publications:
        if name not in there:
            try:
                await rulesets.publish(new_ruleset(library, name))
            except DigestMoved:
                # Another server was faster, with other rules: whoever reads the standings sees it as refused.
                continue


async def read_standings(rulesets: PublishedRulesets, library: Library, before: Standings | None = None) -> Standings:
    """How the versions of the library stand. Raises StoreError.

    `before` saves reading again what was refused then already.
    """
    known = {} if before is None else before.refused
    entries = [entry for entry in await rulesets.list() if entry.name in library.rulesets]
    refused: dict[str, str] = {}
    for entry in entries:
        if entry.digest != library.digests[entry.name][0]:
            refused[entry.name] = known.get(entry.name) or explanation(
                await rulesets.show(entry.id, entry.version), library
            )
    standings = {e.name: Standing(e.published_at, e.retired_at, e.sunset_at) for e in entries}
    return Standings(frozenset(library.publications), standings, refused)


async def prepare(dsn: str, library: Library, *, patience_s: float) -> Standings:
    """Migrate a database, put in what `published.csv` lists, and read the standings, once.

    Waits at most about `patience_s` for a connection, and for another server that migrates. Raises StoreError.
    """
    await migrate(dsn, connect_timeout_s=patience_s, lock_timeout_s=patience_s)
    async with await open_database(dsn, Limits(connections=1)) as database:
        rulesets = PublishedRulesets(database)
        await publish_recorded(rulesets, library)
        return await read_standings(rulesets, library)


async def recorded_moves(rulesets: PublishedRulesets, library: Library) -> dict[str, str]:
    """For each version whose files moved away from `published.csv`: what differs, if the database knows it.

    Raises StoreError.
    """
    known = {entry.name: entry.digest for entry in await rulesets.list()}
    return {
        name: explanation(await rulesets.show(row.id, row.version), library)
        for name, row in library.publications.items()
        if name in library.rulesets and known.get(name) == row.digest != library.digests[name][0]
    }
