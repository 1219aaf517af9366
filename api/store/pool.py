"""Connections to PostgreSQL, embedded or the operator's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import asyncpg
import structlog

from api.store.errors import StoreUnavailable, UnsupportedServer

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.types import ServerVersion

    # The stubs make these generic, the classes themselves are not.
    NewConnection = asyncpg.Connection[asyncpg.Record]
    Connection = PoolConnectionProxy[asyncpg.Record]

__all__ = [
    "SUPPORTED_MAJORS",
    "TROUBLE",
    "Database",
    "Health",
    "Limits",
    "PoolUse",
    "check_version",
    "open_database",
    "said",
]

log = structlog.get_logger(__name__)

SUPPORTED_MAJORS = range(15, 19)
APPLICATION_NAME = "xueheng"
# Beyond the server's own limit on a statement, for a server that does not even answer that it gave up.
GRACE_S = 1.0

# What says "not now": no way to the server, its end, its start, no room left, an answer that took too long.
TROUBLE = (
    OSError,  # TimeoutError is one of them
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections one process opens, and how long it waits, in seconds."""

    connections: int = 4
    connect_s: float = 5.0
    acquire_s: float = 5.0
    statement_s: float = 10.0
    idle_in_transaction_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """What a probe of the database found; `reason` is None when all is well, else a sentence for an operator."""

    reason: str | None
    server_version: str | None
    seconds: float

    @property
    def ok(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Connections that are open, those of them that are free, and the most there can be."""

    open: int
    free: int
    limit: int


def check_version(version: ServerVersion, supported: range = SUPPORTED_MAJORS) -> None:
    """Raise `UnsupportedServer` unless the major version is in `supported`."""
    if version.major not in supported:
        raise UnsupportedServer(
            f"the server at XUEHENG_DATABASE_URL is PostgreSQL {version.major}.{version.minor}; "
            f"use a version from {supported[0]} to {supported[-1]}"
        )


class Database:
    """A pool of connections that opens them when they are needed and replaces those that broke.

    Nothing needs to be restarted when the server comes back: a call in between raises `StoreUnavailable`, the next one
    after works. `async with` or `close` ends it.
    """

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], limits: Limits) -> None:
        self._pool = pool
        self._limits = limits

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for the length of the block.

        Raises `StoreUnavailable` when there is none in time or the server is lost on the way, `UnsupportedServer`.
        Other errors of the database pass: they are bugs, or the caller's to read.
        """
        try:
            connection = await self._pool.acquire(timeout=self._limits.acquire_s)
        except UnsupportedServer:
            raise
        except (asyncpg.PostgresError, asyncpg.ClientConfigurationError, *TROUBLE) as error:
            raise StoreUnavailable(f"cannot connect to PostgreSQL: {said(error)}") from error
        try:
            yield connection
        except TROUBLE as error:
            if isinstance(error, TimeoutError) and not _is_lost(connection):
                # The server did not even cancel the statement: only a new connection is of use.
                connection.terminate()
            raise StoreUnavailable(f"PostgreSQL failed in the middle: {said(error)}") from error
        except asyncpg.InterfaceError as error:
            if not _is_lost(connection):
                raise
            raise StoreUnavailable(f"PostgreSQL closed the connection: {said(error)}") from error
        finally:
            await self._give_back(connection)

    async def _give_back(self, connection: Connection) -> None:
        try:
            await self._pool.release(connection, timeout=self._limits.acquire_s)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, *TROUBLE) as error:
            # The block itself is over and its outcome stands; the pool has already dropped the connection.
            log.warning("connection_lost_on_release", error=said(error))

    async def health(self, *, timeout_s: float = 1.0) -> Health:
        """Ask the server for a sign of life. Never raises for a server that is down, and never takes much longer."""
        began = time.monotonic()
        version = None
        reason = None
        try:
            connection = await self._pool.acquire(timeout=timeout_s)
            try:
                version = str(await connection.fetchval("SHOW server_version", timeout=timeout_s))
            except BaseException:
                if not _is_lost(connection):
                    connection.terminate()
                raise
            finally:
                await self._pool.release(connection, timeout=timeout_s)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, UnsupportedServer, *TROUBLE) as error:
            reason = said(error)
        return Health(reason, version, time.monotonic() - began)

    def use(self) -> PoolUse:
        """The pool's connections now, for gauges."""
        return PoolUse(self._pool.get_size(), self._pool.get_idle_size(), self._pool.get_max_size())

    async def close(self, *, timeout_s: float = 5.0) -> None:
        """Wait for connections in use, then close all; after `timeout_s` cut them off."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._pool.close()
        except TimeoutError:
            log.warning("connections_cut_off", use=self.use())
            self._pool.terminate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def open_database(dsn: str, limits: Limits = Limits(), *, supported: range = SUPPORTED_MAJORS) -> Database:
    """A pool for `dsn`. It connects at the first use, so that a server that is down delays nothing."""

    async def on_connect(connection: NewConnection) -> None:
        check_version(connection.get_server_version(), supported)

    milliseconds = {
        "statement_timeout": limits.statement_s,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction_s,
    }
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=limits.connections,
        timeout=limits.connect_s,
        command_timeout=limits.statement_s + GRACE_S,
        init=on_connect,
        server_settings={
            "application_name": APPLICATION_NAME,
            **{name: str(round(seconds * 1000)) for name, seconds in milliseconds.items()},
        },
    )
    return Database(await pool, limits)


def _is_lost(connection: Connection) -> bool:
    """Whether a connection in use has ended. The pool may have taken it back already: then it refuses every call."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


def said(error: BaseException) -> str:
    """An error in one line; a timeout has no text of its own."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
