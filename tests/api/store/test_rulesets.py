"""Published rulesets: put in once, retired once, never changed, by nobody."""

import asyncio
import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from api.store.pool import Database
from api.store.rulesets import (
    DigestMoved,
    NewRuleset,
    NotPublished,
    PublishedRulesets,
    RetirementRefused,
    sha256_digest,
)

pytestmark = pytest.mark.anyio

DAY = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
DOCUMENT = {"title": {"zh": "教育规划"}, "number": "鄂教督委发〔2021〕2号", "signed": "2021-10-08", "note": None}


def ruleset(
    name: str = "erdos@2021.1", closure: bytes = b'{"rules":[1]}', texts: bytes = b"{}", **given: Any
) -> NewRuleset:
    ruleset_id, _, version = name.partition("@")
    fields: dict[str, Any] = {
        "document": DOCUMENT,
        "authority": "in_force",
        "jurisdiction": "150600",
        "semantics": "1",
        "starts": date(2021, 10, 8),
        "period": (2021, 2025),
    }
    return NewRuleset(
        id=ruleset_id,
        version=version,
        digest=sha256_digest(closure),
        texts_digest=sha256_digest(texts),
        closure=closure,
        texts=texts,
        **{**fields, **given},
    )


@pytest.fixture
def published(database: Database) -> PublishedRulesets:
    return PublishedRulesets(database)


async def test_what_goes_in_comes_out(published: PublishedRulesets) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    given = ruleset(closure="规则\0".encode(), texts=b"\xff\x00")
    publication = await published.publish(given)
    assert publication.new
    stored = await published.show("erdos", "2021.1")
    assert stored == publication.stored
    assert stored.name == "erdos@2021.1"
    for field in dataclasses.fields(given):
        assert getattr(stored, field.name) == getattr(given, field.name)
    assert before < stored.published_at < datetime.now(UTC) + timedelta(minutes=1)
    assert (stored.retired_at, stored.sunset_at) == (None, None)


async def test_a_ruleset_without_dates(published: PublishedRulesets) -> None:
    stored = (await published.publish(ruleset(starts=None, period=None, authority="unclear"))).stored
    assert (stored.starts, stored.period, stored.authority) == (None, None, "unclear")


async def test_publishing_again_changes_nothing(published: PublishedRulesets) -> None:
    first = await published.publish(ruleset())
    again = await published.publish(ruleset(texts=b'{"corrected": true}', semantics="2"))
    assert not again.new
    assert again.stored == first.stored


async def test_a_moved_digest_is_refused_with_what_was_stored(published: PublishedRulesets) -> None:
    first = await published.publish(ruleset())
    moved = ruleset(closure=b'{"rules":[2]}')
    with pytest.raises(DigestMoved, match=r"erdos@2021.1 was published on .* publish it as a new version") as refusal:
        await published.publish(moved)
    assert (refusal.value.old, refusal.value.new) == (first.stored.digest, moved.digest)
    assert refusal.value.stored.closure == b'{"rules":[1]}'
    assert await published.show("erdos", "2021.1") == first.stored


async def test_publishing_at_the_same_time(published: PublishedRulesets) -> None:
    publications = await asyncio.gather(*(published.publish(ruleset()) for _ in range(4)))
    assert sorted(publication.new for publication in publications) == [False, False, False, True]
    assert len({publication.stored.published_at for publication in publications}) == 1


def test_a_digest_must_be_of_the_bytes() -> None:
    with pytest.raises(ValueError, match=r"erdos@2021.1: sha256:.* is not the digest"):
        dataclasses.replace(ruleset(), texts=b"other")


async def test_lists(published: PublishedRulesets) -> None:
    for name in ("hanzhong@2023-draft.1", "erdos@2021.2", "erdos@2021.10", "Erdos@1"):
        await published.publish(ruleset(name))
    await published.retire("erdos", "2021.10", at=DAY)
    assert [entry.name for entry in await published.list()] == [
        "Erdos@1",
        "erdos@2021.10",
        "erdos@2021.2",
        "hanzhong@2023-draft.1",
    ]
    assert [entry.name for entry in await published.list("erdos", retired=False)] == ["erdos@2021.2"]
    assert await published.list("nowhere") == ()
    assert not hasattr((await published.list())[0], "closure")


async def test_what_is_not_there(published: PublishedRulesets) -> None:
    with pytest.raises(NotPublished, match=r"erdos@2021.1 is not published"):
        await published.show("erdos", "2021.1")
    with pytest.raises(NotPublished):
        await published.retire("erdos", "2021.1", at=DAY)


