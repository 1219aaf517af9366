"""A threshold that the fact's bounds make idle: every value meets it, or none does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from engine import codes
from engine.check.ir import CountOf, Expr, FactRef, FactSpec, Previous
from engine.check.text import number_text
from engine.diagnostics import Diagnostic
from engine.lints.examined import Examined, Limit, limits

__all__ = ["decided_by_bounds", "thresholds_out_of_bounds"]


def thresholds_out_of_bounds(examined: Examined) -> Iterator[Diagnostic]:
    """Comparisons of a fact with a number that its bounds decide by themselves."""
    for rule in examined.ruleset.rules:
        for limit in limits(examined, rule):
            found, holds = _range(limit.side, examined.facts), decided_by_bounds(limit, examined.facts)
            if found is not None and holds is not None:
                name, low, high = found
                bounds = f"{number_text(low)} and {number_text(high)}"
                problem = f"with {number_text(limit.figure)} {'always' if holds else 'never'} holds"
                yield codes.threshold_out_of_bounds(name, bounds, problem, limit.span)


def _range(expr: Expr, facts: Mapping[str, FactSpec]) -> tuple[str, Fraction, Fraction] | None:
    """The name and the ends of what a fact, or the count of a checklist, can be."""
    match expr:
        case FactRef(name) | Previous(name):
            bounds = facts[name].bounds
            return None if bounds is None else (name, *bounds)
        case CountOf(fact, items):
            return fact, Fraction(0), Fraction(len(items))
        case _:
            return None


def decided_by_bounds(limit: Limit, facts: Mapping[str, FactSpec]) -> bool | None:
    """Whether every value of a fact meets a limit, none does, or it depends (None)."""
    found = _range(limit.side, facts)
    if found is None:
        return None
    (_, low, high), figure = found, limit.figure
    match limit.op:
        case "<":
            return True if high < figure else False if low >= figure else None
        case "<=":
            return True if high <= figure else False if low > figure else None
        case ">":
            return True if low > figure else False if high <= figure else None
        case ">=":
            return True if low >= figure else False if high < figure else None
        case _:
            outside = not low <= figure <= high
            return (limit.op == "!=") if outside else None
