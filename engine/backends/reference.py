"""The reference back end: a plain tree walk in exact numbers. It defines the meaning.

It refuses nothing that a checked program can hold. Member aggregates are unknown until members are sent, like
any other missing fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import cast

from engine import numbers
from engine.backends import timeline
from engine.backends.base import Context, due_state, excluded
from engine.backends.evaluation import ColumnsOfMembers, Value, Values, plain
from engine.backends.pace import pace_of
from engine.check.ir import (
    Choice,
    Compare,
    CountOf,
    Expr,
    FactRef,
    ItemOf,
    Passes,
    Previous,
    Program,
    Rule,
    Trend,
    WindowTotal,
)
from engine.check.text import unparse
from engine.check.walk import aggregates_of, children, facts_of
from engine.facts import Facts, FactValue
from engine.values import Numeric, Root, Truth, settled
from engine.verdicts import Finding, Outcome, Verdict

__all__ = ["Trace", "evaluate", "evaluate_rule", "trace"]


def evaluate(program: Program, facts: Facts, context: Context) -> Outcome:
    """All findings of one record, in rule order."""
    evaluation = Evaluation(program, facts, context)
    return Outcome(tuple(evaluation.finding(i) for i in range(len(program.rules))))


def evaluate_rule(program: Program, index: int, facts: Facts, context: Context) -> Finding:
    """The finding of one rule."""
    return Evaluation(program, facts, context).finding(index)


@dataclass(frozen=True, slots=True)
class Trace:
    """A sub-expression, its value (None: unknown), and its operands."""

    text: str
    value: Value
    children: tuple[Trace, ...]


def trace(program: Program, index: int, facts: Facts, context: Context) -> tuple[Trace, ...]:
    """How a rule's `when` (if it has one) and requirement came to their values, at the period read."""
    evaluation = Evaluation(program, facts, context)
    rule = program.rules[index]
    finding = evaluation.finding(index)
    at = rule.period.parse(finding.period) if rule.period and finding.period else None
    evaluation.window = rule.window

    def build(expr: Expr) -> Trace:
        return Trace(unparse(expr), evaluation.value(expr, at), tuple(build(c) for c in children(expr)))

    return tuple(build(e) for e in (rule.when, rule.require) if e is not None)


