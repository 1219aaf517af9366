"""The file underneath: how much of it has been read, and a seekable copy where it is a pipe."""

from __future__ import annotations

import os
import tempfile
from typing import BinaryIO

from api.tabular.records import BadFile

__all__ = ["Counted", "seekable"]


class Counted:
    """A stream of bytes that knows how much was taken from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.taken = 0
        self._whole = size_of(stream)

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        found = self._stream.read(size)
        self.taken += len(found)
        return found

    def readline(self, limit: int = -1) -> bytes:
        """As of a file."""
        found = self._stream.readline(limit)
        self.taken += len(found)
        return found

    def progress(self) -> tuple[int, int | None]:
        """Bytes taken, and how many there are where that is known."""
        return self.taken, self._whole


def size_of(stream: BinaryIO) -> int | None:
    """The size of a regular file; None for a pipe."""
    if not stream.seekable():
        return None
    here = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return size


def seekable(stream: BinaryIO, most: int) -> BinaryIO:
    """The stream itself, or a temporary copy of it where it is a pipe. Raises BadFile for one that does not end."""
    if stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the table that reads it
    left = most
    while block := stream.read(min(1 << 20, left + 1)):
        left -= len(block)
        if left < 0:
            copy.close()
            raise BadFile(f"it is longer than {most:,} bytes")
        copy.write(block)
    copy.seek(0)
    return copy
