"""A PostgreSQL that dies under its owner comes back by itself."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from api.store import embedded
from api.store.embedded import EmbeddedPostgres
from api.store.errors import StoreUnavailable
from api.store.launcher import logfile
from api.store.pool import Limits, open_database

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
async def test_it_comes_back_and_the_pool_with_it(data_dir: Path, number: signal.Signals) -> None:
    async with EmbeddedPostgres(data_dir) as server, await open_database(server.dsn) as database:
        assert (await database.health()).ok
        first = server.pid
        assert first is not None
        os.kill(first, number)
        await until(lambda: server.restarts == 1)
        assert server.pid not in {first, None}
        deadline = time.monotonic() + 2
        while not (await database.health()).ok:
            assert time.monotonic() < deadline
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_it_goes_on_trying(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LONGEST_PAUSE_S", 0.2)
    async with EmbeddedPostgres(data_dir) as server, await open_database(server.dsn) as database:
        away = data_dir / "postgres" / "global-away"
        (data_dir / "postgres" / "global").rename(away)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: server.pid is None)
        await asyncio.sleep(1)
        assert server.restarts == 0
        health = await database.health()
        assert not health.ok
        assert health.reason is not None
        shutil.rmtree(data_dir / "postgres" / "global", ignore_errors=True)
        away.rename(data_dir / "postgres" / "global")
        await until(lambda: server.restarts == 1)
        assert (await database.health(timeout_s=5)).ok


async def test_stop_does_not_wait_for_the_next_try(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "FIRST_PAUSE_S", 30.0)
    server = EmbeddedPostgres(data_dir)
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: server.pid is None)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 3


async def test_a_lost_socket_is_made_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "TICK_S", 0.1)
    async with EmbeddedPostgres(data_dir) as server, await open_database(server.dsn) as database:
        shutil.rmtree(data_dir / "postgres-socket")
        await until(lambda: server.restarts == 1)
        assert (await database.health()).ok


async def test_a_frozen_server_is_noticed_and_forgiven(data_dir: Path) -> None:
    limits = Limits(connections=2, acquire_s=3, connect_s=3, statement_s=0.5)
    async with EmbeddedPostgres(data_dir) as server, await open_database(server.dsn, limits) as database:
        async with database.connection() as connection, database.connection() as other:
            backends = [connection.get_server_pid(), other.get_server_pid()]
        assert server.pid is not None
        for pid in (*backends, server.pid):
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="in the middle: TimeoutError"):
                async with database.connection() as connection:
                    await connection.execute("SELECT 1")
            assert time.monotonic() - began < 2.3
            for _ in range(2):
                began = time.monotonic()
                health = await database.health(timeout_s=0.6)
                assert not health.ok
                assert time.monotonic() - began < 1.1
        finally:
            for pid in (server.pid, *backends):
                os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + 5
        while not (await database.health()).ok:
            assert time.monotonic() < deadline
        assert server.restarts == 0


async def test_the_log_does_not_grow_without_end(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "TICK_S", 0.05)
    monkeypatch.setattr(logfile, "LIMIT_BYTES", 20_000)
    async with EmbeddedPostgres(data_dir) as server, await open_database(server.dsn) as database:
        async with database.connection() as connection:
            noise = "DO $$ BEGIN FOR i IN 1..100 LOOP RAISE LOG 'noise % %', i, repeat('.', 80); END LOOP; END $$"
            for _ in range(30):
                await connection.execute(noise)
                await asyncio.sleep(0.02)
        await until(lambda: server.log_file.size() <= 20_000)
        assert 0 < server.log_file.old.stat().st_size <= 20_000
        async with database.connection() as connection:
            await connection.execute("DO $$ BEGIN RAISE LOG 'still heard'; END $$")
        assert "still heard" in server.log_file.tail(0)
