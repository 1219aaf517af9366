"""Migrations: SQL files that each database runs once, in order."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import structlog

from api.store.errors import DatabaseTooNew, MigrationChanged, MigrationError, StoreUnavailable
from api.store.pool import SUPPORTED_MAJORS, TROUBLE, check_version, said

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

__all__ = ["FOLDER", "Migration", "migrate", "read_migrations"]

log = structlog.get_logger(__name__)

FOLDER = Path(__file__).parent / "migrations"
NAME = re.compile(r"(?P<number>\d{4})_(?P<title>[a-z0-9_]+)\.sql")
# Any number will do that no other program on the same database uses: the first bytes of a digest of our name.
LOCK = int.from_bytes(hashlib.sha256(b"xueheng migrations").digest()[:8], "big", signed=True)
LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; `sha256` is of its bytes, in hexadecimal."""

    number: int
    name: str
    sql: str
    sha256: str


def read_migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The files of `folder`, `0001_title.sql` onwards without a gap; another name is a `ValueError`."""
    migrations = []
    for path in sorted(folder.glob("*.sql")):
        named = NAME.fullmatch(path.name)
        if named is None:
            raise ValueError(f"a migration is called like `0001_title.sql`, not `{path.name}`")
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        migrations.append(Migration(int(named["number"]), path.stem, content.decode("utf-8"), sha256))
    numbers = [migration.number for migration in migrations]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"migrations are numbered from 1 without a gap, not {numbers}")
    return tuple(migrations)


async def migrate(
    dsn: str,
    migrations: tuple[Migration, ...] | None = None,
    *,
    connect_timeout_s: float = 10.0,
    lock_timeout_s: float = 60.0,
) -> tuple[str, ...]:
    """Bring the database at `dsn` up to date; returns the names of the migrations that ran now.

    Each one is a transaction together with its record. Servers that start together wait for each other.

    Raises `MigrationChanged` or `DatabaseTooNew`, having changed nothing; `MigrationError` when one fails, those before
    it kept; `StoreUnavailable` without a connection, or when another server holds the lock for `lock_timeout_s`.
    """
    migrations = read_migrations() if migrations is None else migrations
    try:
        # Not from the pool: its limit on a statement is for requests.
        settings = {"application_name": "xueheng migrations", "lock_timeout": str(round(lock_timeout_s * 1000))}
        connection = await asyncpg.connect(dsn, timeout=connect_timeout_s, server_settings=settings)
    except (asyncpg.PostgresError, asyncpg.ClientConfigurationError, *TROUBLE) as error:
        raise StoreUnavailable(f"cannot connect to PostgreSQL to migrate: {said(error)}") from error
    try:
        check_version(connection.get_server_version(), SUPPORTED_MAJORS)
        return await _migrate(connection, migrations, lock_timeout_s)
    except TROUBLE as error:
        raise StoreUnavailable(f"PostgreSQL failed while migrating: {said(error)}") from error
    except asyncpg.InterfaceError as error:
        if not connection.is_closed():
            raise
        raise StoreUnavailable(f"PostgreSQL closed the connection while migrating: {said(error)}") from error
    finally:
        # The end of the connection frees the lock.
        await connection.close(timeout=connect_timeout_s)


async def _migrate(connection: Connection, migrations: tuple[Migration, ...], lock_timeout_s: float) -> tuple[str, ...]:
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    except asyncpg.LockNotAvailableError as error:
        raise StoreUnavailable(
            f"another server has been migrating this database for {lock_timeout_s:.0f} s; "
            "wait for it, or end its connection `xueheng migrations`"
        ) from error
    # Not only "if not exists": looking first needs no right to create when there is nothing to do.
    if await connection.fetchval("SELECT to_regclass('schema_migration')") is None:
        await connection.execute(LEDGER)
    rows = await connection.fetch("SELECT number, name, sha256 FROM schema_migration ORDER BY number")
    _check_record([(row["number"], row["name"], row["sha256"]) for row in rows], migrations)
    done = []
    for migration in migrations[len(rows) :]:
        try:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.sha256,
                )
        except TROUBLE:
            raise
        except asyncpg.PostgresError as error:
            raise MigrationError(f"migration {migration.name} failed and was rolled back: {error}") from error
        log.info("migration_applied", migration=migration.name)
        done.append(migration.name)
    return tuple(done)


def _check_record(recorded: list[tuple[int, str, str]], migrations: tuple[Migration, ...]) -> None:
    known = {migration.number: migration for migration in migrations}
    newer = [name for number, name, _ in recorded if number not in known]
    if newer:
        raise DatabaseTooNew(
            f"the database was migrated by a newer release ({', '.join(newer)} unknown here); "
            "run that release, or restore the backup made before it"
        )
    for number, name, sha256 in recorded:
        if known[number].sha256 != sha256:
            raise MigrationChanged(
                f"migration {name} reads differently from what this database ran "
                f"(sha256 {sha256[:12]}… there, {known[number].sha256[:12]}… here); "
                "put the file back as released: a change is a new migration"
            )
    if [number for number, _, _ in recorded] != list(range(1, len(recorded) + 1)):
        raise MigrationError("the record of migrations has a gap; restore the table schema_migration from a backup")