class Evaluation(Values):
    """One record under one program on one day: the values of expressions, and findings."""

    def __init__(
        self, program: Program, facts: Facts, context: Context, columns: ColumnsOfMembers | None = None
    ) -> None:
        super().__init__(program, facts, context, columns)
        self._verdicts: dict[str, Finding] = {}

    def passed(self, rule: str) -> Truth:
        """C and X are true, N and T false, U unknown."""
        verdict = self.finding(self.program.index[rule]).verdict
        if verdict is Verdict.INSUFFICIENT_DATA:
            return None
        return verdict in (Verdict.COMPLIANT, Verdict.NOT_APPLICABLE)

    def finding(self, index: int) -> Finding:
        """The explained verdict of one rule."""
        rule = self.program.rules[index]
        if rule.id not in self._verdicts:
            # What looks over a window has another value in another rule: values are kept per window.
            outer = self.window, self.kept
            if rule.window != self.window:
                self.window, self.kept = rule.window, {}
            self._verdicts[rule.id] = self._finding(index, rule)
            self.window, self.kept = outer
        return self._verdicts[rule.id]

    def truths(self, rule: Rule, at: int | None) -> tuple[Truth, Truth]:
        """Whether the rule applies and whether its requirement holds, at a period."""
        applies = cast(Truth, self.value(rule.when, at)) if rule.when is not None else True
        return applies, cast(Truth, self.value(rule.require, at))

    def _finding(self, index: int, rule: Rule) -> Finding:
        reason = excluded(self.program, rule, self.context)
        if reason is not None:
            return Finding(index, Verdict.NOT_APPLICABLE, reason)
        anchor = None
        if rule.due is not None and rule.due.after is not None:
            anchor = cast(date | None, self.fact(rule.due.after, None))
        state, day, wants_anchor = due_state(rule.due, self.context, anchor)
        judged = timeline.judge(self, rule, state, day)
        if judged.verdict is Verdict.NOT_APPLICABLE:
            reason = judged.reason or "out_of_scope"
            return Finding(index, judged.verdict, reason, due=day, period=self._key(rule, judged.at))
        missing: list[str] = []
        if judged.verdict is Verdict.INSUFFICIENT_DATA:
            missing = self._missing(rule, judged.missing_at)
            if not missing and wants_anchor and rule.due is not None and rule.due.after is not None:
                missing = [rule.due.after]
        notices = list(judged.notices)
        if judged.verdict is Verdict.NON_COMPLIANT and rule.due is not None and rule.due.unstated:
            notices.append("no_deadline_stated")
        return Finding(
            index,
            judged.verdict,
            None,
            self._actual(rule, judged.at),
            self._gap(rule, judged.at),
            day,
            self._key(rule, judged.at),
            tuple(missing),
            tuple(notices),
            pace_of(rule, judged.verdict, self.context.on, day, lambda fact: self.value(fact, judged.at)),
        )

    @staticmethod
    def _key(rule: Rule, at: int | None) -> str | None:
        return rule.period.key(at) if rule.period is not None and at is not None else None

    def _actual(self, rule: Rule, at: int | None) -> tuple[tuple[str, object], ...]:
        found: list[tuple[str, object]] = []
        for name in rule.reads:
            spec = self.program.facts[name]
            if rule.whole_window and spec.period is not None:
                values = {spec.period.key(i): _shown(v) for i, v in self.series(name).items() if settled(v)}
                if values:
                    found.append((name, values))
                continue
            sent = self.given(name, at)
            if sent is None and spec.type_name != "checklist":
                value = self.fact(name, at)
                sent = _shown(value) if settled(value) else None
            if sent is not None:
                found.append((name, sent))
        return tuple(found)

    def _gap(self, rule: Rule, at: int | None) -> Fraction | None:
        if not isinstance(rule.require, Compare) or rule.require.kind != "number":
            return None
        left, right = self.value(rule.require.left, at), self.value(rule.require.right, at)
        return numbers.distance(cast(Numeric, left), cast(Numeric, right))

    def _missing(self, rule: Rule, periods: Sequence[int | None]) -> list[str]:
        """The unknown facts under the undecided nodes of `when` and the requirement."""
        found: dict[str, None] = {}
        for at in periods:
            for expr in (rule.when, rule.require):
                if expr is not None:
                    for name in self._undecided(expr, at):
                        found[name] = None
        return list(found)

    def _undecided(self, expr: Expr, at: int | None) -> Iterator[str]:
        if settled(self.value(expr, at)):
            return
        match expr:
            case FactRef():
                yield from self._unknown_fact(expr.name, at)
            case ItemOf(fact, item):
                yield f"{self._named(fact, at)}.{item}" if self.items(fact, at) else self._named(fact, at)
            case CountOf(fact, items):
                given = self.items(fact, at)
                if given:
                    yield from (f"{self._named(fact, at)}.{item}" for item in items if item not in given)
                else:
                    yield self._named(fact, at)
            case Previous(fact):
                yield from self._unknown_fact(fact, None if at is None else at - 1)
            case WindowTotal(fact) | Trend(_, fact):
                yield from self._unknown_window(fact)
            case Choice():
                test = self.value(expr.test, at)
                wanted = (expr.then if test else expr.otherwise,) if test is not None else children(expr)
                for child in wanted:
                    yield from self._undecided(child, at)
            case Passes(rule):
                yield from self.finding(self.program.index[rule]).missing
            case _:
                for child in children(expr):
                    yield from self._undecided(child, at)

    def _unknown_fact(self, name: str, at: int | None) -> Iterator[str]:
        """A missing fact by name; a derived one by its missing parts when some parts are known.

        What members leave open is named by the fact that they are rolled up to.
        """
        derive = self.program.facts[name].derive
        if derive is not None and self._partly_known(derive, at):
            yield from self._undecided(derive, at)
            if not all(settled(self.value(aggregate, at)) for aggregate in aggregates_of(derive)):
                yield self._named(name, at)
        else:
            yield self._named(name, at)

    def _partly_known(self, derive: Expr, at: int | None) -> bool:
        """True when something that a formula reads is known: a fact, what one derives from, members."""
        for name in facts_of(derive):
            inner = self.program.facts[name].derive
            if self.fact(name, at) is not None or (inner is not None and self._partly_known(inner, at)):
                return True
        return any(self.value(aggregate, at) is not None for aggregate in aggregates_of(derive))

    def _named(self, name: str, at: int | None) -> str:
        """`fact`, or `fact@period` where other periods of it were given."""
        period = self.program.facts[name].period
        if period is None or at is None or not self.periods(name):
            return name
        return f"{name}@{period.key(at)}"

    def _unknown_window(self, fact: str) -> Iterator[str]:
        period, window = self.program.facts[fact].period, self.window
        assert period is not None
        assert window is not None
        series = self.series(fact)
        for i in range(window[0], window[1] + 1):
            if not settled(series.get(i)) and period.finished(i, self.context.on):
                yield self._named(fact, i)


def _shown(value: Value) -> FactValue:
    return plain(cast(bool | Fraction | Root | date | str, value))
