"""Processes that belong together end together."""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["die_with"]

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def die_with(parent: int, by: signal.Signals = signal.SIGTERM) -> None:
    """End this process by a signal when its parent is gone, however that ended. Linux only; elsewhere nothing."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH_SIGNAL, by)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)
