"""The passes over a checked ruleset, in order: select, fold, share, order → one `Program` per subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.check.ir import FactSpec, Program, Rule, Ruleset
from engine.check.walk import facts_of
from engine.passes.fold import fold
from engine.passes.order import evaluation_order
from engine.passes.share import Sharer

__all__ = ["build_program"]


def build_program(ruleset: Ruleset, facts: Mapping[str, FactSpec], subject: str) -> Program:
    """The program of one ruleset for one subject. A subject without rules has an empty program."""
    share = Sharer()
    rules = tuple(_prepared(rule, share) for rule in ruleset.rules if subject in rule.subjects)
    needed = {name: _prepared_fact(facts[name], share) for name in _closure(rules, facts)}
    return Program(
        ruleset.name,
        subject,
        None if ruleset.jurisdiction == "root" else ruleset.jurisdiction,
        ruleset.starts,
        rules,
        evaluation_order(rules),
        {rule.id: i for i, rule in enumerate(rules)},
        needed,
        {p.id: p for p in ruleset.parameters},
    )


def _prepared(rule: Rule, share: Sharer) -> Rule:
    when = share(fold(rule.when)) if rule.when is not None else None
    return replace(rule, when=when, require=share(fold(rule.require)))


def _prepared_fact(spec: FactSpec, share: Sharer) -> FactSpec:
    if spec.derive is None and spec.at_least is None and spec.at_most is None:
        return spec
    derive, least, most = (
        share(fold(formula)) if formula is not None else None for formula in (spec.derive, spec.at_least, spec.at_most)
    )
    return replace(spec, derive=derive, at_least=least, at_most=most)


def _closure(rules: tuple[Rule, ...], facts: Mapping[str, FactSpec]) -> list[str]:
    """All facts that the rules read, with what those derive from or are bounded by."""
    found: dict[str, None] = {}
    todo = [name for rule in rules for name in (*rule.conditions, *rule.reads)]
    todo += [rule.due.after for rule in rules if rule.due is not None and rule.due.after is not None]
    todo.reverse()
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found[name] = None
        spec = facts[name]
        for formula in (spec.derive, spec.at_least, spec.at_most):
            todo.extend(facts_of(formula))
    return list(found)
