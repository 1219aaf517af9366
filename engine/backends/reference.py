"""The reference back end: a plain tree walk in exact numbers. It defines the meaning.

It refuses nothing that a checked program can hold. Member aggregates are unknown here until members
are sent, like any other missing fact.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, assert_never, cast

from engine import numbers
from engine.backends import timeline
from engine.backends.base import Context, due_state, excluded
from engine.check.ir import (
    Abs,
    Aggregate,
    AllOf,
    AnyOf,
    Arithmetic,
    AsOf,
    AtLeast,
    Baseline,
    Ceil,
    Choice,
    Compare,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    FactSpec,
    InDivision,
    ItemOf,
    Known,
    Negate,
    Not,
    OneOf,
    ParameterRef,
    Passes,
    Previous,
    Program,
    Rule,
    Trend,
    WindowTotal,
    YearsSince,
)
from engine.check.text import unparse
from engine.check.walk import children, facts_of
from engine.facts import Facts, FactValue
from engine.values import Interval, Numeric, Truth, exact, shortest
from engine.verdicts import Finding, Outcome, Verdict

__all__ = ["Trace", "evaluate", "evaluate_rule", "trace", "truth_of"]

Value = bool | Fraction | Interval | date | str | None

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def evaluate(program: Program, facts: Facts, context: Context) -> Outcome:
    """All findings of one record, in rule order."""
    evaluation = Evaluation(program, facts, context)
    return Outcome(tuple(evaluation.finding(i) for i in range(len(program.rules))))


def evaluate_rule(program: Program, index: int, facts: Facts, context: Context) -> Finding:
    """The finding of one rule."""
    return Evaluation(program, facts, context).finding(index)


def truth_of(program: Program, expr: Expr, facts: Facts, context: Context, at: int | None) -> Truth:
    """The truth of a condition at a period (None for a rule without periodic facts)."""
    return cast(Truth, Evaluation(program, facts, context).value(expr, at))


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

    def build(expr: Expr) -> Trace:
        return Trace(unparse(expr), evaluation.value(expr, at), tuple(build(c) for c in children(expr)))

    return tuple(build(e) for e in (rule.when, rule.require) if e is not None)


class Evaluation:
    """One record under one program on one day. Values are those of the period index `at`."""

    def __init__(self, program: Program, facts: Facts, context: Context) -> None:
        self.program = program
        self.facts = facts
        self.context = context
        self._verdicts: dict[str, Finding] = {}
        self._values: dict[tuple[int, int | None], Value] = {}

    # --- facts --------------------------------------------------------------------------------

    def series(self, name: str) -> dict[int, FactValue]:
        """The given values of a periodic fact by period, without those that begin after the day."""
        period = self.program.facts[name].period
        assert period is not None
        on = self.context.on
        if name in self.facts.keyed:
            return {i: v for i, v in self.facts.keyed[name].items() if period.begun(i, on)}
        if name in self.facts.plain:
            last = period.last_finished(on)
            assert last is not None
            return {last: self.facts.plain[name]}
        derive = self.program.facts[name].derive
        if derive is None:
            return {}
        sources = [f for f in facts_of(derive) if self.program.facts[f].period == period]
        given = [set(self.series(f)) for f in sources]
        common = set.intersection(*given) if given else set()
        found = {i: self.value(derive, i) for i in sorted(common)}
        return {i: _plain(v) for i, v in found.items() if v is not None and not isinstance(v, Interval)}

    def given(self, name: str, at: int | None) -> FactValue | None:
        """The sent value of a fact, of period `at` where it is periodic; None when missing."""
        if self.program.facts[name].period is None:
            return self.facts.plain.get(name)
        return None if at is None else self.series(name).get(at)

    def fact(self, name: str, at: int | None) -> Value:
        """The value of a fact: as sent, else derived, else bounded by other facts, else unknown."""
        spec = self.program.facts[name]
        sent = self.given(name, at)
        if sent is not None:
            return _typed(sent)
        if spec.derive is not None:
            derived = self.value(spec.derive, at)
            if derived is not None:
                return derived
        if spec.at_least is not None or spec.at_most is not None:
            return self._bounded(spec, at)
        return None

    def _bounded(self, spec: FactSpec, at: int | None) -> Numeric:
        low: Fraction | float = float("-inf")
        high: Fraction | float = float("inf")
        for limit, side in ((spec.at_least, "low"), (spec.at_most, "high")):
            value = cast(Numeric, self.value(limit, at)) if limit is not None else None
            if value is None:
                continue
            ends = (value.low, value.high) if isinstance(value, Interval) else (value, value)
            if side == "low":
                low = ends[0]
            else:
                high = ends[1]
        return numbers.interval(low, high) if low <= high else None

    def _items(self, fact: str, at: int | None) -> dict[str, bool]:
        sent = self.given(fact, at)
        return dict(cast(dict[str, bool], sent)) if sent is not None else {}

    # --- expressions --------------------------------------------------------------------------

    def value(self, expr: Expr, at: int | None) -> Value:
        """The value of any expression; None is unknown."""
        match expr:
            case Constant():
                return expr.value
            case FactRef():
                return self.fact(expr.name, at)
            case AllOf() | AnyOf() | AtLeast() | Not() | Choice() | Compare() | OneOf():
                key = (id(expr), at)
                if key not in self._values:
                    self._values[key] = self._logic(expr, at)
                return self._values[key]
            case Arithmetic() | Negate() | Abs() | Ceil() | Extremum() | YearsSince():
                key = (id(expr), at)
                if key not in self._values:
                    self._values[key] = self._numeric(expr, at)
                return self._values[key]
            case Previous() | WindowTotal() | Trend() | Baseline():
                return self._over_time(expr, at)
            case CountOf():
                items = self._items(expr.fact, at)
                ticked = sum(items.values())
                unknown = len(expr.items) - len(items)
                return numbers.interval(Fraction(ticked), Fraction(ticked + unknown)) if items else None
            case ItemOf():
                return self._items(expr.fact, at).get(expr.item)
            case Known():
                return (
                    self.fact(expr.fact, at) is not None
                    if not self._is_checklist(expr.fact)
                    else bool(self._items(expr.fact, at))
                )
            case AsOf():
                return self.context.on
            case InDivision():
                return bool(self.context.path) and any(code in self.context.path[:2] for code in expr.codes)
            case ParameterRef():
                return self.context.parameters.get(expr.id)
            case Passes():
                verdict = self.finding(self.program.index[expr.rule]).verdict
                if verdict is Verdict.INSUFFICIENT_DATA:
                    return None
                return verdict in (Verdict.COMPLIANT, Verdict.NOT_APPLICABLE)
            case Aggregate():
                return None
            case _:
                assert_never(expr)

    def _is_checklist(self, fact: str) -> bool:
        return self.program.facts[fact].type_name == "checklist"

    def _truths(self, operands: Sequence[Expr], at: int | None) -> list[Truth]:
        return [cast(Truth, self.value(o, at)) for o in operands]

    def _logic(self, expr: AllOf | AnyOf | AtLeast | Not | Choice | Compare | OneOf, at: int | None) -> Value:
        match expr:
            case AllOf():
                truths = self._truths(expr.operands, at)
                return False if False in truths else None if None in truths else True
            case AnyOf():
                truths = self._truths(expr.operands, at)
                return True if True in truths else None if None in truths else False
            case AtLeast():
                truths = self._truths(expr.operands, at)
                holds = sum(t is True for t in truths)
                possible = holds + sum(t is None for t in truths)
                return True if holds >= expr.n else False if possible < expr.n else None
            case Not():
                truth = cast(Truth, self.value(expr.operand, at))
                return None if truth is None else not truth
            case Choice():
                return self._choice(expr, at)
            case OneOf():
                option = self.value(expr.operand, at)
                return None if option is None else option in expr.options
            case Compare():
                return self._compare(expr, at)

    def _choice(self, expr: Choice, at: int | None) -> Value:
        test = cast(Truth, self.value(expr.test, at))
        if test is not None:
            return self.value(expr.then if test else expr.otherwise, at)
        then, otherwise = self.value(expr.then, at), self.value(expr.otherwise, at)
        if expr.boolean:
            return then if then == otherwise else None
        return numbers.hull(cast(Numeric, then), cast(Numeric, otherwise))

    def _compare(self, expr: Compare, at: int | None) -> Truth:
        left, right = self.value(expr.left, at), self.value(expr.right, at)
        if expr.kind == "number":
            return numbers.compare(expr.op, cast(Numeric, left), cast(Numeric, right))
        if left is None or right is None:
            return None
        if expr.kind == "grade":
            return _ORDER[expr.op](expr.ranks.index(cast(str, left)), expr.ranks.index(cast(str, right)))
        return _ORDER[expr.op](left, right)

    def _numeric(self, expr: Arithmetic | Negate | Abs | Ceil | Extremum | YearsSince, at: int | None) -> Numeric:
        match expr:
            case Arithmetic():
                left, right = self.value(expr.left, at), self.value(expr.right, at)
                if isinstance(left, date) and isinstance(right, date):
                    return Fraction((left - right).days)
                if isinstance(left, date) or isinstance(right, date):
                    return None
                return numbers.arithmetic(expr.op, cast(Numeric, left), cast(Numeric, right))
            case Negate():
                return numbers.negate(cast(Numeric, self.value(expr.operand, at)))
            case Abs():
                return numbers.magnitude(cast(Numeric, self.value(expr.operand, at)))
            case Ceil():
                return numbers.ceiling(cast(Numeric, self.value(expr.operand, at)))
            case Extremum():
                return numbers.extremum(expr.op, [cast(Numeric, self.value(o, at)) for o in expr.operands])
            case YearsSince():
                day = cast(date | None, self.value(expr.operand, at))
                if day is None:
                    return None
                on = self.context.on
                return Fraction(on.year - day.year - ((on.month, on.day) < (day.month, day.day)))

    def _over_time(self, expr: Previous | WindowTotal | Trend | Baseline, at: int | None) -> Value:
        if isinstance(expr, Baseline):
            return expr.value
        if isinstance(expr, Previous):
            return None if at is None else self.fact(expr.fact, at - 1)
        window = self._window
        assert window is not None
        spec = self.program.facts[expr.fact]
        series = {i: exact(cast(float, v)) for i, v in self.series(expr.fact).items()}
        if isinstance(expr, WindowTotal):
            return timeline.window_total(spec, series, window, self.context.on)
        return timeline.trend(expr.op, spec, series, window, self.context.on)

    _window: tuple[int, int] | None = None

    # --- verdicts -----------------------------------------------------------------------------

    def finding(self, index: int) -> Finding:
        """The explained verdict of one rule."""
        rule = self.program.rules[index]
        if rule.id not in self._verdicts:
            # What looks over a window has another value in another rule: values are kept per window.
            outer = self._window, self._values
            if rule.window != self._window:
                self._window, self._values = rule.window, {}
            self._verdicts[rule.id] = self._finding(index, rule)
            self._window, self._values = outer
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
        )

    @staticmethod
    def _key(rule: Rule, at: int | None) -> str | None:
        return rule.period.key(at) if rule.period is not None and at is not None else None

    def _actual(self, rule: Rule, at: int | None) -> tuple[tuple[str, object], ...]:
        found: list[tuple[str, object]] = []
        for name in rule.reads:
            spec = self.program.facts[name]
            if rule.whole_window and spec.period is not None:
                values = {spec.period.key(i): v for i, v in sorted(self.series(name).items())}
                if values:
                    found.append((name, values))
                continue
            sent = self.given(name, at)
            if sent is None and spec.type_name != "checklist":
                value = self.fact(name, at)
                sent = _plain(value) if value is not None and not isinstance(value, Interval) else None
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
        value = self.value(expr, at)
        if value is not None and not isinstance(value, Interval):
            return
        match expr:
            case FactRef():
                yield from self._unknown_fact(expr.name, at)
            case ItemOf(fact, item):
                yield f"{self._named(fact, at)}.{item}" if self._items(fact, at) else self._named(fact, at)
            case CountOf(fact, items):
                given = self._items(fact, at)
                if given:
                    yield from (f"{self._named(fact, at)}.{item}" for item in items if item not in given)
                else:
                    yield self._named(fact, at)
            case Previous(fact):
                yield from self._unknown_fact(fact, None if at is None else at - 1)
            case WindowTotal(fact) | Trend(_, fact):
                yield from self._unknown_window(fact)
            case Passes(rule):
                yield from self.finding(self.program.index[rule]).missing
            case _:
                for child in children(expr):
                    yield from self._undecided(child, at)

    def _unknown_fact(self, name: str, at: int | None) -> Iterator[str]:
        """A missing fact by name; a derived one by its missing parts when some parts are known."""
        derive = self.program.facts[name].derive
        if derive is not None and not isinstance(derive, Aggregate):
            parts = facts_of(derive)
            if any(self.fact(part, at) is not None for part in parts):
                yield from self._undecided(derive, at)
                return
        yield self._named(name, at)

    def _named(self, name: str, at: int | None) -> str:
        """`fact`, or `fact@period` where other periods of it were given."""
        period = self.program.facts[name].period
        if period is None or at is None or not self.series(name):
            return name
        return f"{name}@{period.key(at)}"

    def _unknown_window(self, fact: str) -> Iterator[str]:
        period, window = self.program.facts[fact].period, self._window
        assert period is not None
        assert window is not None
        series = self.series(fact)
        for i in range(window[0], window[1] + 1):
            if i not in series and period.finished(i, self.context.on):
                yield self._named(fact, i)


def _typed(sent: FactValue) -> Value:
    """A sent value as the evaluator computes with it. A checklist is read item by item."""
    if isinstance(sent, bool | str | date):
        return sent
    if isinstance(sent, int | float):
        return exact(sent)
    return None


def _plain(value: bool | Fraction | date | str) -> FactValue:
    return shortest(value) if isinstance(value, Fraction) else value
