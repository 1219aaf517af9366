"""What a judged block shows of numbers, rule by rule for many rows: values read, gaps, and supplied facts that differ.

It says what findings of the reference say, for rows without members; what columns do not tell is left to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.backends import rationals
from engine.backends.columnar import Judged
from engine.backends.columns import sent_number
from engine.backends.letters import Indexes
from engine.backends.rationals import Rational
from engine.backends.vectors import TRUE, TRUTHS, UNKNOWN, Mask
from engine.check.ir import Compare, FactSpec
from engine.facts import FactValue

__all__ = ["computed", "differing", "gaps", "in_doubt", "shown"]


def differing(judged: Judged, derived: Iterable[str]) -> dict[int, list[str]]:
    """By row, the derived facts that it may have supplied otherwise than they are computed."""
    layout, derived = judged.plan.layout, list(derived)
    # From members or by period: whoever asks looks closer, where anything was sent.
    closer = np.zeros(judged.block.size, dtype=bool)
    closer[judged.block.containers] = True
    found: dict[int, list[str]] = {}
    for name in derived:
        derive, sent = judged.program.facts[name].derive, judged.sent(name)
        assert derive is not None
        differs = sent & closer
        if name in layout.truths:
            at = judged.plan.row_of.get(id(derive))
            if at is not None:
                differs |= (
                    sent & (judged.truths[at] != UNKNOWN) & (judged.truths[at] != judged.truths[layout.truths[name]])
                )
        elif name not in layout.options:
            rows = np.flatnonzero(sent)
            with np.errstate(all="ignore"):
                column = judged.numbers.sent(judged.program.facts[name], rows)
                truth, doubt = rationals.compare("!=", column, judged.numbers.of(derive).at(rows))
            differs[rows[np.broadcast_to(truth == TRUE, len(rows))]] = True
            if doubt is not None:
                differs[rows[np.broadcast_to(doubt, len(rows))]] = True
        for row in np.flatnonzero(differs[: judged.count]).tolist():
            found.setdefault(row, []).append(name)
    for keyed in judged.block.keyed.values():
        found.update((row, derived) for row in keyed)
    return dict(sorted(found.items()))


def computed(judged: Judged, name: str, rows: Indexes) -> list[float | None] | None:
    """What a derived number comes to, for some rows without members. None: columns do not tell all of them."""
    spec = judged.program.facts[name]
    assert spec.derive is not None
    if name not in judged.plan.layout.numbers or name in judged.plan.layout.options or spec.type_name == "date":
        return None
    with np.errstate(all="ignore"):
        found = judged.numbers.of(spec.derive).at(rows)
        doubts = found.doubts()
    return None if doubts is not None and doubts.any() else _told(found, rows)


def in_doubt(judged: Judged, rule: int, rows: Indexes) -> Mask:
    """Which of some rows without members have a number that the rule shows and that columns do not say."""
    found = np.zeros(len(rows), dtype=bool)
    with np.errstate(all="ignore"):
        for numbers in (
            *_sides(judged, rule, rows),
            *(judged.numbers.fact(s).at(rows) for s in _computed(judged, rule)),
        ):
            doubts = numbers.doubts()
            if doubts is not None:
                found |= doubts
    return found


def shown(judged: Judged, name: str, rows: Indexes) -> list[FactValue | None] | None:
    """A fact as findings show it, for some rows that are not in doubt. None: columns do not tell.

    As sent, else as derived, None where it is unknown.
    """
    layout, spec = judged.plan.layout, judged.program.facts[name]
    if name in layout.items or (spec.derive is not None and (name in layout.truths or name in layout.options)):
        return None
    if name in layout.truths:
        return [TRUTHS[truth] for truth in judged.block.truths[layout.truths[name], rows].tolist()]
    column: list[float] = judged.as_sent.numbers[layout.numbers[name], rows].tolist()
    sent = [sent_number(spec, value) for value in column]
    if spec.derive is None or None not in sent:
        return list(sent)
    with np.errstate(all="ignore"):
        derived = None if spec.type_name == "date" else _told(judged.numbers.fact(spec).at(rows), rows)
    if derived is None:
        return None
    return [other if value is None else value for value, other in zip(sent, derived, strict=True)]


def gaps(judged: Judged, rule: int, rows: Indexes) -> list[float | None] | None:
    """The gaps of findings of a rule, for some rows that are not in doubt. None: columns do not tell."""
    with np.errstate(all="ignore"):
        sides = _sides(judged, rule, rows)
        if not sides:
            return [None] * len(rows)
        return _told(rationals.magnitude(rationals.arithmetic("-", *sides)), rows)


def _told(numbers: Rational, rows: Indexes) -> list[float | None] | None:
    """Numbers of some rows as they are shown; those of a constant have one entry."""
    found = numbers.told()
    return found * len(rows) if found is not None and len(found) == 1 else found


def _sides(judged: Judged, rule: int, rows: Indexes) -> list[Rational]:
    """The two sides of a requirement that has a gap, in some rows."""
    require = judged.program.rules[rule].require
    if not judged.plan.gapped[rule]:
        return []
    assert isinstance(require, Compare)
    return [judged.numbers.of_rows(side, rows) for side in (require.left, require.right)]


def _computed(judged: Judged, rule: int) -> list[FactSpec]:
    """The numbers that a rule shows and that need not have been sent."""
    specs = [judged.program.facts[name] for name in judged.program.rules[rule].reads]
    return [s for s in specs if s.name in judged.plan.layout.numbers and (s.derive or s.at_least or s.at_most)]
