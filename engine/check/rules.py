"""One rule's document → the typed `Rule`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine import codes
from engine.check.days import check_due, disagreement
from engine.check.dead import why_dead
from engine.check.dictionary import Dictionary
from engine.check.expressions import check_expression
from engine.check.ir import Due, Expr, FactSpec, Parameter, Passes, Rule, Trend, WindowTotal
from engine.check.ledger import Ledger
from engine.check.scope import Scope
from engine.check.walk import facts_of, nodes, parameters_of, rebuild, rules_of
from engine.diagnostics import Collector
from engine.load.documents import RuleDoc
from engine.periods import BadPeriod, PeriodKind
from engine.source import Text
from engine.values import BOOLEAN, Number
from engine.words import EVIDENCE

__all__ = ["RuleScope", "check_rule"]


@dataclass(frozen=True, slots=True)
class RuleScope:
    """What the rules of one ruleset may refer to."""

    ruleset: str
    dictionary: Dictionary
    parameters: Mapping[str, Parameter]
    rules: frozenset[str]
    divisions: frozenset[str]
    ledger: Ledger
    collector: Collector


def check_rule(doc: RuleDoc, scope: RuleScope) -> Rule | None:
    """The typed rule, or None when a mistake leaves nothing to run."""
    collector = scope.collector
    cited = scope.ledger.citation(doc.citation, collector)
    also = [scope.ledger.citation(locator, collector) for locator in doc.also_at]
    when = _expression(doc, doc.when, "when", scope) if doc.when else None
    require = _expression(doc, doc.require, "require", scope)
    for other in doc.conflicts_with:
        if other.value not in scope.rules:
            collector.add(codes.unknown_rule(other.value, scope.rules, other.span))
    subjects = [text.value for text in doc.subjects]
    due = check_due(doc.due, subjects, scope.dictionary, scope.divisions, collector)
    _check_days(doc, due, collector)
    if cited is None or require is None or (doc.when is not None and when is None):
        return None
    if when is not None and (why := why_dead(when, scope.dictionary.facts)) is not None:
        assert doc.when is not None
        collector.add(codes.dead_condition(why, doc.when.content))
    facts = scope.dictionary.facts
    reads, conditions = facts_of(require), facts_of(when)
    kind = _period(doc, (*conditions, *reads), facts, collector)
    if kind is None:
        return None
    period, periodic = kind
    window = _window(doc, period, collector)
    if doc.window is not None and window is None:
        return None
    parameters = tuple(dict.fromkeys((*parameters_of(when), *parameters_of(require))))
    evidence = max((EVIDENCE.index(facts[f].evidence) for f in (*reads, *conditions)), default=0)
    for baseline in doc.baselines:
        spec = facts.get(baseline.fact.value)
        if spec is None:
            collector.add(codes.unknown_fact(baseline.fact.value, facts, baseline.fact.span))
        elif not isinstance(spec.type, Number):
            collector.add(codes.type_mismatch("a number", spec.type_name, baseline.fact.span))
    return Rule(
        f"{scope.ruleset}/{doc.id.value}",
        cited,
        tuple(c for c in also if c is not None),
        doc.figures,
        tuple(t.value for t in doc.subjects),
        when,
        require,
        " ".join(doc.when.value.split()) if doc.when else None,
        " ".join(doc.require.value.split()),
        doc.force,
        EVIDENCE[evidence],
        doc.topic,
        doc.title,
        doc.summary,
        doc.note,
        doc.read_as,
        due,
        doc.starts,
        doc.until,
        window,
        tuple((baseline.fact.value, baseline.value, baseline.at) for baseline in doc.baselines),
        any(isinstance(n, WindowTotal | Trend) for n in nodes(require)),
        period,
        periodic,
        reads,
        conditions,
        parameters,
        tuple(dict.fromkeys((*rules_of(when), *rules_of(require)))),
        tuple(f"{scope.ruleset}/{t.value}" for t in doc.conflicts_with),
        doc.reviewed,
    )


def _expression(doc: RuleDoc, text: Text, place: str, scope: RuleScope) -> Expr | None:
    names = Scope(
        tuple(t.value for t in doc.subjects),
        scope.dictionary.facts,
        scope.dictionary.scopes,
        scope.collector,
        place,
        scope.parameters,
        scope.rules,
        scope.divisions,
        {b.fact.value: b for b in doc.baselines},
        doc.window is not None,
    )
    typed = check_expression(text, names, BOOLEAN)
    return _qualified(typed[0], scope.ruleset) if typed else None


def _qualified(expr: Expr, ruleset: str) -> Expr:
    """`passes("id")` names a rule of the same ruleset: give it its full id."""
    if isinstance(expr, Passes):
        return Passes(f"{ruleset}/{expr.rule}")
    return rebuild(expr, lambda e: _qualified(e, ruleset))


def _check_days(doc: RuleDoc, due: Due | None, collector: Collector) -> None:
    if doc.window is not None and due is not None:
        collector.add(codes.due_inconsistent("`window` and `due` do not go together", doc.window[0].span))
    disagreement(doc.starts, doc.until, due, doc.place, collector)


def _period(
    doc: RuleDoc, names: tuple[str, ...], facts: Mapping[str, FactSpec], collector: Collector
) -> tuple[PeriodKind | None, tuple[str, ...]] | None:
    """The one kind of period of a rule's periodic facts (if any), and those facts; None for several kinds."""
    periodic = tuple(dict.fromkeys(name for name in names if facts[name].period is not None))
    kinds = {facts[name].period: name for name in reversed(periodic)}
    if len(kinds) > 1:
        listed = ", ".join(f"`{name}` ({kind})" for kind, name in kinds.items())
        collector.add(
            codes.period_misuse(
                f"the rule mixes kinds of period: {listed}", doc.require.content, "split the rule, one for each kind"
            )
        )
        return None
    return next(iter(kinds), None), periodic


def _window(doc: RuleDoc, period: PeriodKind | None, collector: Collector) -> tuple[int, int] | None:
    if doc.window is None:
        return None
    if period is None:
        collector.add(codes.period_misuse("`window` needs a periodic fact in the rule", doc.window[0].span))
        return None
    indexes = []
    for text in doc.window:
        try:
            indexes.append(period.parse(text.value))
        except BadPeriod as error:
            collector.add(codes.period_misuse(str(error), text.span))
    if len(indexes) != 2:
        return None
    if indexes[0] > indexes[1]:
        collector.add(codes.due_inconsistent("the window ends before it begins", doc.window[0].span))
        return None
    return indexes[0], indexes[1]
