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

__all__ = [
    "aggregates_of",
    "children",
    "choice_tests",
    "facts_of",
    "formulas",
    "members_read",
    "nodes",
    "parameters_of",
    "parts",
    "rebuild",
    "rules_of",
    "with_members",
    "with_sources",
]


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct operands. An aggregate's parts are about members and are no operands."""
    match expr:
        # What is met most often stands first: every start of the service walks all rules many times.
        case FactRef() | Constant():
            return ()
        case Arithmetic() | Compare():
            return (expr.left, expr.right)
        case Negate() | Abs() | Ceil() | YearsSince() | Not() | OneOf():
            return (expr.operand,)
        case Extremum() | AllOf() | AnyOf() | AtLeast():
            return expr.operands
        case Choice():
            return (expr.test, expr.then, expr.otherwise)
        case (
            ParameterRef()
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
    """The same node over changed operands; of an aggregate over changed parts."""
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
        case Aggregate(op, member, value, where, weight):
            return Aggregate(op, member, *(None if part is None else change(part) for part in (value, where, weight)))
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


def formulas(spec: FactSpec) -> tuple[Expr, ...]:
    """What a fact derives from and what bounds it, as far as it has them."""
    return tuple(e for e in (spec.derive, spec.at_least, spec.at_most) if e is not None)


def choice_tests(expr: Expr, facts: Mapping[str, FactSpec]) -> Iterator[Expr]:
    """The tests of choices between numbers in an expression, also inside what its facts come from."""
    for node in nodes(expr):
        if isinstance(node, Choice) and not node.boolean:
            yield node.test
        elif isinstance(node, FactRef):
            for formula in formulas(facts[node.name]):
                yield from choice_tests(formula, facts)


def with_sources(names: Iterable[str], facts: Mapping[str, FactSpec]) -> dict[str, FactSpec]:
    """The facts, in order of first mention, with all that they derive from or are bounded by."""
    found: dict[str, FactSpec] = {}
    todo = list(names)
    todo.reverse()
    while todo:
        name = todo.pop()
        if name not in found:
            spec = found[name] = facts[name]
            for formula in formulas(spec):
                todo.extend(facts_of(formula))
    return found


def aggregates_of(expr: Expr | None) -> tuple[Aggregate, ...]:
    """The aggregates over members in a formula, each once, from left to right."""
    found = {n: None for n in (nodes(expr) if expr is not None else ()) if isinstance(n, Aggregate)}
    return tuple(found)


def parts(aggregate: Aggregate) -> tuple[Expr, ...]:
    """What an aggregate asks of each member: its value, condition and weight, as far as it has them."""
    return tuple(e for e in (aggregate.value, aggregate.where, aggregate.weight) if e is not None)


def members_read(facts: Iterable[FactSpec]) -> dict[str, tuple[str, ...]]:
    """By member kind, the facts of members that the aggregates of some facts name; the kinds that they reach."""
    found: dict[str, dict[str, None]] = {}
    for spec in facts:
        for formula in formulas(spec):
            for aggregate in aggregates_of(formula):
                names = found.setdefault(aggregate.member, {})
                for part in parts(aggregate):
                    names.update(dict.fromkeys(facts_of(part)))
    return {kind: tuple(names) for kind, names in found.items()}


def with_members(names: Iterable[str], facts: Mapping[str, FactSpec]) -> dict[str, FactSpec]:
    """As `with_sources`, and with the facts of members that are read, through any depth."""
    found = with_sources(names, facts)
    fresh = found
    while read := {name for named in members_read(fresh.values()).values() for name in named} - found.keys():
        fresh = {name: spec for name, spec in with_sources(sorted(read), facts).items() if name not in found}
        found |= fresh
    return found


def parameters_of(expr: Expr | None) -> tuple[str, ...]:
    """The parameters an expression needs."""
    found = {n.id: None for n in (nodes(expr) if expr is not None else ()) if isinstance(n, ParameterRef)}
    return tuple(found)


def rules_of(expr: Expr | None) -> tuple[str, ...]:
    """The rules whose verdicts an expression reads."""
    found = {n.rule: None for n in (nodes(expr) if expr is not None else ()) if isinstance(n, Passes)}
    return tuple(found)
