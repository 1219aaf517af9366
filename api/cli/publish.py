"""`xueheng rulesets publish` and `retire`, and what the database says of a version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from api.cli.database import database_exists, database_of, settings_here, tell_warnings_only
from api.cli.opening import open_library
from api.cli.options import rulesets_option
from engine.registry import Library

if TYPE_CHECKING:
    from api.services.standing import Standings
    from api.store.rulesets import PublishedRulesets

__all__ = ["moves_of", "publish_command", "retire_command", "standing_lines", "standing_word", "standings_of"]

_T = TypeVar("_T")
_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("publish")
@click.argument("names", nargs=-1, required=True, metavar="ID@VERSION...")
@rulesets_option
def publish_command(names: tuple[str, ...], folder: Path) -> None:
    """Publish versions into the database: from then on they can never change.

    The database is that of XUEHENG_DATABASE_URL, else the one under XUEHENG_DATA_DIR, whether a server runs on it
    or not. A version that was published with other rules is refused, and what differs is shown.
    """
    from api.services.publishing import explanation, new_ruleset
    from api.store.rulesets import DigestMoved

    library = open_library(folder)
    for name in names:
        _require_version(library, name)

    async def publish(rulesets: PublishedRulesets) -> bool:
        failed = False
        for name in names:
            new = new_ruleset(library, name)
            try:
                publication = await rulesets.publish(new)
            except DigestMoved as moved:
                click.echo(explanation(moved.stored, library), err=True)
                failed = True
                continue
            stored = publication.stored
            word = "published" if publication.new else f"was published on {_day(stored.published_at)} already"
            click.echo(f"{name} {word}: {stored.digest}")
            if stored.texts_digest != new.texts_digest:
                click.echo(
                    "  its texts (titles, notes, the ledger's prose) read differently now; its rules are the same"
                )
        return failed

    if _run_or_end(publish):
        raise click.exceptions.Exit(1)


@click.command("retire")
@click.argument("name", metavar="ID@VERSION")
@click.option("--on", "day", type=_DAY, help="From this day on it is no longer chosen; without it, from now on.")
@click.option("--sunset", type=_DAY, help="Until this day at least it can be read.")
def retire_command(name: str, day: datetime | None, sunset: datetime | None) -> None:
    """Retire a published version: from then on it is no longer chosen, but a pin still reaches it.

    Days begin at midnight in China. A retirement is final; a sunset can only be put off.
    """
    from api.services.standing import CHINA
    from api.store.rulesets import NotPublished, RetirementRefused

    id_, at, version = name.partition("@")
    if not (id_ and at and version):
        raise click.BadParameter(f"expected id@version, found {name}", param_hint="ID@VERSION")
    begins = datetime.now(CHINA) if day is None else day.replace(tzinfo=CHINA)
    ends = None if sunset is None else sunset.replace(tzinfo=CHINA)

    async def retire(rulesets: PublishedRulesets) -> str:
        try:
            stored = await rulesets.retire(id_, version, at=begins, sunset_at=ends)
        except (NotPublished, RetirementRefused) as error:
            raise click.ClickException(str(error)) from None
        assert stored.retired_at is not None
        until = "" if stored.sunset_at is None else f", readable until {_day(stored.sunset_at)} at least"
        kept = "" if stored.retired_at == begins else " as before: a retirement is final"
        return f"{stored.name} is retired from {_day(stored.retired_at)} on{kept}{until}"

    click.echo(_run_or_end(retire))


def standings_of(library: Library) -> Standings:
    """How the versions stand: by the database where there is one, else by `published.csv` alone."""
    from api.services.publishing import read_standings
    from api.services.standing import Standings
    from api.store.errors import MigrationError, StoreError

    if not database_exists(settings_here()):
        return Standings.of_files(library)

    async def read(rulesets: PublishedRulesets) -> Standings:
        try:
            return await read_standings(rulesets, library)
        except MigrationError:
            # Nobody has published anything into an empty database.
            return Standings.of_files(library)

    try:
        return _run(read, migrating=False)
    except StoreError as error:
        click.echo(f"by the files alone, since the database cannot be asked: {error}", err=True)
        return Standings.of_files(library)


def moves_of(library: Library) -> list[str]:
    """What differs in the published versions whose files moved, as far as there is a database that knows them."""
    from api.services.publishing import recorded_moves
    from api.store.errors import MigrationError, StoreError

    if not database_exists(settings_here()):
        return []

    async def read(rulesets: PublishedRulesets) -> list[str]:
        try:
            return list((await recorded_moves(rulesets, library)).values())
        except MigrationError:
            return []

    try:
        return _run(read, migrating=False)
    except StoreError as error:
        return [f"the database cannot say what differs: {error}"]


def standing_word(library: Library, standings: Standings, name: str) -> str:
    """A version's standing in a few words."""
    if name in standings.refused:
        return "refused"
    standing = standings.by_name.get(name)
    if standing is not None and standing.retired_at is not None:
        return f"retired {_day(standing.retired_at)}"
    if standing is not None:
        return f"published {_day(standing.published_at)}"
    row = library.publications.get(name)
    return "unpublished" if row is None else f"published {row.published_on}"


def standing_lines(library: Library, standings: Standings, name: str) -> list[tuple[str, str | None]]:
    """A version's standing as it is shown with its document."""
    standing = standings.by_name.get(name)
    row = library.publications.get(name)
    published = None if standing is None else f"{_day(standing.published_at)}, into this database"
    retired = None if standing is None or standing.retired_at is None else f"from {_day(standing.retired_at)} on"
    sunset = None if standing is None or standing.sunset_at is None else _day(standing.sunset_at).isoformat()
    return [
        ("recorded", None if row is None else f"{row.published_on}, in published.csv"),
        ("published", published or (None if row is not None else "no")),
        ("retired", retired),
        ("sunset", sunset),
        ("refused", standings.refused.get(name)),
    ]


def _day(at: datetime) -> date:
    from api.services.standing import CHINA

    return at.astimezone(CHINA).date()


def _require_version(library: Library, name: str) -> None:
    if name not in library.rulesets:
        listed = ", ".join(library.rulesets)
        raise click.BadParameter(f"no version is called {name}; there are {listed}", param_hint="ID@VERSION")


def _run_or_end(work: Callable[[PublishedRulesets], Awaitable[_T]]) -> _T:
    from api.store.errors import StoreError

    try:
        return _run(work)
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def _run(work: Callable[[PublishedRulesets], Awaitable[_T]], *, migrating: bool = True) -> _T:
    """Do something with the published rulesets of the command's database. Raises StoreError."""
    from api.store.migrate import migrate
    from api.store.pool import Limits, open_database
    from api.store.rulesets import PublishedRulesets

    async def run(dsn: str) -> _T:
        if migrating:
            await migrate(dsn)
        async with await open_database(dsn, Limits(connections=1)) as database:
            return await work(PublishedRulesets(database))

    tell_warnings_only()
    with database_of(settings_here()) as dsn:
        return asyncio.run(run(dsn))
