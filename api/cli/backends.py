"""The back ends that worked cases run on; the first is the yardstick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.backends import columnar
from engine.backends.base import Context
from engine.backends.reference import Evaluation
from engine.cases import Evaluate
from engine.check.ir import Program
from engine.facts import Facts
from engine.verdicts import Finding

__all__ = ["BACKENDS"]

_COPIES = columnar.FEW_RECORDS + 1


def _reference(program: Program, facts: Facts, context: Context, rules: Sequence[int]) -> list[Finding]:
    evaluation = Evaluation(program, facts, context)
    return [evaluation.finding(i) for i in rules]


def _columnar(program: Program, facts: Facts, context: Context, rules: Sequence[int]) -> list[Finding]:
    """The first of a few equal records: fewer the columnar back end would hand to the reference."""
    first = next(columnar.judge(program, [facts] * _COPIES, [context] * _COPIES))
    return [first.finding(i) for i in rules]


BACKENDS: Mapping[str, Evaluate] = {"reference": _reference, "columnar": _columnar}
