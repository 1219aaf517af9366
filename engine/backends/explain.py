"""Verdict letters of the columnar back end → explained findings, on demand.

The truth of every condition of the record is at hand, so most findings need no second evaluation. What
rests on derived facts, anchors, windows or values by period is explained by the reference walk. Both give
the same findings, which the differential tests compare field by field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import cast

from engine.backends.pace import pace_of
from engine.backends.plan import Plan
from engine.backends.reference import Evaluation
from engine.backends.situation import Situation
from engine.backends.vectors import TRUE, UNKNOWN
from engine.check.ir import (
    AllOf,
    AnyOf,
    AtLeast,
    Choice,
    Compare,
    Constant,
    CountOf,
    Expr,
    FactRef,
    FactSpec,
    ItemOf,
    Not,
)
from engine.check.walk import children
from engine.facts import Facts
from engine.values import exact
from engine.verdicts import CODES, Finding, Verdict

__all__ = ["Explainer", "given_name"]


def given_name(spec: FactSpec, on: date) -> str:
    """How messages name a fact of which a part was given as a plain value: with its period where it has one."""
    newest = None if spec.period is None else spec.period.last_finished(on)
    return spec.name if spec.period is None or newest is None else f"{spec.name}@{spec.period.key(newest)}"


class Explainer:
    """One judged record: `codes`, and `finding(i)` for each rule.

    `truths` holds the record's row of the truth matrix, one byte per condition of the plan; `walk` is the
    record's evaluation by the reference, where one was begun for doubtful rows.
    """

    def __init__(
        self, plan: Plan, facts: Facts, situation: Situation, codes: str, truths: bytes, walk: Evaluation | None
    ) -> None:
        self.codes = codes
        self._plan = plan
        self._program = plan.program
        self._facts = facts
        self._situation = situation
        self._truths = truths
        self._walk = walk

    @property
    def evaluation(self) -> Evaluation:
        """The record's evaluation by the reference, made when first wanted."""
        if self._walk is None:
            self._walk = Evaluation(self._program, self._facts, self._situation.context)
        return self._walk

    def _walked(self, index: int, verdict: Verdict) -> Finding:
        finding = self.evaluation.finding(index)
        if finding.verdict is not verdict:
            rule = self._program.rules[index].id
            raise AssertionError(f"{rule}: columnar says {verdict.name}, reference {finding.verdict.name}")
        return finding

    def signature(self, index: int) -> tuple[object, ...] | None:
        """What decides a rule that reads nothing but yes or no; None for other rules.

        INVARIANT (few forms): records with equal signatures of a rule have equal findings of it, so what is
        written of one may be kept for the others.
        """
        names = self._plan.answers[index]
        if names is None or (self._facts.keyed and not self._plan.reads[index].isdisjoint(self._facts.keyed)):
            return None
        get = self._facts.plain.get
        if len(names) == 1:
            return self._situation.marks[index], get(names[0])
        return self._situation.marks[index], *[get(name) for name in names]

    def finding(self, index: int) -> Finding:
        """The explained verdict of one rule."""
        verdict = CODES[self.codes[index]]
        situation, rule = self._situation, self._program.rules[index]
        reason = situation.reasons[index]
        if reason is not None:
            return Finding(index, verdict, reason)
        keyed = self._facts.keyed
        if not self._plan.direct[index] or (keyed and not self._plan.reads[index].isdisjoint(keyed)):
            return self._walked(index, verdict)
        plain = self._facts.plain
        at = None
        if rule.period is not None and not self._facts.plain.keys().isdisjoint(rule.periodic):
            at = situation.keys[index]
            if situation.too_early[index]:
                return Finding(index, verdict, "before_start", due=situation.dues[index], period=at)
        due = situation.dues[index]
        if verdict is Verdict.NOT_APPLICABLE:
            return Finding(index, verdict, "out_of_scope", due=due, period=at)
        missing: tuple[str, ...] = ()
        if verdict is Verdict.INSUFFICIENT_DATA:
            missing = self._missing(rule.when, rule.require)
        notices: tuple[str, ...] = ()
        if verdict is Verdict.NON_COMPLIANT and rule.due is not None and rule.due.unstated:
            notices = ("no_deadline_stated",)
        actual: tuple[tuple[str, object], ...]
        if len(rule.reads) == 1:
            name = rule.reads[0]
            actual = ((name, plain[name]),) if name in plain else ()
        else:
            actual = tuple([(name, plain[name]) for name in rule.reads if name in plain])
        gap = self._gap(rule.require) if self._plan.gapped[index] else None
        pace = pace_of(rule, verdict, situation.context.on, due, self._plain_number) if rule.baselines else None
        return Finding(index, verdict, None, actual, gap, due, at, missing, notices, pace)

    def _gap(self, require: Expr) -> Fraction | None:
        """The distance of a plain number to the constant or plain number beside it."""
        assert isinstance(require, Compare)
        left, right = self._plain_number(require.left), self._plain_number(require.right)
        return None if left is None or right is None else abs(left - right)

    def _plain_number(self, expr: Expr) -> Fraction | None:
        match expr:
            case Constant(Fraction() as value):
                return value
            case FactRef(name):
                sent = self._facts.plain.get(name)
                return None if sent is None else exact(cast(float, sent))
            case CountOf(fact, items):
                ticked = cast(Mapping[str, bool], self._facts.plain.get(fact, {}))
                return Fraction(sum(ticked.values())) if len(ticked) == len(items) else None
            case _:
                raise AssertionError(f"no direct rule compares {type(expr).__name__}")

    # --- what is missing ------------------------------------------------------------------------

    def _missing(self, when: Expr | None, require: Expr) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for expr in (when, require):
            if expr is not None:
                found.update(dict.fromkeys(self._undecided(expr)))
        return tuple(found)

    def _undecided(self, expr: Expr) -> Iterator[str]:
        """The unknown facts under the undecided conditions."""
        if self._truths[self._plan.row_of[id(expr)]] != UNKNOWN:
            return
        match expr:
            case Choice():
                test = self._truths[self._plan.row_of[id(expr.test)]]
                wanted = children(expr) if test == UNKNOWN else (expr.then if test == TRUE else expr.otherwise,)
                for child in wanted:
                    yield from self._undecided(child)
            case AllOf() | AnyOf() | Not() | AtLeast():
                for child in children(expr):
                    yield from self._undecided(child)
            case ItemOf(fact, item):
                yield f"{self._given_name(fact)}.{item}" if self._facts.plain.get(fact) else fact
            case _:
                for name in self._plan.leaf_facts[id(expr)]:
                    yield from self._unknown(name)

    def _unknown(self, name: str) -> Iterator[str]:
        sent = self._facts.plain.get(name)
        if (not sent and self._program.facts[name].type_name == "checklist") or sent is None:
            yield name
        elif isinstance(sent, Mapping):
            given = self._given_name(name)
            yield from (f"{given}.{item}" for item in self._program.facts[name].options if item not in sent)

    def _given_name(self, name: str) -> str:
        return given_name(self._program.facts[name], self._situation.context.on)
