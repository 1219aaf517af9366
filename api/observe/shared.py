"""The folder through which worker processes share their metrics.

It lies in the data folder, one for each run of the server. Nothing here imports prometheus_client: that looks for the
folder in the environment as soon as it is imported.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["VARIABLE", "forget_dead", "forget_gauges", "shared_folder"]

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_LOCK = "lock"
_PREFIX = "run-"


@contextmanager
def shared_folder(data_dir: Path) -> Iterator[Path]:
    """An empty folder that prometheus_client will use in this process and in those forked from it.

    Folders of servers that were killed are removed first. Raises OSError where the data folder cannot be written.
    """
    if "prometheus_client" in sys.modules:
        raise RuntimeError("prometheus_client was imported before its folder was set: workers would not share metrics")
    metrics = data_dir / "metrics"
    metrics.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in metrics.glob(f"{_PREFIX}*"):
        _remove_ownerless(old)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=metrics)).absolute()
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    owner = os.getpid()
    try:
        # Forked workers hold it too, so it is free only when all of them have ended.
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.environ[VARIABLE] = str(folder)
        yield folder
    finally:
        if os.getpid() == owner:
            os.environ.pop(VARIABLE, None)
            os.close(lock)
            shutil.rmtree(folder, ignore_errors=True)


def _remove_ownerless(folder: Path) -> None:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        # Its server is between making the folder and the lock, or someone else is removing it.
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def forget_dead(folder: Path, parent: int) -> None:
    """Forget the live gauges of processes that are no longer `parent` or a child of it. Their counters stay."""
    for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}:
        if pid != parent and not _is_child(pid, parent):
            forget_gauges(folder, pid)


def forget_gauges(folder: Path, pid: int) -> None:
    """Remove the live gauges of one process; another worker may be doing the same."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


def _is_child(pid: int, parent: int) -> bool:
    """Whether a living process has this parent: a pid alone may have gone to someone else."""
    try:
        # After the name in brackets: state, parent.
        state, found, *_ = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return not sys.platform.startswith("linux") and _answers(pid)
    return int(found) == parent and state not in "ZX"


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
