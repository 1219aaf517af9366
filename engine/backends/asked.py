"""What the aggregates of a program ask of each kind of member, as a program of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from engine.check.ir import Aggregate, Citation, Expr, Program, Rule
from engine.check.walk import aggregates_of, choice_tests, facts_of, formulas, parts

__all__ = ["aggregates", "asked_of"]


@lru_cache(maxsize=512)
def aggregates(program: Program) -> Mapping[str, tuple[Aggregate, ...]]:
    """The aggregates of a program's facts by the kind of member that they are over."""
    found: dict[str, dict[int, Aggregate]] = {}
    for spec in program.facts.values():
        for formula in formulas(spec):
            for aggregate in aggregates_of(formula):
                found.setdefault(aggregate.member, {})[id(aggregate)] = aggregate
    return {kind: tuple(each.values()) for kind, each in found.items()}


@lru_cache(maxsize=512)
def asked_of(program: Program, kind: str) -> Program:
    """The program of a kind of member with a rule for every condition that an aggregate asks of it.

    Whoever has members as columns lays them out by it (`layout_of`) and hands them over as `Below`.
    """
    inner = program.members[kind]
    conditions: dict[int, Expr] = {}
    for aggregate in aggregates(program)[kind]:
        if aggregate.where is not None:
            conditions[id(aggregate.where)] = aggregate.where
        if aggregate.op in ("share", "every") and aggregate.value is not None:
            conditions[id(aggregate.value)] = aggregate.value
        for part in parts(aggregate):
            conditions.update((id(test), test) for test in choice_tests(part, inner.facts))
    rules = tuple(_asking(i, kind, expr) for i, expr in enumerate(conditions.values()))
    index = {rule.id: i for i, rule in enumerate(rules)}
    return replace(inner, rules=rules, order=tuple(range(len(rules))), index=index)


def _asking(number: int, kind: str, condition: Expr) -> Rule:
    """A condition as a rule of no plan: only its truth is looked at."""
    return Rule(
        id=f"members/{number}",
        citation=Citation("", "", "", None, None),
        also_at=(),
        figures=(),
        subjects=(kind,),
        when=None,
        require=condition,
        when_text=None,
        require_text="",
        force="binding",
        evidence="measured",
        topic="",
        title={},
        summary={},
        note=None,
        read_as=None,
        due=None,
        starts=None,
        until=None,
        window=None,
        baselines=(),
        whole_window=False,
        period=None,
        periodic=(),
        reads=facts_of(condition),
        conditions=(),
        parameters=(),
        passes=(),
        conflicts_with=(),
        reviewed=None,
    )
