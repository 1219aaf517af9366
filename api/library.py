"""The rulesets that commands and servers use, kept between starts; a server's load beside its start."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.files import bundled_rulesets, read_rulesets
from api.kept import keep, kept, key_of, unpacked
from api.services.processes import die_with
from api.settings import Settings
from engine.diagnostics import Diagnostic, render_all
from engine.publications import MOVED
from engine.registry import Library, load_library

__all__ = ["Loading", "RulesetsHaveErrors", "RulesetsRefused", "open_library", "read_library"]


class RulesetsHaveErrors(Exception):
    """Rulesets that cannot be used: what was found in them, and the library as far as it could be read."""

    def __init__(self, found: tuple[Diagnostic, ...], library: Library) -> None:
        super().__init__(found)
        self.found = found
        self.library = library


class RulesetsRefused(Exception):
    """The rulesets have errors; the message shows all of them.

    `moved` is the library when one of them is that a published version is another one now.
    """

    def __init__(self, message: str, moved: Library | None = None) -> None:
        super().__init__(message)
        self.moved = moved


def read_library(folder: Path) -> Library:
    """The rulesets of a folder. Raises FileNotFoundError, NotADirectoryError and RulesetsHaveErrors."""
    return _read(folder)[1]


def open_library(settings: Settings) -> Library:
    """The rulesets of the settings. Raises RulesetsRefused when any of them has an error."""
    return _of(settings)[1]


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Nearly all that is made stays: to look through it again and again while it grows finds little and takes time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@_nothing_to_collect()
def _read(folder: Path) -> tuple[bytes, Library]:
    """The rulesets of a folder, packed by `api.kept` and as they are: what an earlier start kept, else loaded now."""
    files = read_rulesets(folder)
    key = key_of(files.texts)
    # A file that could not be read is not among the texts, so the key knows nothing of it.
    sound = not any(d.severity == "error" for d in files.diagnostics)
    if key is not None and sound and (earlier := kept(key)) is not None:
        return earlier
    library = load_library(files.texts)
    found = (*files.diagnostics, *library.diagnostics)
    if any(d.severity == "error" for d in found):
        raise RulesetsHaveErrors(found, library)
    return keep(key, library), library


def _of(settings: Settings) -> tuple[bytes, Library]:
    folder = settings.rulesets or bundled_rulesets()
    try:
        return _read(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise RulesetsRefused(f"XUEHENG_RULESETS: `{folder}` is no folder") from None
    except RulesetsHaveErrors as refused:
        moved = refused.library if any(d.code == MOVED for d in refused.found) else None
        raise RulesetsRefused(render_all(refused.found), moved) from None


class Loading:
    """Rulesets on their way: another process reads them on another processor.

    Create it while the process has one thread only.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        parent = os.getpid()
        self._ours, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _load(settings, theirs, parent)
        os.close(theirs)

    def library(self) -> Library:
        """What was loaded. Raises RulesetsRefused. To be asked once."""
        with open(self._ours, "rb") as pipe:
            sent = pipe.read()
        os.waitpid(self._pid, 0)
        if not sent:
            # It could not: doing it here says why.
            return open_library(self._settings)
        # Only our own child has the other end.
        return unpacked(sent)


def _load(settings: Settings, to: int, parent: int) -> None:
    """In the child: load, hand over, end. Whatever fails is told by sending nothing."""
    status = 1
    try:
        # What ends the server may not wait for this; and its own ways of ending are not the child's.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        die_with(parent, signal.SIGKILL)
        sent, _ = _of(settings)
        with open(to, "wb") as pipe:
            pipe.write(sent)
        status = 0
    finally:
        # At once: nothing of the parent is cleaned up here, and what went wrong the parent tells.
        os._exit(status)
