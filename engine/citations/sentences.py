"""Sentences of a clause, and which of them no rule and no reason accounts for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

__all__ = ["has_words", "sentences", "unaccounted"]

_END = re.compile(r"[。;；!！?？\n\r\u2028\u2029]+")


def has_words(text: str) -> bool:
    """True when a text holds more than white space, punctuation and marks."""
    return any(unicodedata.category(char)[0] in "LN" for char in text)


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of the sentences in `text[start:end]`: parted by 。；！？ and line ends, blanks left out.

    The mark that ends a sentence belongs to it.
    """
    at = start
    while at < end:
        mark = _END.search(text, at, end)
        stop = mark.end() if mark else end
        if has_words(text[at:stop]):
            first = at + len(text[at:stop]) - len(text[at:stop].lstrip())
            yield first, first + len(text[first:stop].rstrip())
        at = stop


def unaccounted(text: str, clause: tuple[int, int], spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The sentences of a clause of which no span holds even one word."""
    known = list(spans)
    return [
        (start, end)
        for start, end in sentences(text, *clause)
        if not any(has_words(text[max(start, a) : min(end, b)]) for a, b in known if a < end and start < b)
    ]
