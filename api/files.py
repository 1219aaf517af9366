"""The folder of rulesets on disk → the texts that `engine.registry.load_library` takes.

The engine does no I/O. What cannot be read here is a diagnostic, like any other author's mistake.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import engine
from engine import codes
from engine.diagnostics import Collector, Diagnostic
from engine.source import Source, Span

__all__ = ["MAX_FILES", "MAX_FILE_BYTES", "RulesetFiles", "bundled_rulesets", "read_originals", "read_rulesets"]

MAX_FILE_BYTES = 8_000_000
MAX_FILES = 20_000


@dataclass(slots=True)
class RulesetFiles:
    """All files of a folder of rulesets by path relative to it, with `/` between the parts."""

    folder: Path
    texts: dict[str, str] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()


def bundled_rulesets() -> Path:
    """The rulesets that came with the program: the folder beside the `engine` package."""
    return Path(engine.__file__).resolve().parent.parent / "rulesets"


def read_rulesets(folder: Path) -> RulesetFiles:
    """Read every file under a folder. Hidden files (`.git`, editors' leftovers) are left out.

    Raises FileNotFoundError or NotADirectoryError when there is no such folder; anything wrong inside
    it is in `diagnostics`.
    """
    if not folder.exists():
        raise FileNotFoundError(folder)
    if not folder.is_dir():
        raise NotADirectoryError(folder)
    found = RulesetFiles(folder)
    collector = Collector()
    for number, path in enumerate(_files(folder, collector)):
        name = _name(path, folder)
        if number == MAX_FILES:
            collector.add(codes.limit_exceeded("the folder", f"{MAX_FILES:,} files", None, name))
            break
        text = _text(path, name, collector)
        if text is not None:
            found.texts[name] = text
    found.diagnostics = tuple(collector.found)
    return found


def read_originals(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The originals of those names that stand directly in a folder. Raises OSError for an unreadable one.

    A name with a path in it finds nothing: a ruleset cannot make us read elsewhere.
    """
    wanted = set(names)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name in wanted and path.is_file()}


def _name(path: Path, folder: Path) -> str:
    """The path as it is shown: a name that is no UTF-8 keeps its odd bytes visible."""
    return path.relative_to(folder).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _files(folder: Path, collector: Collector) -> Iterator[Path]:
    """Files in order of their names. Links to folders are followed once each, so that no circle is walked."""
    seen = {os.path.realpath(folder)}

    def refused(error: OSError) -> None:
        name = _name(Path(error.filename), folder) if error.filename else "."
        collector.add(codes.file_unreadable(name, _why(error)))

    for parent, folders, names in os.walk(folder, followlinks=True, onerror=refused):
        kept = []
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(parent, name))
            if not name.startswith(".") and real not in seen:
                seen.add(real)
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith("~"):
                yield Path(parent, name)


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _text(path: Path, name: str, collector: Collector) -> str | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            collector.add(codes.unexpected_file(name, "only plain files stand among the rulesets"))
            return None
        if status.st_size > MAX_FILE_BYTES:
            collector.add(codes.limit_exceeded("the file", f"{MAX_FILE_BYTES:,} bytes", None, name))
            return None
        body = path.read_bytes()
    except OSError as error:
        collector.add(codes.file_unreadable(name, _why(error)))
        return None
    try:
        return body.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        source = Source(name, body.decode("utf-8", "replace"))
        at = len(body[: error.start].decode("utf-8"))
        collector.add(codes.not_utf8(Span(source, at, at + 1)))
        return None
