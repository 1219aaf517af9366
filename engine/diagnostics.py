"""Diagnostics: what an author got wrong, where, and what to do.

An author's mistake is a value that is collected, never an exception, so that all mistakes of a
ruleset are shown at once. Every diagnostic is made by a constructor in `engine.codes`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from engine.source import Span

__all__ = ["Collector", "Diagnostic", "render", "render_all"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a ruleset's text. `path` is used where no span is known."""

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    path: str = ""
    help: str | None = None

    @property
    def file(self) -> str:
        """The file that is meant."""
        return self.span.source.path if self.span else self.path


@dataclass(slots=True)
class Collector:
    """Gathers diagnostics, in order of arrival."""

    found: list[Diagnostic] = field(default_factory=list)
    _seen: set[Diagnostic] = field(default_factory=set)

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep one; the same finding at the same place is kept once."""
        if diagnostic not in self._seen:
            self._seen.add(diagnostic)
            self.found.append(diagnostic)

    @property
    def failed(self) -> bool:
        """True when an error (not only warnings) was found."""
        return any(d.severity == "error" for d in self.found)


def _width(text: str) -> int:
    """Columns of a terminal that the text takes: CJK characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as text: place, message, source line, caret, help.

    The caret line is indented by display width, so that it stands under the right word also
    behind Chinese text.
    """
    if diagnostic.span is None:
        head = f"{diagnostic.code} {diagnostic.path}: {diagnostic.message}"
        return head if diagnostic.help is None else f"{head}\n  help: {diagnostic.help}"
    source = diagnostic.span.source
    line, column = source.place(diagnostic.span.start)
    text = source.line(line).replace("\t", " ")
    marked = text[column - 1 : column - 1 + max(1, diagnostic.span.end - diagnostic.span.start)]
    margin = f"{line:>4} | "
    caret = " " * (len(margin) - 2) + "| " + " " * _width(text[: column - 1])
    caret += "^" * max(1, _width(marked.rstrip()))
    if diagnostic.help is not None:
        caret += f" help: {diagnostic.help}"
    head = f"{diagnostic.code} {source.path}:{line}:{column}: {diagnostic.message}"
    return f"{head}\n{margin}{text}\n{caret}"


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics in the order of files and lines, with a blank line between them."""

    def key(diagnostic: Diagnostic) -> tuple[str, int, str]:
        return (
            diagnostic.file,
            diagnostic.span.start if diagnostic.span else -1,
            diagnostic.code,
        )

    return "\n\n".join(render(d) for d in sorted(diagnostics, key=key))
