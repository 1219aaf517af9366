"""A program several times over, every copy on facts of its own, so that nothing is shared between the copies."""

from __future__ import annotations

from dataclasses import replace

from engine.check.ir import (
    Baseline,
    CountOf,
    Expr,
    FactRef,
    FactSpec,
    ItemOf,
    Known,
    Passes,
    Previous,
    Program,
    Rule,
    Trend,
    WindowTotal,
)
from engine.check.walk import rebuild
from engine.passes.share import Sharer

__all__ = ["widened"]


def widened(program: Program, times: int) -> Program:
    """The program with its rules `times` over. Once is the program itself."""
    if times == 1:
        return program
    share = Sharer()
    rules: list[Rule] = []
    order: list[int] = []
    facts: dict[str, FactSpec] = {}
    for copy in range(times):
        order += [len(rules) + i for i in program.order]
        rules += [_rule(rule, f"_{copy}", share) for rule in program.rules]
        facts |= {f"{name}_{copy}": _spec(spec, f"_{copy}", share) for name, spec in program.facts.items()}
    index = {rule.id: i for i, rule in enumerate(rules)}
    return replace(program, rules=tuple(rules), order=tuple(order), index=index, facts=facts)


def _rule(rule: Rule, mark: str, share: Sharer) -> Rule:
    due = rule.due
    if due is not None and due.after is not None:
        due = replace(due, after=due.after + mark)
    return replace(
        rule,
        id=rule.id + mark,
        when=share(_renamed(rule.when, mark)) if rule.when is not None else None,
        require=share(_renamed(rule.require, mark)),
        due=due,
        baselines=tuple((fact + mark, value, at) for fact, value, at in rule.baselines),
        periodic=tuple(name + mark for name in rule.periodic),
        reads=tuple(name + mark for name in rule.reads),
        conditions=tuple(name + mark for name in rule.conditions),
        passes=tuple(name + mark for name in rule.passes),
    )


def _spec(spec: FactSpec, mark: str, share: Sharer) -> FactSpec:
    derive, least, most = (
        share(_renamed(formula, mark)) if formula is not None else None
        for formula in (spec.derive, spec.at_least, spec.at_most)
    )
    return replace(spec, name=spec.name + mark, derive=derive, at_least=least, at_most=most)


def _renamed(expr: Expr, mark: str) -> Expr:
    """The expression on the facts of a copy. Facts of members stay: nobody sends members here."""
    match expr:
        case FactRef(name):
            return FactRef(name + mark)
        case ItemOf(fact, item):
            return ItemOf(fact + mark, item)
        case CountOf(fact, items):
            return CountOf(fact + mark, items)
        case Previous(fact):
            return Previous(fact + mark)
        case Known(fact):
            return Known(fact + mark)
        case WindowTotal(fact):
            return WindowTotal(fact + mark)
        case Trend(op, fact):
            return Trend(op, fact + mark)
        case Passes(rule):
            return Passes(rule + mark)
        case Baseline():
            return replace(expr, fact=expr.fact + mark)
        case _:
            return rebuild(expr, lambda inner: _renamed(inner, mark))
