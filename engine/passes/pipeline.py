"""The passes over a checked ruleset, in order: select, fold, order → one `Program` per subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.check.ir import FactSpec, Program, Rule, Ruleset
from engine.check.walk import facts_of
from engine.passes.fold import fold
from engine.passes.order import evaluation_order

__all__ = ["build_program"]


def build_program(ruleset: Ruleset, facts: Mapping[str, FactSpec], subject: str) -> Program:
    """The program of one ruleset for one subject. A subject without rules has an empty program."""
    rules = tuple(_folded(rule) for rule in ruleset.rules if subject in rule.subjects)
    needed = _closure(rules, facts)
    return Program(
        ruleset.name,
        subject,
        None if ruleset.jurisdiction == "root" else ruleset.jurisdiction,
        ruleset.starts,
        rules,
        evaluation_order(rules),
        {rule.id: i for i, rule in enumerate(rules)},
        {name: facts[name] for name in needed},
        {p.id: p for p in ruleset.parameters},
    )


def _folded(rule: Rule) -> Rule:
    when = fold(rule.when) if rule.when is not None else None
    return replace(rule, when=when, require=fold(rule.require))


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


