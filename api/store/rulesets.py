"""Published versions of rulesets: put in once, read, retired; never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from api.store.errors import MigrationError, StoreError
from api.store.pool import Database

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

__all__ = [
    "DigestMoved",
    "NewRuleset",
    "NotPublished",
    "Publication",
    "PublishedRuleset",
    "PublishedRulesets",
    "RetirementRefused",
    "RulesetEntry",
    "sha256_digest",
]

ENTRY = """
    id, version, digest, texts_digest, semantics, document::text AS document, authority, jurisdiction, starts,
    period_first_year, period_last_year, published_at, retired_at, sunset_at
"""
INSERT = """
    INSERT INTO published_ruleset
        (id, version, digest, texts_digest, semantics, closure, texts, document, authority, jurisdiction, starts,
         period_first_year, period_last_year)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13)
    ON CONFLICT (id, version) DO NOTHING
    RETURNING published_at
"""
SHOW = f"SELECT {ENTRY}, closure, texts FROM published_ruleset WHERE id = $1 AND version = $2"
LIST = f"""
    SELECT {ENTRY} FROM published_ruleset
    WHERE ($1::text IS NULL OR id = $1) AND ($2 OR retired_at IS NULL)
    ORDER BY id, version
"""
RETIRE = """
    UPDATE published_ruleset SET retired_at = coalesce(retired_at, $3), sunset_at = coalesce($4, sunset_at)
    WHERE id = $1 AND version = $2
"""


def sha256_digest(content: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRuleset:
    """One version to publish.

    `closure` and `texts` are the canonical bytes that `digest` and `texts_digest` are made of; `ValueError` if they are
    not. `document` is plain data as JSON has it; `period` the first and the last year.
    """

    id: str
    version: str
    digest: str
    texts_digest: str
    semantics: str
    closure: bytes
    texts: bytes
    document: Mapping[str, Any]
    authority: str
    jurisdiction: str
    starts: date | None
    period: tuple[int, int] | None

    def __post_init__(self) -> None:
        for digest, content in ((self.digest, self.closure), (self.texts_digest, self.texts)):
            if digest != sha256_digest(content):
                raise ValueError(f"{self.id}@{self.version}: {digest} is not the digest of the bytes given with it")


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesetEntry:
    """What a list of versions shows. Times carry their zone; a retired version has `retired_at`."""

    id: str
    version: str
    digest: str
    texts_digest: str
    semantics: str
    document: Mapping[str, Any]
    authority: str
    jurisdiction: str
    starts: date | None
    period: tuple[int, int] | None
    published_at: datetime
    retired_at: datetime | None
    sunset_at: datetime | None

    @property
    def name(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRuleset(RulesetEntry):
    """A version with what was published, byte for byte."""

    closure: bytes
    texts: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """`stored` is what the database has now; `new` tells whether this call put it there.

    An older row may have other texts or semantics than were given, with equal rules: compare `stored` to find out.
    """

    stored: PublishedRuleset
    new: bool


class DigestMoved(StoreError):
    """A version is published already, with other rules. `stored` has its closure, for explaining what differs."""

    def __init__(self, stored: PublishedRuleset, new: str) -> None:
        super().__init__(
            f"{stored.name} was published on {stored.published_at:%Y-%m-%d} as {stored.digest} and never changes, "
            f"but its rules now give {new}; undo the change, or publish it as a new version"
        )
        self.stored = stored
        self.old = stored.digest
        self.new = new


class NotPublished(StoreError):
    """No such version is published."""

    def __init__(self, ruleset_id: str, version: str) -> None:
        super().__init__(f"{ruleset_id}@{version} is not published")
        self.id = ruleset_id
        self.version = version


class RetirementRefused(StoreError):
    """The dates of a retirement contradict each other, or what was announced before. `stored` is the row as it is."""

    def __init__(self, stored: PublishedRuleset, why: str) -> None:
        super().__init__(f"cannot retire {stored.name}: {why}")
        self.stored = stored


class PublishedRulesets:
    """The published versions in `database`. Every call raises `StoreUnavailable` while there is no connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, ruleset: NewRuleset) -> Publication:
        """Put a version in; does nothing when it is there with the same digest. Raises `DigestMoved` for another."""
        period = ruleset.period or (None, None)
        async with self._database.connection() as connection, connection.transaction():
            inserted = await connection.fetchval(
                INSERT,
                ruleset.id,
                ruleset.version,
                ruleset.digest,
                ruleset.texts_digest,
                ruleset.semantics,
                ruleset.closure,
                ruleset.texts,
                msgspec.json.encode(ruleset.document).decode(),
                ruleset.authority,
                ruleset.jurisdiction,
                ruleset.starts,
                *period,
            )
            stored = await _show(connection, ruleset.id, ruleset.version)
        if stored.digest != ruleset.digest:
            raise DigestMoved(stored, ruleset.digest)
        return Publication(stored, new=inserted is not None)

    async def retire(
        self, ruleset_id: str, version: str, *, at: datetime, sunset_at: datetime | None = None
    ) -> PublishedRuleset:
        """Retire a version from `at` on; it stays readable, until `sunset_at` at least.

        A version that is retired keeps its first date; a sunset may be added or put off. Raises `NotPublished`, and
        `RetirementRefused` for a sunset before the retirement or before the one announced.
        """
        async with self._database.connection() as connection:
            try:
                await connection.execute(RETIRE, ruleset_id, version, at, sunset_at)
            except asyncpg.RestrictViolationError as error:
                stored = await _show(connection, ruleset_id, version)
                raise RetirementRefused(stored, str(error)) from error
            except asyncpg.CheckViolationError as error:
                stored = await _show(connection, ruleset_id, version)
                raise RetirementRefused(stored, "its sunset would come before its retirement") from error
            return await _show(connection, ruleset_id, version)

    async def list(self, ruleset_id: str | None = None, *, retired: bool = True) -> tuple[RulesetEntry, ...]:
        """All versions, or those of one ruleset, by id and version in code-point order; `retired=False` drops those.

        Raises `MigrationError` in a database without our tables.
        """
        async with self._database.connection() as connection:
            try:
                rows = await connection.fetch(LIST, ruleset_id, retired)
            except asyncpg.UndefinedTableError as error:
                raise MigrationError("the tables of published rulesets are missing in the database") from error
        return tuple(RulesetEntry(**_entry(row)) for row in rows)

    async def show(self, ruleset_id: str, version: str) -> PublishedRuleset:
        """One version with its content. Raises `NotPublished`."""
        async with self._database.connection() as connection:
            return await _show(connection, ruleset_id, version)


async def _show(connection: PoolConnectionProxy[asyncpg.Record], ruleset_id: str, version: str) -> PublishedRuleset:
    row = await connection.fetchrow(SHOW, ruleset_id, version)
    if row is None:
        raise NotPublished(ruleset_id, version)
    return PublishedRuleset(**_entry(row), closure=row["closure"], texts=row["texts"])


def _entry(row: asyncpg.Record) -> dict[str, Any]:
    entry = {key: value for key, value in row.items() if key not in {"closure", "texts"}}
    first, last = entry.pop("period_first_year"), entry.pop("period_last_year")
    return {
        **entry,
        "document": msgspec.json.decode(entry["document"]),
        "period": None if first is None else (first, last),
    }
