"""Function calls → typed IR."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, cast

from engine import codes
from engine.check.ir import (
    Abs,
    Aggregate,
    AtLeast,
    Baseline,
    Ceil,
    Constant,
    CountOf,
    Expr,
    Extremum,
    Known,
    ParameterRef,
    Passes,
    Previous,
    Trend,
    WindowTotal,
    YearsSince,
)
from engine.functions import FUNCTIONS
from engine.periods import parse_day
from engine.values import (
    BOOLEAN,
    DATE,
    PERCENT,
    Boolean,
    Category,
    Checklist,
    Date,
    Number,
    Type,
    Unit,
    describe,
)
from engine.words import REACHES, SUBJECTS

if TYPE_CHECKING:
    from engine.check.expressions import Checker, Typed
    from engine.check.ir import FactSpec

__all__ = ["check_call"]

_COUNT = Number(Unit((("count", 1),)), integer=True)
_YEARS = Number(Unit((("years", 1),)), integer=True)


def check_call(checker: Checker, node: ast.Call) -> Typed:
    """The IR and type of a call."""
    if not isinstance(node.func, ast.Name):
        checker.collector.add(codes.construct_not_allowed("calling this", checker.span(node.func)))
        return None
    name = node.func.id
    if name not in FUNCTIONS:
        checker.collector.add(codes.unknown_function(name, FUNCTIONS, checker.span(node.func)))
        return None
    if FUNCTIONS[name].aggregate:
        return _aggregate(checker, node, name)
    if node.keywords:
        return _wrong(checker, node, name)
    match name:
        case "date" | "param" | "passes":
            return _literal(checker, node, name)
        case "known" | "previous" | "baseline" | "total" | "rises" | "never_falls" | "count_of":
            return _of_fact(checker, node, name)
        case "at_least":
            return _at_least(checker, node)
        case "min" | "max":
            return _extremum(checker, node, name)
        case _:
            return _of_value(checker, node, name)


def _wrong(checker: Checker, node: ast.Call, name: str) -> Typed:
    checker.collector.add(codes.wrong_arguments(name, FUNCTIONS[name].takes, checker.span(node)))
    return None


def _literal(checker: Checker, node: ast.Call, name: str) -> Typed:
    argument = node.args[0] if len(node.args) == 1 else None
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return _wrong(checker, node, name)
    text = argument.value
    if name == "date":
        day = parse_day(text)
        if day is None:
            checker.collector.add(codes.bad_scalar("a date like `2016-12-31`", text, checker.span(argument)))
            return None
        return Constant(day), DATE
    if name == "param":
        parameter = checker.scope.parameters.get(text)
        if parameter is None:
            known = list(checker.scope.parameters)
            checker.collector.add(codes.unknown_parameter(text, known, checker.span(argument)))
            return None
        return ParameterRef(text), parameter.type
    if checker.scope.place not in ("when", "require"):
        checker.collector.add(codes.construct_not_allowed("`passes` outside a rule", checker.span(node)))
        return None
    if text not in checker.scope.rules:
        checker.collector.add(codes.unknown_rule(text, checker.scope.rules, checker.span(argument)))
        return None
    return Passes(text), BOOLEAN


def _of_fact(checker: Checker, node: ast.Call, name: str) -> Typed:
    argument = node.args[0] if len(node.args) == 1 else None
    if not isinstance(argument, ast.Name):
        return _wrong(checker, node, name)
    spec = checker.scope.facts.get(argument.id)
    if spec is None:
        checker.collector.add(codes.unknown_fact(argument.id, checker.scope.facts, checker.span(argument)))
        return None
    if not checker.same_subject(spec.name, spec.subjects, argument):
        return None
    if name == "known":
        if checker.scope.place != "when":
            checker.collector.add(codes.known_outside_when(checker.span(node)))
            return None
        return Known(spec.name), BOOLEAN
    if name == "count_of":
        if not isinstance(spec.type, Checklist):
            checker.collector.add(codes.type_mismatch("a checklist", describe(spec.type), checker.span(argument)))
            return None
        return CountOf(spec.name, spec.type.items), _COUNT
    if not isinstance(spec.type, Number):
        checker.collector.add(codes.type_mismatch("a number", describe(spec.type), checker.span(argument)))
        return None
    if name == "baseline":
        figure = checker.scope.baseline(spec.name)
        if figure is None:
            checker.collector.add(codes.missing_key("baseline", f"the rule (for `{spec.name}`)", checker.span(node)))
            return None
        return Baseline(spec.name, *figure), spec.type
    return _over_time(checker, node, name, spec)


def _over_time(checker: Checker, node: ast.Call, name: str, spec: FactSpec) -> Typed:
    if spec.period is None:
        checker.collector.add(
            codes.period_misuse(
                f"`{name}` needs a periodic fact, but `{spec.name}` has no `period`",
                checker.span(node),
            )
        )
        return None
    if name == "previous":
        return Previous(spec.name), spec.type
    if not checker.scope.windowed:
        checker.collector.add(
            codes.period_misuse(
                f"`{name}` looks over a window", checker.span(node), "add `window: [first, last]` to the rule"
            )
        )
        return None
    if name == "total":
        return WindowTotal(spec.name), spec.type
    return Trend(cast(Literal["rises", "never_falls"], name), spec.name), BOOLEAN


def _at_least(checker: Checker, node: ast.Call) -> Typed:
    first = node.args[0] if node.args else None
    if not isinstance(first, ast.Constant) or type(first.value) is not int:
        return _wrong(checker, node, "at_least")
    operands = [checker.boolean(argument) for argument in node.args[1:]]
    if not 1 <= first.value <= len(operands):
        return _wrong(checker, node, "at_least")
    if any(o is None for o in operands):
        return None
    return AtLeast(first.value, tuple(o for o in operands if o is not None)), BOOLEAN


def _numbers(checker: Checker, nodes: list[ast.expr]) -> tuple[list[Expr], Number] | None:
    """Numbers of one unit."""
    exprs: list[Expr] = []
    unit: Unit | None = None
    failed = False
    for node in nodes:
        typed = checker.require(checker.check(node), Number(unit), node)
        if typed is None:
            failed = True
            continue
        exprs.append(typed[0])
        unit = unit if unit is not None else cast(Number, typed[1]).unit
    return None if failed else (exprs, Number(unit))


def _extremum(checker: Checker, node: ast.Call, op: Literal["min", "max"]) -> Typed:
    if len(node.args) < 2:
        return _wrong(checker, node, op)
    found = _numbers(checker, node.args)
    return None if found is None else (Extremum(op, tuple(found[0])), found[1])


def _of_value(checker: Checker, node: ast.Call, name: str) -> Typed:
    if len(node.args) != 1:
        return _wrong(checker, node, name)
    typed = checker.check(node.args[0])
    if typed is None:
        return None
    expr, type_ = typed
    if name == "years_since":
        if not isinstance(type_, Date):
            checker.collector.add(codes.type_mismatch("a date", describe(type_), checker.span(node.args[0])))
            return None
        return YearsSince(expr), _YEARS
    if not isinstance(type_, Number):
        checker.collector.add(codes.type_mismatch("a number", describe(type_), checker.span(node.args[0])))
        return None
    return (Abs(expr), type_) if name == "abs" else (Ceil(expr), type_)


# --- aggregates over members ---------------------------------------------------------------------

_KEYWORDS = {
    "count": {"where"},
    "sum": {"where"},
    "share": {"where", "weight"},
    "mean": {"where", "weight"},
    "cv": {"where", "per"},
    "lowest": {"where"},
    "every": {"where"},
}


def _aggregate(checker: Checker, node: ast.Call, name: str) -> Typed:
    if checker.scope.place != "derive":
        checker.collector.add(codes.aggregate_outside_derive(name, checker.span(node)))
        return None
    positional = 1 if name == "count" else 2
    member = node.args[0] if node.args else None
    keywords = {k.arg: k.value for k in node.keywords if k.arg}
    if (
        len(node.args) != positional
        or not isinstance(member, ast.Name)
        or set(keywords) - _KEYWORDS[name]
        or len(keywords) != len(node.keywords)
        or (name == "cv" and "per" not in keywords)
    ):
        return _wrong(checker, node, name)
    if not _reachable(checker, member):
        return None
    inner = type(checker)(checker.parsed, checker.scope.inside(member.id, "where"))
    value = inner.check(node.args[1]) if positional == 2 else None
    where = inner.boolean(keywords["where"]) if "where" in keywords else None
    weight_node = keywords.get("weight", keywords.get("per"))
    weight = inner.check(weight_node) if weight_node is not None else None
    failed = (
        (positional == 2 and value is None)
        or ("where" in keywords and where is None)
        or (weight_node is not None and weight is None)
    )
    if failed:
        return None
    if weight is not None and not isinstance(weight[1], Number):
        assert weight_node is not None
        checker.collector.add(codes.type_mismatch("a number", describe(weight[1]), checker.span(weight_node)))
        return None
    result = _result_type(checker, node, name, value[1] if value else None, weight[1] if weight else None)
    if result is None:
        return None
    op = cast(Literal["count", "sum", "share", "mean", "cv", "lowest", "every"], name)
    return (
        Aggregate(op, member.id, value[0] if value else None, where, weight[0] if weight else None),
        result,
    )


def _reachable(checker: Checker, member: ast.Name) -> bool:
    if member.id not in SUBJECTS:
        checker.collector.add(codes.type_mismatch("a member kind", f"`{member.id}`", checker.span(member)))
        return False
    for subject in checker.scope.subjects:
        if member.id not in REACHES.get(subject, ()):
            checker.collector.add(
                codes.type_mismatch(f"a member of a {subject}", f"`{member.id}`", checker.span(member))
            )
            return False
    return True


def _result_type(checker: Checker, node: ast.Call, name: str, value: Type | None, weight: Type | None) -> Type | None:
    wants: type[Type]
    result: Type | None
    match name:
        case "count":
            return _COUNT
        case "share" | "every":
            wants, result = Boolean, (Number(PERCENT) if name == "share" else BOOLEAN)
        case "lowest":
            wants, result = Category, value
        case "cv":
            wants, result = Number, Number(Unit())
        case _:
            wants, result = Number, value
    if not isinstance(value, wants) or (isinstance(value, Category) and not value.ordered):
        expected = {"share": "a condition", "every": "a condition", "lowest": "a grade"}.get(name, "a number")
        found = describe(value) if value else "nothing"
        checker.collector.add(codes.type_mismatch(expected, found, checker.span(node.args[1])))
        return None
    return result
