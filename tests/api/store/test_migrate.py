"""Migrations run once, in order, and never on a database that does not fit."""

import asyncio
import hashlib
from pathlib import Path

import asyncpg
import pytest

from api.store.errors import DatabaseTooNew, MigrationChanged, MigrationError, StoreUnavailable
from api.store.migrate import FOLDER, LOCK, Migration, migrate, read_migrations

pytestmark = pytest.mark.anyio


def migration(number: int, sql: str) -> Migration:
    return Migration(number, f"{number:04}_test", sql, hashlib.sha256(sql.encode()).hexdigest())


FIRST = migration(1, "CREATE TABLE ran (what text); INSERT INTO ran VALUES ('first');")
SECOND = migration(2, "INSERT INTO ran VALUES ('second');")
SLOW = migration(1, "SELECT pg_sleep(0.3); CREATE TABLE ran (what text); INSERT INTO ran VALUES ('first');")
BROKEN = migration(2, "INSERT INTO ran VALUES ('half'); INSERT INTO no_such_table VALUES (1);")


async def ran(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row["what"] for row in await connection.fetch("SELECT what FROM ran")]
    finally:
        await connection.close()


async def test_each_runs_once_in_order(dsn: str) -> None:
    assert await migrate(dsn, (FIRST,)) == ("0001_test",)
    assert await migrate(dsn, (FIRST,)) == ()
    assert await migrate(dsn, (FIRST, SECOND)) == ("0002_test",)
    assert await migrate(dsn, (FIRST, SECOND)) == ()
    assert await ran(dsn) == ["first", "second"]


async def test_servers_that_start_together(dsn: str) -> None:
    done = await asyncio.gather(*(migrate(dsn, (SLOW, SECOND)) for _ in range(4)))
    assert sorted(done, key=len) == [(), (), (), ("0001_test", "0002_test")]
    assert await ran(dsn) == ["first", "second"]


async def test_waiting_for_another_server_has_an_end(dsn: str) -> None:
    other = await asyncpg.connect(dsn)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", LOCK)
        with pytest.raises(StoreUnavailable, match="another server has been migrating"):
            await migrate(dsn, (FIRST,), lock_timeout_s=0.2)
    finally:
        await other.close()
    assert await migrate(dsn, (FIRST,)) == ("0001_test",)


async def test_a_change_to_one_that_ran_is_refused(dsn: str) -> None:
    await migrate(dsn, (FIRST,))
    changed = migration(1, FIRST.sql + "-- harmless")
    with pytest.raises(MigrationChanged, match=r"0001_test reads differently.*a change is a new migration"):
        await migrate(dsn, (changed, SECOND))
    assert await ran(dsn) == ["first"]


async def test_a_newer_database_is_refused(dsn: str) -> None:
    await migrate(dsn, (FIRST, SECOND))
    with pytest.raises(DatabaseTooNew, match=r"newer release \(0002_test unknown here\)"):
        await migrate(dsn, (FIRST,))


async def test_a_gap_in_the_record_is_refused(dsn: str) -> None:
    await migrate(dsn, (FIRST, SECOND))
    connection = await asyncpg.connect(dsn)
    await connection.execute("DELETE FROM schema_migration WHERE number = 1")
    await connection.close()
    with pytest.raises(MigrationError, match="has a gap"):
        await migrate(dsn, (FIRST, SECOND))


async def test_one_that_fails_leaves_nothing_of_itself(dsn: str) -> None:
    with pytest.raises(MigrationError, match='0002_test failed and was rolled back: relation "no_such_table"'):
        await migrate(dsn, (FIRST, BROKEN))
    assert await ran(dsn) == ["first"]
    assert await migrate(dsn, (FIRST, SECOND)) == ("0002_test",)
    assert await ran(dsn) == ["first", "second"]


async def test_a_connection_cut_in_the_middle(dsn: str) -> None:
    cut = migration(1, "SELECT pg_terminate_backend(pg_backend_pid());")
    with pytest.raises(StoreUnavailable, match="while migrating"):
        await migrate(dsn, (cut,))
    assert await migrate(dsn, (FIRST,)) == ("0001_test",)


async def test_without_a_server(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot connect"):
        await migrate(f"postgresql://x@/x?host={tmp_path}", (FIRST,))


async def test_the_released_ones_run(dsn: str) -> None:
    released = read_migrations()
    assert await migrate(dsn) == tuple(each.name for each in released)
    assert await migrate(dsn) == ()


def test_file_names(tmp_path: Path) -> None:
    assert [path.stem for path in sorted(FOLDER.glob("*"))] == [each.name for each in read_migrations()]
    (tmp_path / "0001_a.sql").write_text("SELECT 1")
    (tmp_path / "0003_b.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match=r"without a gap, not \[1, 3\]"):
        read_migrations(tmp_path)
    (tmp_path / "2.sql").write_text("SELECT 1")
    with pytest.raises(ValueError, match=r"not `2\.sql`"):
        read_migrations(tmp_path)
