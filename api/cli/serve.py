"""`xueheng serve`."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
from typing import Any

import click

from api.settings import BadSetting, Settings

__all__ = ["serve"]

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_DRAIN_SECONDS = 30
_SWITCH_SECONDS = 0.001
_ASK_AGAIN_SECONDS = 0.01


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
def serve(workers: int) -> None:
    """Serve the API on this machine (XUEHENG_HOST, XUEHENG_PORT)."""
    try:
        settings = Settings.from_environment(os.environ)
        settings.require_loopback()
    except BadSetting as error:
        raise click.ClickException(str(error)) from None
    _run(settings, workers)


def _run(settings: Settings, workers: int) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first."""
    # Nothing that loading makes is garbage for long; looking for it took a seventh of the time until ready.
    gc.disable()
    # Here, so that the other commands start without the web framework.
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels
    from granian.server import Server

    from api.app import RulesetsRefused, create_app

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    _refuse_taken_port(settings)
    try:
        app = create_app(settings)
    except RulesetsRefused as refused:
        click.echo(refused, err=True)
        raise click.ClickException("the rulesets have errors; nothing is served") from None
    gc.enable()
    ready = _Announcement(workers, settings.host, settings.port)
    app.on_startup.append(ready.watch)
    main = os.getpid()

    def in_worker(_target: str) -> Any:
        _die_with(main)
        # A thread that computes gives way often, so that short requests beside it stay short.
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
        respawn_failed_workers=workers > 1,
        workers_kill_timeout=_DRAIN_SECONDS,
    )
    # The worker is a fork: the application built above is there at once, its memory shared.
    server.serve(target_loader=in_worker)


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
            raise click.ClickException(f"cannot listen on {where} (XUEHENG_PORT): {reason}") from None


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host.strip("[]")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


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


def _die_with(parent: int) -> None:
    """End this process when its parent is gone, however that ended. Linux only; elsewhere nothing."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
