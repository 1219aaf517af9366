"""One process owns a data folder at a time."""

import fcntl
import os
import time
from pathlib import Path

from api.store.errors import EmbeddedPostgresError, FolderInUse

__all__ = ["FolderOwner"]

FILE = "owner"
# The owner writes its pid right after it took the lock; a reader that comes between waits this long.
PID_PATIENCE_S = 0.5

_held: set[int] = set()


def _close_in_child() -> None:
    # A forked worker that outlives its parent must not keep the folder locked. Closing a copy does not unlock.
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


class FolderOwner:
    """Holds the lock of a data folder; the kernel drops it when this process ends, however it ends.

    The file stays when the lock goes: removing it would let two processes lock two files of the same name.
    """

    def __init__(self, data_dir: Path) -> None:
        """Take the lock. Raises `FolderInUse` if another process, or another object of this one, has it."""
        path = data_dir / FILE
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise _in_use(data_dir, path) from error
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
            raise EmbeddedPostgresError(
                f"cannot lock {path} ({error.strerror}); "
                "set XUEHENG_DATA_DIR to a folder on a local disk that you can write"
            ) from error
        self._descriptor = descriptor
        _held.add(descriptor)
        self._write(f"{os.getpid()}\n")

    def announce(self, dsn: str) -> None:
        """Let others of the same user know where the database is."""
        self._write(f"{os.getpid()}\n{dsn}\n")

    def release(self) -> None:
        """Give the folder up. Does nothing in a forked child or the second time."""
        if self._descriptor in _held:
            self._write("")
            _held.discard(self._descriptor)
            os.close(self._descriptor)

    def _write(self, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)


def _in_use(data_dir: Path, path: Path) -> FolderInUse:
    deadline = time.monotonic() + PID_PATIENCE_S
    lines: list[str] = []
    while not lines and time.monotonic() < deadline:
        lines = path.read_text("utf-8").splitlines()
        if not lines:
            time.sleep(0.02)
    pid = int(lines[0]) if lines and lines[0].isdigit() else None
    owner = f"process {pid}" if pid is not None else "another process"
    return FolderInUse(
        f"the data folder {data_dir} is in use by {owner}; stop that server first, "
        "or set XUEHENG_DATA_DIR to another folder",
        pid=pid,
        dsn=lines[1] if len(lines) > 1 else None,
    )
