"""The known word nearest to one that is not known, for help sentences.

Callers send what they like, thousands of unknown names in one body among them: words are compared letter by letter
only where the letters that they have in common allow it, and what was found is kept for the records that follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

__all__ = ["Nearest", "did_you_mean"]

_CUTOFF = 0.6
"""How alike two words must be: 2 · matching letters / letters of both, as `difflib` counts them."""
_MOST_COMPARED = 60
"""Words that are compared letter by letter. A slip of the pen is among the first few by letters in common."""
_LONGEST_WORD = 200
_WORDS_KEPT = 1_024
_LISTS_KEPT = 64


class Nearest:
    """The choices of one list, prepared once."""

    def __init__(self, choices: Iterable[str]) -> None:
        # One bit for each letter and each further time that it stands in a word: letters in common are then an `&`.
        self._bits: dict[tuple[str, int], int] = {}
        self._choices = [(choice, len(choice), self._letters(choice, learn=True)) for choice in choices]
        self._kept = lru_cache(maxsize=_WORDS_KEPT)(self._nearest)

    def __call__(self, word: str) -> str | None:
        """The choice nearest to a word, or None when none is near."""
        # Longer ones would only fill the memory.
        return None if len(word) > _LONGEST_WORD else self._kept(word)

    def _letters(self, word: str, *, learn: bool = False) -> int:
        times: dict[str, int] = {}
        found = 0
        for letter in word:
            number = times[letter] = times.get(letter, 0) + 1
            key = (letter, number)
            bit = self._bits.setdefault(key, len(self._bits)) if learn else self._bits.get(key)
            if bit is not None:
                found |= 1 << bit
        return found

    def _nearest(self, word: str) -> str | None:
        letters, length = self._letters(word), len(word)
        bounds = [
            (2 * (letters & other).bit_count() / ((length + size) or 1), choice)
            for choice, size, other in self._choices
        ]
        likely = sorted((bound for bound in bounds if bound[0] >= _CUTOFF), reverse=True)[:_MOST_COMPARED]
        best, found = 0.0, None
        matcher = SequenceMatcher(b=word)
        for bound, choice in likely:
            if bound < best:
                break
            matcher.set_seq1(choice)
            alike = matcher.ratio()
            if alike >= _CUTOFF and (found is None or (alike, choice) > (best, found)):
                best, found = alike, choice
        return found


_list_of = lru_cache(maxsize=_LISTS_KEPT)(Nearest)


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A help sentence naming the nearest choice, or None when none is near."""
    near = _list_of(tuple(choices))(word)
    return None if near is None else f"did you mean `{near}`?"
