"""The rulesets that a server serves, loaded beside whatever else its start does."""

from __future__ import annotations

import gc
import os
import pickle
import signal

from api.files import bundled_rulesets, read_rulesets
from api.services.processes import die_with
from api.settings import Settings
from engine.diagnostics import render_all
from engine.publications import MOVED
from engine.registry import Library, load_library

__all__ = ["Loading", "RulesetsRefused", "open_library"]


class RulesetsRefused(Exception):
    """The rulesets have errors; the message shows all of them.

    `moved` is the library when one of them is that a published version is another one now.
    """

    def __init__(self, message: str, moved: Library | None = None) -> None:
        super().__init__(message)
        self.moved = moved


def open_library(settings: Settings) -> Library:
    """The rulesets of the settings. Raises RulesetsRefused when any of them has an error."""
    folder = settings.rulesets or bundled_rulesets()
    try:
        files = read_rulesets(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise RulesetsRefused(f"XUEHENG_RULESETS: `{folder}` is no folder") from None
    library = load_library(files.texts)
    found = (*files.diagnostics, *library.diagnostics)
    errors = [d for d in found if d.severity == "error"]
    if errors:
        moved = library if any(d.code == MOVED for d in errors) else None
        raise RulesetsRefused(render_all(found), moved)
    return library


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
        library: Library = pickle.loads(sent)
        return library


def _load(settings: Settings, to: int, parent: int) -> None:
    """In the child: load, hand over, end. Whatever fails is told by sending nothing."""
    status = 1
    try:
        # What ends the server may not wait for this; and its own ways of ending are not the child's.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        die_with(parent, signal.SIGKILL)
        gc.disable()
        sent = pickle.dumps(open_library(settings), pickle.HIGHEST_PROTOCOL)
        with open(to, "wb") as pipe:
            pipe.write(sent)
        status = 0
    finally:
        # At once: nothing of the parent is cleaned up here, and what went wrong the parent tells.
        os._exit(status)
