"""How large an expression is with everything that it reads: limits that keep evaluation bounded.

Derived facts, aggregates and `passes` lead from one expression to another. Without a limit a short text could be as
deep as the interpreter's stack, or take exponential time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.check.ir import Aggregate, Expr, FactRef, FactSpec
from engine.check.walk import children, facts_of, formulas, nodes, parts

__all__ = ["MAX_HEIGHT", "MAX_WEIGHT", "Size", "sizes_of_facts"]

MAX_HEIGHT = 60
"""Deepest nesting of an expression, counted through the derived facts and rules that it reads."""
MAX_WEIGHT = 20_000
"""Most parts of an expression, counted through the derived facts that it reads, each time it reads them."""


@dataclass(frozen=True, slots=True)
class Size:
    """Levels and parts; a missing expression has none."""

    height: int = 0
    weight: int = 0

    @classmethod
    def of(cls, expr: Expr | None, facts: Mapping[str, Size]) -> Size:
        """The size of an expression, given the sizes of the facts that it may read."""
        if expr is None:
            return cls()
        height, weight = 0, 0
        level = [expr]
        while level:
            height += 1
            level = [child for node in level for child in _under(node)]
        below = [facts[name] for name in _read(expr) if name in facts]
        for node in _everything(expr):
            weight += 1 + (facts[node.name].weight if isinstance(node, FactRef) and node.name in facts else 0)
        return cls(height + max((size.height for size in below), default=0), weight)

    @property
    def excess(self) -> tuple[str, str] | None:
        """What is too large, and the limit, in words; None when nothing is."""
        if self.height > MAX_HEIGHT:
            return "nesting, with the derived facts that it reads,", f"{MAX_HEIGHT} levels"
        if self.weight > MAX_WEIGHT:
            return "the expression, with the derived facts that it reads,", f"{MAX_WEIGHT:,} parts"
        return None


def _under(node: Expr) -> tuple[Expr, ...]:
    return parts(node) if isinstance(node, Aggregate) else children(node)


def _everything(expr: Expr) -> Iterator[Expr]:
    """All nodes, those about members too."""
    for node in nodes(expr):
        yield node
        if isinstance(node, Aggregate):
            for part in parts(node):
                yield from _everything(part)


def _read(expr: Expr) -> set[str]:
    """The facts that an expression names, those of members too."""
    inner = [name for node in nodes(expr) if isinstance(node, Aggregate) for p in parts(node) for name in _read(p)]
    return {*facts_of(expr), *inner}


def sizes_of_facts(facts: Mapping[str, FactSpec]) -> dict[str, Size]:
    """The size of every fact's own formulas. The facts go in no circle."""
    found: dict[str, Size] = {}

    def visit(name: str, path: int) -> Size:
        if name not in found and name in facts and path <= MAX_HEIGHT:
            spec = facts[name]
            own = formulas(spec)
            for formula in own:
                for other in _read(formula):
                    visit(other, path + 1)
            sizes = [Size.of(formula, found) for formula in own]
            found[name] = Size(max((size.height for size in sizes), default=0), sum(size.weight for size in sizes))
        return found.get(name, Size())

    for name in facts:
        visit(name, 1)
    return found
