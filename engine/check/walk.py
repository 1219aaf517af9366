"""Walking expressions: children, and the facts, rules and parameters an expression reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import assert_never

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
    Trend,
    WindowTotal,
    YearsSince,
)

__all__ = ["children", "facts_of", "nodes", "parameters_of", "rebuild", "rules_of", "with_sources"]


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct operands. An aggregate's parts are about members and are no operands."""
    match expr:
        case Arithmetic() | Compare():
            return (expr.left, expr.right)
        case Negate() | Abs() | Ceil() | YearsSince() | Not() | OneOf():
            return (expr.operand,)
        case Extremum() | AllOf() | AnyOf() | AtLeast():
            return expr.operands
        case Choice():
            return (expr.test, expr.then, expr.otherwise)
        case (
            Constant()
            | FactRef()
            | ParameterRef()
            | AsOf()
            | InDivision()
            | CountOf()
            | Previous()
            | WindowTotal()
            | Trend()
            | Baseline()
            | ItemOf()
            | Known()
            | Passes()
            | Aggregate()
        ):
            return ()
        case _:
            assert_never(expr)


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The same node over changed operands."""
    match expr:
        case Arithmetic():
            return Arithmetic(expr.op, change(expr.left), change(expr.right))
        case Compare():
            return Compare(expr.op, change(expr.left), change(expr.right), expr.kind, expr.ranks)
        case Negate() | Abs() | Ceil() | YearsSince() | Not():
            return type(expr)(change(expr.operand))
        case OneOf():
            return OneOf(change(expr.operand), expr.options)
        case AllOf() | AnyOf():
            return type(expr)(tuple(change(o) for o in expr.operands))
        case Extremum():
            return Extremum(expr.op, tuple(change(o) for o in expr.operands))
        case AtLeast():
            return AtLeast(expr.n, tuple(change(o) for o in expr.operands))
        case Choice():
            return Choice(change(expr.test), change(expr.then), change(expr.otherwise), expr.boolean)
        case _:
            return expr


def nodes(expr: Expr) -> Iterator[Expr]:
    """The node and everything under it, parents first, from left to right."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def facts_of(expr: Expr | None) -> tuple[str, ...]:
    """The facts an expression reads, in order of first mention."""
    found: dict[str, None] = {}
    for node in nodes(expr) if expr is not None else ():
        match node:
            case FactRef(name):
                found[name] = None
            case CountOf(fact) | Previous(fact) | WindowTotal(fact) | Known(fact) | ItemOf(fact, _) | Trend(_, fact):
                found[fact] = None
            case _:
                pass
    return tuple(found)


def with_sources(names: Iterable[str], facts: Mapping[str, FactSpec]) -> dict[str, FactSpec]:
    """The facts, in order of first mention, with all that they derive from or are bounded by."""
    found: dict[str, FactSpec] = {}
    todo = list(names)
    todo.reverse()
    while todo:
        name = todo.pop()
        if name not in found:
            spec = found[name] = facts[name]
            for formula in (spec.derive, spec.at_least, spec.at_most):
                todo.extend(facts_of(formula))
    return found


def parameters_of(expr: Expr | None) -> tuple[str, ...]:
    """The parameters an expression needs."""
    found = {n.id: None for n in (nodes(expr) if expr is not None else ()) if isinstance(n, ParameterRef)}
    return tuple(found)


def rules_of(expr: Expr | None) -> tuple[str, ...]:
    """The rules whose verdicts an expression reads."""
    found = {n.rule: None for n in (nodes(expr) if expr is not None else ()) if isinstance(n, Passes)}
    return tuple(found)
