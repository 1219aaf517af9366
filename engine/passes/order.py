"""Ordering: a rule that reads another's verdict comes after it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.check.ir import Rule

__all__ = ["evaluation_order"]


def evaluation_order(rules: Sequence[Rule]) -> tuple[int, ...]:
    """Indexes of rules such that `passes` finds its rule decided. The checker has refused circles."""
    index = {rule.id: i for i, rule in enumerate(rules)}
    order: dict[int, None] = {}

    def visit(i: int) -> None:
        if i in order:
            return
        for other in rules[i].passes:
            visit(index[other])
        order[i] = None

    for i in range(len(rules)):
        visit(i)
    return tuple(order)
