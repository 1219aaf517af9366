"""Truths → verdict letters and outcomes, four rules at a time.

A rule's *standing* for a record is one of four: unmet 0, open 1, met 2, out of scope 3. Four standings fit a byte,
so one look-up in a table of 256 entries gives four letters. The tables depend on the states of the rules (deadlines,
exclusions), which records of one place and day share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.backends.vectors import FALSE, TRUE, UNKNOWN, Truths
from engine.verdicts import BY_SEVERITY, DueState, Verdict, decide

__all__ = [
    "EXCLUDED",
    "MET",
    "OPEN",
    "OUT",
    "UNMET",
    "Indexes",
    "letters",
    "outcomes",
    "packed",
    "passes",
    "scopes",
    "worst",
]

EXCLUDED = 3
"""The state of a rule that is X whatever the facts say; the others are `DueState` values."""

UNMET, OPEN, MET, OUT = 0, 1, 2, 3

Indexes = npt.NDArray[np.intp]
_Entry = TypeVar("_Entry", bound=np.generic)
_KEPT_TABLES = 512
_BYTES = 256
_CHUNK = 2_048
"""Records that are looked up at a time."""
_NARROW = 2**16
"""As many entries are told apart by the narrowest index."""


def scopes(applies: Truths) -> tuple[Truths, Truths]:
    """From whether rules apply: a mask of the records inside (255, else 0), and the standing of those that are not."""
    inside: Truths = np.negative((applies == TRUE).view(np.uint8))
    outside: Truths = np.subtract(TRUE, applies)
    outside += (applies == FALSE).view(np.uint8)
    return inside, outside


def packed(rows: Truths) -> Truths:
    """Standings of rules (a multiple of four) for records (a multiple of eight) → one byte for each four rules."""
    words = rows.view(np.uint64)
    found = words[1::4] << np.uint64(2)
    found |= words[0::4]
    found |= words[2::4] << np.uint64(4)
    found |= words[3::4] << np.uint64(6)
    return found.view(np.uint8)


def _letter(standing: int, state: int) -> str:
    if state == EXCLUDED:
        return Verdict.NOT_APPLICABLE.letter
    requirement = {UNMET: False, OPEN: None}.get(standing, True)
    return decide(standing != OUT, requirement, DueState(state)).letter


_LETTERS = np.array([[ord(_letter(s, state)) for s in range(4)] for state in range(EXCLUDED + 1)], dtype=np.uint8)
PASSES = {"C": TRUE, "X": TRUE, "N": FALSE, "T": FALSE, "U": UNKNOWN}
"""The truth of `passes` by the letter of the rule that it names."""
_PASSES = np.array([[PASSES[chr(c)] for c in row] for row in _LETTERS], dtype=np.uint8)
_SEVERITY = np.zeros(256, dtype=np.uint8)
for _severity, _verdict in enumerate(BY_SEVERITY):
    _SEVERITY[ord(_verdict.letter)] = _severity
_STANDINGS = np.stack([(np.arange(256) >> shift) & 3 for shift in (0, 2, 4, 6)])
"""The four standings in each byte."""


def passes(standing: Truths, states: Truths) -> Truths:
    """The truth of `passes` from a rule's standing in each record and its state there."""
    found: Truths = _PASSES[states, standing]
    return found


@lru_cache(maxsize=_KEPT_TABLES)
def _letter_tables(states: bytes) -> npt.NDArray[np.uint32]:
    """For each four rules and each byte of standings, four letters in the order of the rules."""
    fours = _LETTERS[np.frombuffer(states, dtype=np.uint8)].reshape(-1, 4, 4)
    found = np.stack([fours[:, place][:, _STANDINGS[place]] for place in range(4)], axis=2)
    return np.ascontiguousarray(found).view(np.uint32).reshape(-1, 256)


@lru_cache(maxsize=_KEPT_TABLES)
def _severity_tables(states: bytes, counted: bytes) -> Truths:
    """For each four rules and each byte of standings, the worst severity among the counted ones."""
    of_rules = _SEVERITY[_LETTERS[np.frombuffer(states, dtype=np.uint8)]]
    of_rules *= np.frombuffer(counted, dtype=np.uint8)[:, None]
    fours = of_rules.reshape(-1, 4, 4)
    found: Truths = np.max([fours[:, place][:, _STANDINGS[place]] for place in range(4)], axis=0)
    return found


def _looked_up(tables: npt.NDArray[_Entry], bytes_: Truths, kind_of: Indexes | None) -> Iterator[npt.NDArray[_Entry]]:
    """For some records at a time the entries of their bytes, a row for each row of `bytes_`.

    The tables of all rows are laid end to end, those of each kind of place one after the other. A few records at a time
    stay in the processor's caches, which makes it four times as quick.
    """
    fours, records = bytes_.shape
    narrow: type[np.unsignedinteger[Any]] = np.uint16 if len(tables) <= _NARROW else np.uint32
    starts = (np.arange(fours) * _BYTES).astype(narrow)[:, None]
    of_kind = None if kind_of is None else (kind_of * (fours * _BYTES)).astype(narrow)
    for at in range(0, records, _CHUNK):
        where = bytes_[:, at : at + _CHUNK] + starts
        if of_kind is not None:
            where += of_kind[at : at + _CHUNK]
        yield tables.take(where, mode="clip")


def _tables(states: Sequence[bytes], make: Callable[[bytes], npt.NDArray[_Entry]]) -> npt.NDArray[_Entry]:
    return np.concatenate([make(s).reshape(-1) for s in states]) if len(states) > 1 else make(states[0]).reshape(-1)


def letters(bytes_: Truths, states: Sequence[bytes], kind_of: Indexes | None) -> Truths:
    """The letters, one row per record, four columns for each row of `bytes_`.

    `states`: the states of the rules, a string of bytes for each kind of place, and which kind each record is of
    (None: there is one).
    """
    if not len(bytes_):
        return np.empty((bytes_.shape[1], 0), dtype=np.uint8)
    found = np.empty((bytes_.shape[1], len(bytes_)), dtype=np.uint32)
    at = 0
    for words in _looked_up(_tables(states, _letter_tables), bytes_, kind_of):
        found[at : at + words.shape[1]] = words.T
        at += words.shape[1]
    return found.view(np.uint8)


def outcomes(bytes_: Truths, states: Sequence[bytes], kind_of: Indexes | None, counted: bytes) -> Truths:
    """The severity of each record's outcome (a place in `BY_SEVERITY`) over the rules whose byte in `counted` is 1."""
    if not len(bytes_):
        return np.zeros(bytes_.shape[1], dtype=np.uint8)
    tables = _tables(states, lambda s: _severity_tables(s, counted))
    return np.concatenate([np.maximum.reduce(found, axis=0) for found in _looked_up(tables, bytes_, kind_of)])


def worst(of_records: Truths) -> Truths:
    """The severity of each record's outcome from its letters, one row per record."""
    found: Truths = np.max(_SEVERITY[of_records], axis=1, initial=0)
    return found
