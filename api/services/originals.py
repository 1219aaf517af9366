"""The folder of original documents → what quotes their words.

A file that is absent, or is not the one that the ruleset was read from, gives no quotes; each is
logged once, at start, by the ruleset that misses it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path

from engine.check.ir import Ruleset
from engine.citations.quotes import Quote, quoter, sha256_of

__all__ = ["open_originals"]

_log = logging.getLogger("xueheng")


def open_originals(folder: Path | None, rulesets: Iterable[Ruleset]) -> dict[str, Quote]:
    """For each ruleset, by `id@version`, what gives the words of its citations (or None for each)."""
    return {r.name: quoter(r, _original(folder, r)) for r in rulesets if r.source == "original"} if folder else {}


def _original(folder: Path, ruleset: Ruleset) -> bytes | None:
    document = ruleset.document
    if document.file is None:
        return None
    path = folder / document.file
    try:
        body = path.read_bytes()
    except OSError as error:
        _log.warning("no quotes for %s: %s: %s", ruleset.name, path, error.strerror)
        return None
    if hashlib.sha256(body).hexdigest() != document.sha256:
        _log.warning("no quotes for %s: %s is not the file that the ruleset was read from", ruleset.name, path)
        return None
    text = body.decode("utf-8", "replace")
    changed = [c.path for c in ruleset.clauses if c.span is not None and sha256_of(text[slice(*c.span)]) != c.sha256]
    if changed:
        _log.warning("no quotes for %d clauses of %s, the first `%s`", len(changed), ruleset.name, changed[0])
    return body