async def test_retiring(published: PublishedRulesets) -> None:
    first = (await published.publish(ruleset())).stored
    retired = await published.retire("erdos", "2021.1", at=DAY)
    assert retired == dataclasses.replace(first, retired_at=DAY)
    # Again: the first date stays, a sunset may follow and be put off.
    later = DAY + timedelta(days=90)
    for sunset in (later, later + timedelta(days=1)):
        again = await published.retire("erdos", "2021.1", at=DAY + timedelta(days=1), sunset_at=sunset)
        assert again == dataclasses.replace(retired, sunset_at=sunset)
    assert await published.retire("erdos", "2021.1", at=DAY) == again
    with pytest.raises(RetirementRefused, match="only be put off"):
        await published.retire("erdos", "2021.1", at=DAY, sunset_at=later)
    assert await published.show("erdos", "2021.1") == again
    # A retired version is published all the same.
    assert (await published.publish(ruleset())).stored == again


async def test_a_sunset_before_the_retirement_is_refused(published: PublishedRulesets) -> None:
    await published.publish(ruleset())
    with pytest.raises(RetirementRefused, match="its sunset would come before its retirement"):
        await published.retire("erdos", "2021.1", at=DAY, sunset_at=DAY - timedelta(days=1))
    assert (await published.show("erdos", "2021.1")).retired_at is None


async def columns(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = 'published_ruleset' AND table_schema = current_schema()"
        )
    finally:
        await connection.close()
    return [row["column_name"] for row in rows]


CHANGES = {
    "id": "'other'",
    "version": "'9'",
    "digest": "'sha256:' || encode(sha256('x'), 'hex')",
    "texts_digest": "'sha256:' || encode(sha256('x'), 'hex')",
    "semantics": "'2'",
    "closure": "'x'",
    "texts": "'x'",
    "document": """document || '{"note": 1.0}'""",
    "authority": "'repealed'",
    "jurisdiction": "'150601'",
    "starts": "starts + 1",
    "period_first_year": "2020",
    "period_last_year": "NULL",
    "published_at": "published_at + interval '1 microsecond'",
}


@pytest.mark.parametrize("as_replica", [False, True])
async def test_the_database_itself_refuses_every_change(
    dsn: str, published: PublishedRulesets, *, as_replica: bool
) -> None:
    stored = (await published.publish(ruleset())).stored
    assert {*CHANGES, "retired_at", "sunset_at"} == set(await columns(dsn))
    # Even the superuser, even in the mode that skips ordinary triggers.
    connection = await asyncpg.connect(dsn.replace("//xueheng@", "//postgres@"))
    try:
        if as_replica:
            await connection.execute("SET session_replication_role = replica")
        statements = [f"UPDATE published_ruleset SET {column} = {value}" for column, value in CHANGES.items()]
        statements += ["DELETE FROM published_ruleset", "TRUNCATE published_ruleset"]
        statements += ["UPDATE published_ruleset SET retired_at = now(), semantics = '2'"]
        for statement in statements:
            with pytest.raises(asyncpg.RestrictViolationError, match=r"never (changes|removed)"):
                await connection.execute(statement)
        await connection.execute("UPDATE published_ruleset SET retired_at = now()")
        for value in ("NULL", "retired_at + interval '1 day'"):
            with pytest.raises(asyncpg.RestrictViolationError, match="a retirement is final"):
                await connection.execute(f"UPDATE published_ruleset SET retired_at = {value}")
    finally:
        await connection.close()
    after = await published.show("erdos", "2021.1")
    assert dataclasses.replace(after, retired_at=None) == stored


@pytest.mark.parametrize(
    "values",
    [
        "'a', '1', 'sha256:00', sha('t'), '1', 'c', 't', '{}', 'in_force', '15'",
        "'a', '1', sha('c'), 'sha256:00', '1', 'c', 't', '{}', 'in_force', '15'",
        "'a', '1', sha('c'), sha('t'), '1', 'c', 't', '[]', 'in_force', '15'",
        "'a', '1', sha('c'), sha('t'), '1', 'c', 't', '{}', 'perhaps', '15'",
        "'a@b', '1', sha('c'), sha('t'), '1', 'c', 't', '{}', 'in_force', '15'",
        "'a', '', sha('c'), sha('t'), '1', 'c', 't', '{}', 'in_force', '15'",
    ],
)
async def test_the_database_itself_refuses_nonsense(database: Database, values: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "CREATE FUNCTION sha(bytea) RETURNS text LANGUAGE sql AS $$SELECT 'sha256:' || encode(sha256($1), 'hex')$$"
        )
        insert = (
            "INSERT INTO published_ruleset (id, version, digest, texts_digest, semantics, closure, texts, document, "
            f"authority, jurisdiction) VALUES ({values})"
        )
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(insert)


async def test_two_rows_for_one_version_cannot_be(database: Database, published: PublishedRulesets) -> None:
    await published.publish(ruleset())
    async with database.connection() as connection:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO published_ruleset SELECT * FROM published_ruleset")
