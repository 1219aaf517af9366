"""The passes over a checked ruleset, in order: select, fold, share, order → one `Program` per subject."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine.check.ir import FactSpec, Program, Rule, Ruleset
from engine.check.walk import members_read, with_sources
from engine.passes.fold import fold
from engine.passes.order import evaluation_order
from engine.passes.share import Sharer

__all__ = ["build_program", "facts_program"]


def build_program(ruleset: Ruleset, facts: Mapping[str, FactSpec], subject: str) -> Program:
    """The program of one ruleset for one subject: its own rules, then those that it incorporates.

    A subject without rules has an empty program.
    """
    share = Sharer()
    rules = tuple(_prepared(rule, share) for rule in ruleset.running if subject in rule.subjects)
    needed = _prepared_facts((name for rule in rules for name in rule.needs), facts, share)
    return Program(
        ruleset.name,
        subject,
        None if ruleset.jurisdiction == "root" else ruleset.jurisdiction,
        ruleset.starts,
        rules,
        evaluation_order(rules),
        {rule.id: i for i, rule in enumerate(rules)},
        needed,
        {p.id: p for p in (*ruleset.parameters, *ruleset.standard_parameters)},
        _member_programs(ruleset.name, needed, facts, share),
    )


def facts_program(program: Program, names: Iterable[str], facts: Mapping[str, FactSpec]) -> Program:
    """A program without rules, of the same ruleset and subject, that can tell the values of some facts."""
    share = Sharer()
    needed = _prepared_facts(names, facts, share)
    members = _member_programs(program.ruleset, needed, facts, share)
    return replace(program, rules=(), order=(), index={}, facts=needed, members=members)


def _member_programs(
    ruleset: str, needed: Mapping[str, FactSpec], facts: Mapping[str, FactSpec], share: Sharer
) -> dict[str, Program]:
    """The programs of the member kinds that the aggregates of some prepared facts reach."""
    found: dict[str, Program] = {}
    for kind, names in members_read(needed.values()).items():
        read = _prepared_facts(names, facts, share)
        members = _member_programs(ruleset, read, facts, share)
        found[kind] = Program(ruleset, kind, None, None, (), (), {}, read, {}, members)
    return found


def _prepared_facts(names: Iterable[str], facts: Mapping[str, FactSpec], share: Sharer) -> dict[str, FactSpec]:
    return {name: _prepared_fact(spec, share) for name, spec in with_sources(names, facts).items()}


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
