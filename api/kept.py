"""Rulesets that were loaded and found sound, kept between starts as Python keeps what it compiled.

Reading and checking the rulesets is most of a start and gives the same each time. What came of it is kept under a key
of all that it followed from: the texts, the engine's code, the interpreter and the libraries that read. Nothing kept is
out of date: with another key it is not found. A process whose code has changed on disk since it started keeps nothing
and reads nothing here, for what it would find or keep is another code's. It lies in `XUEHENG_CACHE_DIR`, else in the
user's cache (`XDG_CACHE_HOME`, else `~/.cache`), may be removed at any time, and where it cannot be written every start
loads anew.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import yaml

import engine
from engine.registry import Library

__all__ = ["keep", "kept", "key_of", "unpacked"]

_MOST_FILES = 8  # about 2 MB each
_WORTH_KEEPING = 100_000  # characters: what is smaller is loaded as quickly
_DIGEST_BYTES = 32
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
# What was imported before this module was imported in these seconds.
_STARTED = time.time() - 10
_NOT_UNPACKED = (
    pickle.UnpicklingError,
    AttributeError,
    ImportError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)


def key_of(texts: Mapping[str, str]) -> str | None:
    """The key of a library of those texts (names to contents), or None when it is not worth keeping or the code that
    would make it is not known.
    """
    code = _code()
    if code is None or sum(map(len, texts.values())) < _WORTH_KEEPING:
        return None
    found = hashlib.sha256()

    def add(*parts: bytes) -> None:
        for part in parts:
            found.update(len(part).to_bytes(8, "big"))
            found.update(part)

    add(sys.version.encode(), msgspec.__version__.encode(), yaml.__version__.encode())
    for part in code:
        add(*part)
    for name in sorted(texts):
        add(name.encode(), texts[name].encode())
    return found.hexdigest()


def _code() -> list[tuple[bytes, bytes]] | None:
    """The files of the engine; None where they are not those that this process runs."""
    folder = Path(engine.__file__).parent
    try:
        # Editors leave hidden files beside those that they edit.
        paths = [path for path in sorted(folder.rglob("*.py")) if not path.name.startswith(".")]
        if any(path.stat().st_ctime > _STARTED for path in paths):
            return None
        return [(str(path.relative_to(folder)).encode(), path.read_bytes()) for path in paths] or None
    except OSError:
        return None


def kept(key: str) -> tuple[bytes, Library] | None:
    """The library of a key, packed and unpacked; None when there is none that is whole and written by this user.

    The rights of the folder are not looked at: who could put another file there cannot make it this user's, and one of
    this user's under another name is not whole.
    """
    folder = _folder()
    if folder is None:
        return None
    path = folder / key
    try:
        # Without waiting for whoever might write to a pipe of that name.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            about = os.fstat(file.fileno())
            # Unpacking runs what is written there: nobody else may have written it.
            if about.st_uid != os.geteuid() or about.st_mode & _OTHERS_MAY_WRITE or not stat.S_ISREG(about.st_mode):
                return None
            digest, packed = file.read(_DIGEST_BYTES), file.read()
        if _seal(key, packed) != digest:
            return None
        library = unpacked(packed)
    except (OSError, *_NOT_UNPACKED):
        return None
    # The oldest are removed first. A cache that may only be read is of use too.
    with suppress(OSError):
        os.utime(path)
    return packed, library


def keep(key: str | None, library: Library) -> bytes:
    """The library packed. With a key it is kept, and of what was kept before only the newest stay."""
    packed = pickle.dumps(library, pickle.HIGHEST_PROTOCOL)
    folder = _folder()
    # Nowhere to keep it is no reason not to serve.
    with suppress(OSError):
        if key is not None and folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(folder, key, packed)
    return packed


def unpacked(packed: bytes) -> Library:
    """What `keep` packed."""
    library: Library = pickle.loads(packed)
    return library


def _write(folder: Path, key: str, packed: bytes) -> None:
    # Another start may read the same name now: it sees all of it or nothing. A temporary file is the owner's alone.
    number, name = tempfile.mkstemp(dir=folder)
    try:
        with open(number, "wb") as file:
            file.write(_seal(key, packed))
            file.write(packed)
        os.replace(name, folder / key)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    by_age = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime)
    for path in by_age[:-_MOST_FILES]:
        path.unlink(missing_ok=True)


def _seal(key: str, packed: bytes) -> bytes:
    """The key is part of it: a file under the name of another one is no longer whole."""
    return hashlib.sha256(key.encode() + packed).digest()


def _folder() -> Path | None:
    """Where libraries are kept."""
    own = os.environ.get("XUEHENG_CACHE_DIR")
    if own:
        return Path(own) / "rulesets"
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    # Others are to be left out, as their specification has it.
    return folder / "xueheng" / "rulesets" if folder.is_absolute() else None
