"""The words of a citation, from an original that is proven to be the one that was read.

The caller reads the files. Nothing is quoted from a text that has drifted: a quotation that nobody can
prove is worse than none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from engine.check.ir import Citation, Ruleset

__all__ = ["quoter", "sha256_of"]

Quote = Callable[[Citation], str | None]


def sha256_of(text: str) -> str:
    """The digest of a clause: 64 hexadecimal digits over the UTF-8 bytes of its span."""
    return hashlib.sha256(text.encode()).hexdigest()


def quoter(ruleset: Ruleset, original: bytes | None) -> Quote:
    """What gives the operative words of a citation of this ruleset, or None.

    It gives None throughout when the original is absent or no UTF-8, and for each clause whose words
    are not those that its digest was made of.
    """
    text = None if original is None else _decoded(original)
    proven: dict[str, tuple[int, int]] = {}
    if text is not None:
        for clause in ruleset.clauses:
            if clause.span is not None and sha256_of(text[clause.span[0] : clause.span[1]]) == clause.sha256:
                proven[clause.path] = clause.span

    def quote(citation: Citation) -> str | None:
        clause = proven.get(citation.path)
        if text is None or clause is None or citation.span is None:
            return None
        start, end = citation.span
        return text[start:end] if clause[0] <= start and end <= clause[1] else None

    return quote


def _decoded(original: bytes) -> str | None:
    try:
        return original.decode("utf-8")
    except UnicodeDecodeError:
        return None
