"""The database of a command: embedded, unless XUEHENG_DATABASE_URL names another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import click

from api.settings import BadSetting, Settings

if TYPE_CHECKING:
    from api.store.embedded import EmbeddedPostgres

__all__ = [
    "FOLDER_IN_USE",
    "FolderTaken",
    "ServingDatabase",
    "database_exists",
    "database_of",
    "folder_in_use",
    "settings_here",
    "tell_warnings_only",
]

FOLDER_IN_USE = 3
"""Exit code when another process owns the data folder."""


class FolderTaken(click.ClickException):
    """Another process owns the data folder; the message has its pid."""

    exit_code = FOLDER_IN_USE


def settings_here() -> Settings:
    """The settings of the environment. Ends the command when they cannot be used."""
    try:
        return Settings.from_environment(os.environ)
    except BadSetting as error:
        raise click.ClickException(str(error)) from None


def tell_warnings_only() -> None:
    """A command that needs the database for a moment tells no more of it, and that on the standard error."""
    import structlog

    structlog.configure(
        # Looked up at each event, since a test puts its own in place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("warning"),
        cache_logger_on_first_use=False,
    )


class ServingDatabase:
    """The database of a server. The embedded one comes up in a thread, while the rulesets load.

    `with` ends it, after whatever happened: the workers must have ended before.
    """

    def __init__(self, settings: Settings, *, workers: int) -> None:
        self._url = settings.database_url
        self._server: EmbeddedPostgres | None = None
        self._dsn: Future[str] = Future()
        if self._url is not None:
            self._dsn.set_result(self._url)
            return
        from api.store.embedded import EmbeddedPostgres, connections_for
        from api.store.pool import Limits

        connections = connections_for(workers, Limits().connections)
        self._server = EmbeddedPostgres(settings.data_dir, max_connections=connections)
        executor = ThreadPoolExecutor(1, "postgres-start")
        self._dsn = executor.submit(self._start, self._server)
        # Its thread ends with the start: no worker is forked beside it.
        executor.shutdown(wait=False)

    @staticmethod
    def _start(server: EmbeddedPostgres) -> str:
        server.start()
        return server.dsn

    def refuse_early(self) -> None:
        """End the command if it is already known that the database cannot be had."""
        if self._dsn.done():
            self.dsn()

    def dsn(self) -> str:
        """The address, once it is there. Ends the command when PostgreSQL cannot be started."""
        from api.store.errors import EmbeddedPostgresError, FolderInUse

        try:
            return self._dsn.result()
        except FolderInUse as error:
            raise FolderTaken(str(error)) from None
        except EmbeddedPostgresError as error:
            raise click.ClickException(str(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            wait([self._dsn])
            self._server.stop()


def database_exists(settings: Settings) -> bool:
    """True when there is a database to ask: another's, or one in the data folder."""
    return settings.database_url is not None or (settings.data_dir / "postgres" / "PG_VERSION").is_file()


def folder_in_use(settings: Settings) -> str | None:
    """Who owns the data folder now, as a sentence with the pid."""
    from api.store.errors import EmbeddedPostgresError, FolderInUse
    from api.store.launcher.owner import FolderOwner

    if settings.database_url is not None or not settings.data_dir.is_dir():
        return None
    try:
        FolderOwner(settings.data_dir).release()
    except FolderInUse as error:
        return str(error)
    except EmbeddedPostgresError:
        return None
    return None


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The address of the database for the moment of a command: of the server that runs on the data folder, if any."""
    from api.store.embedded import EmbeddedPostgres
    from api.store.errors import EmbeddedPostgresError, FolderInUse

    if settings.database_url is not None:
        yield settings.database_url
        return
    server = EmbeddedPostgres(settings.data_dir)
    try:
        server.start()
        dsn = server.dsn
    except FolderInUse as error:
        if error.dsn is None:
            raise FolderTaken(f"{error}; its database is just starting or stopping") from None
        dsn = error.dsn
    except EmbeddedPostgresError as error:
        raise click.ClickException(str(error)) from None
    try:
        yield dsn
    finally:
        server.stop()
