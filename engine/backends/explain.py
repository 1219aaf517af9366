"""Verdict letters of the columnar back end → explained findings.

Most rules read one fact, or compare one with a constant: those are explained straight from the record.
Whatever is not of that shape is explained by the reference walk. Both give the same findings, which the
differential tests compare field by field.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import cast

from engine.backends.base import Context
from engine.backends.reference import Evaluation
from engine.backends.situation import Situation, situation_of
from engine.check.ir import Compare, Constant, Expr, FactRef, Not, OneOf, Program, Rule
from engine.facts import Facts
from engine.values import exact
from engine.verdicts import CODES, Finding, Verdict

__all__ = ["Explainer"]


@dataclass(frozen=True, slots=True)
class _Shape:
    """A rule that can be explained without a walk.

    `single`: the one fact that the requirement reads; `limit`: the constant it is compared with.
    `unconditional`: there is no `when`, so an unknown verdict lacks just that fact.
    """

    reads: tuple[str, ...]
    touches: frozenset[str]
    single: str | None
    limit: Fraction | None
    gapped: bool
    unconditional: bool


@lru_cache(maxsize=512)
def _shapes(program: Program) -> tuple[_Shape | None, ...]:
    return tuple(_shape(program, rule) for rule in program.rules)


def _shape(program: Program, rule: Rule) -> _Shape | None:
    names = dict.fromkeys((*rule.conditions, *rule.reads))
    for name in names:
        spec = program.facts[name]
        if spec.derive is not None or spec.at_least is not None or spec.at_most is not None:
            return None
        if spec.type_name == "checklist":
            return None
    if rule.window is not None or (rule.due is not None and rule.due.after is not None):
        return None
    single, limit = _single(rule.require)
    gapped = isinstance(rule.require, Compare) and rule.require.kind == "number"
    if gapped and limit is None:
        return None
    return _Shape(rule.reads, frozenset(names), single, limit, gapped, rule.when is None)


def _single(require: Expr) -> tuple[str | None, Fraction | None]:
    """The one fact of a requirement and its numeric limit, where it has that form."""
    match require:
        case FactRef(name) | Not(FactRef(name)) | OneOf(FactRef(name), _):
            return name, None
        case Compare(_, FactRef(name), Constant(limit)) | Compare(_, Constant(limit), FactRef(name)):
            return name, limit if isinstance(limit, Fraction) else None
        case _:
            return None, None


class Explainer:
    """Explains the letters of one record. The walk of the reference is begun only when needed."""

    def __init__(self, program: Program, facts: Facts, context: Context) -> None:
        self._program = program
        self._facts = facts
        self._context = context
        self._situation: Situation = situation_of(program, context)
        self._shapes = _shapes(program)
        self._walk: Evaluation | None = None

    def _walked(self, index: int, verdict: Verdict) -> Finding:
        if self._walk is None:
            self._walk = Evaluation(self._program, self._facts, self._context)
        finding = self._walk.finding(index)
        if finding.verdict is not verdict:
            rule = self._program.rules[index].id
            raise AssertionError(f"{rule}: columnar says {verdict.name}, reference {finding.verdict.name}")
        return finding

    def finding(self, index: int, letter: str) -> Finding:
        """The finding of one rule whose verdict is known."""
        verdict = CODES[letter]
        situation, rule = self._situation, self._program.rules[index]
        reason = situation.reasons[index]
        if reason is not None:
            return Finding(index, verdict, reason)
        shape = self._shapes[index]
        if shape is None or (self._facts.keyed and not shape.touches.isdisjoint(self._facts.keyed)):
            return self._walked(index, verdict)
        plain = self._facts.plain
        at = None
        if rule.period is not None and any(name in plain for name in rule.periodic):
            at = situation.keys[index]
            if situation.too_early[index]:
                return Finding(index, verdict, "before_start", due=situation.dues[index], period=at)
        due = situation.dues[index]
        if verdict is Verdict.NOT_APPLICABLE:
            return Finding(index, verdict, "out_of_scope", due=due, period=at)
        missing: tuple[str, ...] = ()
        if verdict is Verdict.INSUFFICIENT_DATA:
            if not shape.unconditional or shape.single is None or shape.single in plain:
                return self._walked(index, verdict)
            missing = (shape.single,)
        actual = tuple((name, cast(object, plain[name])) for name in shape.reads if name in plain)
        gap = None
        if shape.gapped and shape.single in plain:
            assert shape.limit is not None
            gap = abs(exact(cast(float, plain[shape.single])) - shape.limit)
        notices: tuple[str, ...] = ()
        if verdict is Verdict.NON_COMPLIANT and rule.due is not None and rule.due.unstated:
            notices = ("no_deadline_stated",)
        return Finding(index, verdict, None, actual, gap, due, at, missing, notices)
