"""Answers are compared with the reference before anything is timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.peers.lowered import Lowered
from bench.synthetic import Columns, Truths
from bench.workloads import Workload
from engine.backends import reference
from engine.facts import FactReader

__all__ = ["Compared", "Disagreement", "compare", "expected"]

MOST_INEXACT = 0.002
"""Most verdicts of rules with arithmetic that float64 may get wrong on a limit; more is a wrong translation."""


class Disagreement(Exception):
    """A peer answers otherwise than the reference where it should not."""


@dataclass(frozen=True)
class Compared:
    """How many verdicts were compared, and how many differ on a limit, where the peer's arithmetic is not exact."""

    verdicts: int
    inexact: int


def expected(workload: Workload, columns: Columns, count: int) -> Truths:
    """The letters of the first `count` subjects by the reference, a row per rule."""
    reader = FactReader(workload.program.facts, workload.program.subject)
    codes: list[str] = []
    for row in range(count):
        facts, problems = reader.read(columns.facts(row))
        if problems:
            raise Disagreement(f"a synthetic subject is refused: {problems[0]}")
        codes.append(reference.evaluate(workload.program, facts, workload.contexts[columns.places[row]]).codes)
    flat = np.frombuffer("".join(codes).encode(), dtype=np.uint8)
    return flat.reshape(count, len(workload.program.rules)).T


def compare(lowered: Lowered, wanted: Truths, found: Truths, who: str, left_out: Sequence[int] = ()) -> Compared:
    """Compare the codes of the lowered rules, a row each, with those of the reference for all rules.

    Rules that compute may differ where the two sides are equal in exact numbers and not in floats; these are
    counted. Anything else raises Disagreement.
    """
    rules = [rule for rule in lowered.rules if rule.index not in left_out]
    verdicts, inexact = 0, 0
    for rule, row in zip(rules, found, strict=True):
        differ = np.flatnonzero(wanted[rule.index] != row[: wanted.shape[1]])
        verdicts += wanted.shape[1]
        if not len(differ):
            continue
        if not rule.arithmetic:
            at = int(differ[0])
            raise Disagreement(
                f"{who} and the reference disagree on {rule.id} for {len(differ)} subjects: subject {at} is "
                f"{chr(wanted[rule.index, at])} by the reference, {chr(row[at])} by {who}"
            )
        inexact += len(differ)
    if inexact > MOST_INEXACT * verdicts:
        raise Disagreement(f"{who} and the reference disagree on {inexact:,} of {verdicts:,} verdicts")
    return Compared(verdicts, inexact)
