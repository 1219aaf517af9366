"""Rulesets of the library in a real database: put in as they are, refused when they moved, with what differs."""

import dataclasses
from datetime import UTC, date, datetime

import pytest

from api.services.publishing import new_ruleset, prepare, publish_recorded, read_standings, recorded_moves
from api.services.standing import Standings
from api.store.errors import MigrationError, StoreUnavailable
from api.store.pool import Database, open_database
from api.store.rulesets import DigestMoved, PublishedRulesets, sha256_digest
from engine.registry import Library, load_library
from tests.small import small_files

pytestmark = pytest.mark.anyio

TEXT = """
facts:
- {fact: size, type: integer}
rules:
- {id: cap, require: size <= 45}
"""


def library(text: str = TEXT, recorded: str | None = None) -> Library:
    """The small ruleset; `recorded` is the digest that `published.csv` has of it."""
    files = small_files(text)
    if recorded is not None:
        files["published.csv"] = f"id,version,digest,published_on\nsmall,1,{recorded},2026-11-22\n"
    return load_library(files)


MOVED = library(TEXT.replace("45", "50"))
DIGEST = library().digests["small@1"][0]


@pytest.fixture
def published(database: Database) -> PublishedRulesets:
    return PublishedRulesets(database)


def test_the_digest_is_of_the_stored_bytes() -> None:
    new = new_ruleset(library(), "small@1")
    assert new.digest == sha256_digest(new.closure) == DIGEST
    assert new.texts_digest == sha256_digest(new.texts)
    assert (new.starts, new.period, new.jurisdiction) == (date(2021, 5, 17), None, "150600")
    assert new.document["signed"] == "2021-05-17"
    assert "is" not in new.document


async def test_what_is_recorded_is_put_in_once(dsn: str, published: PublishedRulesets) -> None:
    recorded = library(recorded=DIGEST)
    assert not recorded.diagnostics
    first = await prepare(dsn, recorded, patience_s=5)
    assert (set(first.by_name), first.refused, first.recorded) == ({"small@1"}, {}, {"small@1"})
    assert await prepare(dsn, recorded, patience_s=5) == first
    stored = await published.show("small", "1")
    assert (stored.digest, stored.closure) == (DIGEST, new_ruleset(recorded, "small@1").closure)


async def test_what_is_not_recorded_stays_out(dsn: str) -> None:
    standings = await prepare(dsn, library(), patience_s=5)
    assert standings == Standings()
    assert not standings.published("small@1")


async def test_a_moved_version_is_refused_with_what_differs(published: PublishedRulesets) -> None:
    await published.publish(new_ruleset(library(), "small@1"))
    with pytest.raises(DigestMoved):
        await published.publish(new_ruleset(MOVED, "small@1"))
    standings = await read_standings(published, MOVED)
    [text] = standings.refused.values()
    assert text.startswith("small@1 was published on ")
    assert text.endswith("publish it as a new version\n  rule `small/cap` changed require: `size <= 45` → `size <= 50`")
    assert (await read_standings(published, library())).refused == {}


async def test_a_record_against_another_publication_is_refused(dsn: str, published: PublishedRulesets) -> None:
    """An operator published it with other rules before the record came."""
    await published.publish(new_ruleset(MOVED, "small@1"))
    standings = await prepare(dsn, library(recorded=DIGEST), patience_s=5)
    assert "`size <= 50` → `size <= 45`" in standings.refused["small@1"]


async def test_what_moved_away_from_its_record_is_explained(published: PublishedRulesets) -> None:
    moved = library(TEXT.replace("45", "50"), recorded=DIGEST)
    assert [d.code for d in moved.diagnostics] == ["E601"]
    assert await recorded_moves(published, moved) == {}
    await published.publish(new_ruleset(library(), "small@1"))
    [text] = (await recorded_moves(published, moved)).values()
    assert "`size <= 45` → `size <= 50`" in text


async def test_texts_alone_move_nothing(published: PublishedRulesets) -> None:
    await published.publish(new_ruleset(library(), "small@1"))
    files = {path: text.replace("小规划", "大规划") for path, text in small_files(TEXT).items()}
    retitled = load_library(files)
    assert retitled.digests["small@1"][1] != library().digests["small@1"][1]
    assert (await read_standings(published, retitled)).refused == {}
    assert not (await published.publish(new_ruleset(retitled, "small@1"))).new


async def test_a_retirement_is_read(published: PublishedRulesets) -> None:
    await published.publish(new_ruleset(library(), "small@1"))
    at = datetime(2026, 11, 30, 16, tzinfo=UTC)
    await published.retire("small", "1", at=at, sunset_at=at)
    standings = await read_standings(published, library())
    assert dict(standings.retired) == {"small@1": date(2026, 12, 1)}
    assert standings.by_name["small@1"].sunset_at == at


async def test_versions_of_other_libraries_are_none_of_ours(published: PublishedRulesets) -> None:
    other = dataclasses.replace(new_ruleset(library(), "small@1"), version="0")
    await published.publish(other)
    assert await read_standings(published, library()) == Standings()
    await publish_recorded(published, library(recorded=DIGEST))
    assert {entry.name for entry in await published.list()} == {"small@0", "small@1"}


async def test_a_database_without_tables_says_so(dsn: str) -> None:
    async with await open_database(dsn) as database:
        with pytest.raises(MigrationError, match="tables of published rulesets are missing"):
            await read_standings(PublishedRulesets(database), library())


async def test_a_database_that_is_down_is_told_at_once() -> None:
    with pytest.raises(StoreUnavailable):
        await prepare("postgresql://nobody@127.0.0.1:1/none", library(), patience_s=1)
