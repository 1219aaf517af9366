"""`xueheng serve`."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
import structlog

from api.cli.database import FolderTaken, ServingDatabase, folder_in_use, settings_here
from api.library import Loading, RulesetsRefused
from api.observe.logs import FOR_GRANIAN, configure_logging
from api.observe.shared import shared_folder
from api.services.processes import die_with
from api.settings import BadSetting, Settings

if TYPE_CHECKING:
    from api.app import Storage
    from api.routes.state import AppState
    from engine.registry import Library

__all__ = ["serve"]

log = structlog.get_logger("xueheng")

_DRAIN_SECONDS = 30
_PATIENCE_SECONDS = 2
_SWITCH_SECONDS = 0.001
_ASK_AGAIN_SECONDS = 0.01


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
def serve(workers: int) -> None:
    """Serve the API on this machine (XUEHENG_HOST, XUEHENG_PORT).

    Brings its own PostgreSQL, with the data under XUEHENG_DATA_DIR, unless XUEHENG_DATABASE_URL names a server.

    \b
    Exit code:
      0  ended by a signal, with every request answered
      1  the settings, the rulesets or the database cannot be used
      2  the command was called wrongly
      3  another process serves from the data folder
    """
    settings = settings_here()
    try:
        settings.require_loopback()
    except BadSetting as error:
        raise click.ClickException(str(error)) from None
    configure_logging(settings.log_level)
    _refuse_taken_port(settings)
    # The start would notice too, but only after everything was loaded.
    owned = folder_in_use(settings)
    if owned is not None:
        raise FolderTaken(owned)
    # Before anything else is opened or has threads.
    loading = Loading(settings)
    # Until the server takes the signals over: what has begun is ended in order.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    began = time.monotonic()
    with ExitStack() as stack:
        stack.callback(lambda: log.info("server_stopped", seconds=round(time.monotonic() - began, 3)))
        log.info("server_starting", pid=os.getpid(), host=settings.host, port=settings.port, workers=workers)
        database = stack.enter_context(ServingDatabase(settings, workers=workers))
        try:
            stack.enter_context(shared_folder(settings.data_dir))
        except OSError as error:
            raise click.ClickException(f"cannot write to the data folder (XUEHENG_DATA_DIR): {error}") from None
        _run(settings, workers, database, loading)


def _run(settings: Settings, workers: int, database: ServingDatabase, loading: Loading) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    # Nothing that loading makes is garbage for long; looking for it took a seventh of the time until ready.
    gc.disable()
    # Here, so that the other commands start without the web framework.
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels
    from granian.server import Server

    from api.app import create_app

    database.refuse_early()
    library = _library(loading, database)
    app = create_app(settings, library=library, storage=_storage(database.dsn(), library))
    gc.enable()
    state: AppState = app.state.xueheng
    ready = _Announcement(workers, settings.host, settings.port)
    app.on_startup += [_worker_started, ready.watch]
    app.on_shutdown.append(_worker_stopped)
    main = os.getpid()

    def in_worker(_target: str) -> Any:
        # At once: a worker that drains can hang for good when nobody is left who would end it.
        die_with(main, signal.SIGKILL)
        state.batches.fork()
        # A thread that compiles, or reads files for a scrape, gives way often: short requests beside it stay short.
        sys.setswitchinterval(_SWITCH_SECONDS)
        return app

    server = Server(
        target="api.app:create_app",
        address=_address(settings.host),
        port=settings.port,
        interface=Interfaces.ASGI,
        loop=Loops.asyncio,
        workers=workers,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=FOR_GRANIAN,
        respawn_failed_workers=workers > 1,
        workers_kill_timeout=_DRAIN_SECONDS,
    )
    # The worker is a fork: the application built above is there at once, its memory shared.
    server.serve(target_loader=in_worker)


def _library(loading: Loading, database: ServingDatabase) -> Library:
    """The rulesets. Ends the command when they have errors; of a published version that moved it says what differs."""
    try:
        return loading.library()
    except RulesetsRefused as refused:
        click.echo(refused, err=True)
        if refused.moved is not None:
            click.echo(asyncio.run(_moves(database.dsn(), refused.moved)), err=True)
        raise click.ClickException("the rulesets have errors; nothing is served") from None


async def _moves(dsn: str, library: Library) -> str:
    from api.services.publishing import recorded_moves
    from api.store.errors import StoreError
    from api.store.pool import open_database
    from api.store.rulesets import PublishedRulesets

    async with await open_database(dsn) as database:
        try:
            return "\n".join((await recorded_moves(PublishedRulesets(database), library)).values())
        except StoreError as error:
            return f"the database cannot say what differs: {error}"


def _storage(dsn: str, library: Library) -> Storage:
    """The database, ready for use. One that is down is no reason not to serve: the workers prepare it later."""
    from api.app import Storage
    from api.services.publishing import prepare
    from api.store.errors import StoreError, StoreUnavailable

    try:
        standings = asyncio.run(prepare(dsn, library, patience_s=_PATIENCE_SECONDS))
    except StoreUnavailable as error:
        click.echo(f"xueheng: serving without the database for now: {error}", err=True)
        return Storage(dsn, None)
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    if standings.refused:
        click.echo("\n\n".join(standings.refused.values()), err=True)
        raise click.ClickException("rulesets differ from what was published; nothing is served")
    return Storage(dsn, standings)


def _refuse_taken_port(settings: Settings) -> None:
    """The workers share their port with whoever allows it, so another server would go unnoticed."""
    host = _address(settings.host)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, settings.port))
        except OSError as error:
            where = f"{_shown(settings.host)}:{settings.port}"
            reason = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
            refusal = f"cannot listen on {where} (XUEHENG_PORT): {reason}"
            owned = folder_in_use(settings)
            if owned is not None:
                raise FolderTaken(f"{refusal}; {owned}") from None
            raise click.ClickException(refusal) from None


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host.strip("[]")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _worker_started() -> None:
    log.info("worker_started", pid=os.getpid())


def _worker_stopped() -> None:
    log.info("worker_stopped", pid=os.getpid())


class _Announcement:
    """Prints one line when the last of the workers is ready.

    The pipe holds a byte for each worker; the one that takes the last of them speaks. Workers that
    are started later find it empty.
    """

    def __init__(self, workers: int, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.write(write, b"." * (workers - 1) + b"!")
        self._write = write  # kept open, so that an empty pipe is no end of file
        self._watch: asyncio.Task[None] | None = None

    async def watch(self) -> None:
        """Called by each worker before it listens."""
        self._watch = asyncio.create_task(self._announce())

    async def _announce(self) -> None:
        while not await self._answers():  # noqa: ASYNC110 - nobody is told when a port begins to listen
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        try:
            mark = os.read(self._read, 1)
        except BlockingIOError:
            return
        if mark == b"!":
            click.echo(f"xueheng: serving http://{_shown(self._host)}:{self._port}")
            sys.stdout.flush()

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(_address(self._host), self._port)
        except OSError:
            return False
        writer.close()
        return True
