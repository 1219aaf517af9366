"""PostgreSQL's own log: a file in the data folder that cannot grow without end."""

import os
from pathlib import Path

__all__ = ["LogFile"]

LIMIT_BYTES = 4 * 1024 * 1024
TAIL_LINES = 15


class LogFile:
    """A file that PostgreSQL appends to by itself, so that it goes on logging when its owner was killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.old = path.with_name(f"{path.name}.1")

    def open(self) -> int:
        """A descriptor to append to; the caller closes it."""
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def size(self) -> int:
        """Bytes in the file now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def bound(self) -> None:
        """Move the text to the old file when it exceeds the limit; with it the two hold at most about twice the limit.

        The writer keeps its descriptor and goes on at the new end. What it writes during the copy is lost.
        """
        if self.size() <= LIMIT_BYTES:
            return
        with self.path.open("rb") as source:
            source.seek(-LIMIT_BYTES, os.SEEK_END)
            descriptor = os.open(self.old, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "wb") as target:
                # Not to the end: the writer goes on, and may be quicker.
                target.write(source.read(LIMIT_BYTES))
        os.truncate(self.path, 0)

    def tail(self, start: int) -> str:
        """The last lines written after byte `start`."""
        with self.path.open("rb") as file:
            file.seek(start)
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-TAIL_LINES:])
