"""The pool: limits, versions, and what it says when the database is not there."""

import asyncio
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.store.embedded import EmbeddedPostgres
from api.store.errors import StoreUnavailable, UnsupportedServer
from api.store.pool import Limits, check_version, open_database

pytestmark = pytest.mark.anyio


def version(major: int) -> Any:
    return asyncpg.types.ServerVersion(major, 4, 0, "final", 0)


@pytest.mark.parametrize("major", [15, 16, 17, 18])
def test_supported_versions(major: int) -> None:
    check_version(version(major))


@pytest.mark.parametrize("major", [9, 14, 19])
def test_other_versions_are_refused(major: int) -> None:
    with pytest.raises(UnsupportedServer, match=rf"is PostgreSQL {major}\.4; use a version from 15 to 18"):
        check_version(version(major))


async def test_an_unsupported_server_is_refused_at_every_use(dsn: str) -> None:
    async with await open_database(dsn, supported=range(15, 18)) as database:
        for _ in range(2):
            with pytest.raises(UnsupportedServer, match="PostgreSQL 18"):
                async with database.connection():
                    pytest.fail("it let us in")
        health = await database.health()
        assert not health.ok
        assert "use a version from 15 to 17" in str(health.reason)


async def test_health_and_use(dsn: str) -> None:
    async with await open_database(dsn, Limits(connections=3)) as database:
        assert database.use().open == 0
        health = await database.health()
        assert health.ok
        assert str(health.server_version).startswith("18.")
        assert 0 < health.seconds < 1
        async with database.connection() as connection:
            assert await connection.fetchval("SHOW application_name") == "xueheng"
            assert (database.use().open, database.use().free, database.use().limit) == (1, 0, 3)
        assert database.use().free == 1


async def test_a_slow_statement_is_given_up_by_the_server(dsn: str) -> None:
    async with await open_database(dsn, Limits(statement_s=0.2)) as database:
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(5)")
        assert time.monotonic() - began < 1
        assert (await database.health()).ok


async def test_a_full_pool_makes_wait_only_so_long(dsn: str) -> None:
    async with await open_database(dsn, Limits(connections=1, acquire_s=0.2)) as database, database.connection():
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="cannot connect"):
            async with database.connection():
                pytest.fail("there was only one")
        assert time.monotonic() - began < 1


async def test_too_many_clients_for_the_server(data_dir: Path) -> None:
    async with (
        EmbeddedPostgres(data_dir, max_connections=5) as server,
        await open_database(server.dsn, Limits(connections=8)) as database,
    ):
        async with database.connection(), database.connection():
            with pytest.raises(StoreUnavailable, match=r"cannot connect.*remaining connection slots"):
                async with database.connection():
                    pytest.fail("the rest is for the superuser")
        assert (await database.health()).ok


async def test_an_error_of_a_statement_is_the_callers(dsn: str) -> None:
    async with await open_database(dsn) as database:
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with database.connection() as connection:
                await connection.fetchval("SELECT 1/0")
        with pytest.raises(asyncpg.InterfaceError):
            async with database.connection() as connection:
                await connection.fetchval("SELECT $1::int")


async def test_a_connection_lost_in_the_middle(dsn: str) -> None:
    async with await open_database(dsn) as database:

        async def cut_off() -> None:
            async with database.connection() as connection:
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        async def cut_off_between_two_statements() -> None:
            async with database.connection() as connection:
                async with database.connection() as other:
                    await other.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
                await asyncio.sleep(0.2)
                await connection.execute("SELECT 1")

        for lose in (cut_off, cut_off_between_two_statements):
            with pytest.raises(StoreUnavailable, match=r"in the middle|closed the connection"):
                await lose()
            assert (await database.health()).ok


async def test_a_transaction_that_is_left_alone_is_ended(dsn: str) -> None:
    async with await open_database(dsn, Limits(idle_in_transaction_s=0.1)) as database:

        async def dawdle() -> None:
            async with database.connection() as connection, connection.transaction():
                await asyncio.sleep(0.5)
                await connection.execute("SELECT 1")

        with pytest.raises(StoreUnavailable):
            await dawdle()
        assert (await database.health()).ok


async def test_without_a_server_opening_works_and_health_says_why(tmp_path: Path) -> None:
    async with await open_database(f"postgresql://x@/x?host={tmp_path}") as database:
        health = await database.health()
        assert not health.ok
        assert "FileNotFoundError" in str(health.reason)
        with pytest.raises(StoreUnavailable, match="cannot connect to PostgreSQL"):
            async with database.connection():
                pytest.fail("there is no server")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("/xueheng?", "/no_such?"), 'database "no_such'),
        (("xueheng@", "nobody@"), "Peer authentication failed"),
        (("postgresql:", "mysql:"), "invalid DSN"),
        (("port=5432", "port=5433"), "FileNotFoundError"),
    ],
)
async def test_a_wrong_address_is_trouble_not_a_crash(dsn: str, change: tuple[str, str], said: str) -> None:
    async with await open_database(dsn.replace(*change)) as database:
        assert said in str((await database.health()).reason)
        with pytest.raises(StoreUnavailable, match=said):
            async with database.connection():
                pytest.fail("the address is wrong")


async def test_closing_does_not_wait_for_ever(dsn: str) -> None:
    database = await open_database(dsn)
    async with database.connection():
        began = time.monotonic()
        await database.close(timeout_s=0.2)
        assert time.monotonic() - began < 1
