"""`xueheng serve`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import Any

import click

from api.settings import BadSetting, Settings

__all__ = ["serve"]

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_DRAIN_SECONDS = 30
_SWITCH_SECONDS = 0.001


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
    # Here, so that the other commands start without the web framework.
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels
    from granian.server import Server

    from api.app import RulesetsRefused, create_app

    try:
        app = create_app(settings)
    except RulesetsRefused as refused:
        click.echo(refused, err=True)
        raise click.ClickException("the rulesets have errors; nothing is served") from None
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    ready = _Announcement(workers, f"xueheng: serving http://{_shown(settings.host)}:{settings.port}")
    app.on_startup.append(ready.worker_is_ready)
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
    try:
        # The worker is a fork: the application built above is there at once, its memory shared.
        server.serve(target_loader=in_worker)
    except (OSError, RuntimeError) as error:
        raise click.ClickException(f"cannot listen on {_shown(settings.host)}:{settings.port}: {error}") from None


def _address(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host.strip("[]")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


class _Announcement:
    """Prints one line when the last of the workers is ready.

    The pipe holds a byte for each worker; the one that takes the last of them speaks. Workers that
    are started later find it empty.
    """

    def __init__(self, workers: int, text: str) -> None:
        self._text = text
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.write(write, b"." * (workers - 1) + b"!")
        self._write = write  # kept open, so that an empty pipe is no end of file

    async def worker_is_ready(self) -> None:
        """Called by each worker once it can answer."""
        try:
            mark = os.read(self._read, 1)
        except BlockingIOError:
            return
        if mark == b"!":
            click.echo(self._text)
            sys.stdout.flush()


def _die_with(parent: int) -> None:
    """End this process when its parent is gone, however that ended. Linux only; elsewhere nothing."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
