"""Telling mistakes from what only follows from them.

A fact whose entry has a mistake is not in the dictionary, so every rule that reads it would be told
that it is unknown; a rule file that is no YAML would leave its clauses without rules. An author who
mends the one mistake makes the others vanish, so they are not shown beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set

from engine.diagnostics import Diagnostic

__all__ = ["without_consequences"]

_RULESET = re.compile(r"[^/]+/[^/]+/")


def without_consequences(diagnostics: Iterable[Diagnostic], texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """The diagnostics without those about a name that is written in a file which itself has a mistake.

    `texts`: the files by path. A misspelt name is written nowhere, so it stays.
    """
    found = tuple(diagnostics)
    broken = {d.file for d in found if d.severity == "error" and d.code != "E501"}
    return tuple(d for d in found if not _follows(d, _broken_texts(d, broken, texts)))


def _broken_texts(diagnostic: Diagnostic, broken: Set[str], texts: Mapping[str, str]) -> Mapping[str, str]:
    """The texts, by path inside its ruleset or the dictionary, that have mistakes and may concern it."""
    folder = _RULESET.match(diagnostic.file)
    place = folder[0] if folder else ""
    found = {path: texts.get(path, "") for path in broken if path.startswith("facts/")}
    if place and not place.startswith("facts/"):
        found |= {path.removeprefix(place): texts.get(path, "") for path in broken if path.startswith(place)}
    return found


def _follows(diagnostic: Diagnostic, broken: Mapping[str, str]) -> bool:
    match diagnostic.code:
        case "E301":
            return _written(("fact", "scope"), diagnostic, broken, "facts/")
        case "E302":
            return _written(("id",), diagnostic, broken, "rules/")
        case "E303":
            return _written(("clause",), diagnostic, broken, "clauses.yaml")
        case "E307":
            return _written(("id",), diagnostic, broken, "consequences.yaml")
        case "E304":
            return _written(("id",), diagnostic, broken, "ruleset.yaml")
        case "E402":
            return _written(("clause",), diagnostic, broken, "rules/") or _written(
                ("clause",), diagnostic, broken, "consequences.yaml"
            )
        case _:
            return False


def _written(keys: tuple[str, ...], diagnostic: Diagnostic, broken: Mapping[str, str], where: str) -> bool:
    """True when the name that the diagnostic points at stands behind one of the keys in a broken file."""
    span = diagnostic.span
    if span is None:
        return False
    name = span.source.text[span.start : span.end].strip("\"' \t\n")
    entry = re.compile(rf"\b(?:{'|'.join(keys)}):[ \t]*[\"']?{re.escape(name)}(?=[\"',}}\s]|$)", re.MULTILINE)
    return any(path.startswith(where) and entry.search(text) for path, text in broken.items())
