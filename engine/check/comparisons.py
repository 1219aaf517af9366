"""Comparisons → typed IR: numbers and days, grades and categories, checklists, divisions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from engine import codes
from engine.check.ir import AllOf, Compare, Constant, Expr, FactRef, InDivision, ItemOf, Not, OneOf, Operator, mirrored
from engine.values import BOOLEAN, Boolean, Category, Checklist, Date, Number, Type, describe

if TYPE_CHECKING:
    from engine.check.expressions import Checker, Typed

__all__ = ["check_comparison"]

_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


def check_comparison(checker: Checker, node: ast.Compare) -> Typed:
    """The IR of a comparison, a chain of them, or a membership; its type is boolean."""
    sides = [node.left, *node.comparators]
    links: list[Expr | None] = [
        _link(checker, op, left, right) for op, left, right in zip(node.ops, sides, sides[1:], strict=False)
    ]
    if any(link is None for link in links):
        return None
    found = cast(list[Expr], links)
    return (found[0] if len(found) == 1 else AllOf(tuple(found))), BOOLEAN


def _link(checker: Checker, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Expr | None:
    if isinstance(op, ast.In | ast.NotIn):
        inner = _membership(checker, left, right)
        return inner if isinstance(op, ast.In) or inner is None else Not(inner)
    operator = _OPERATORS[type(op)]
    for one, other in ((left, right), (right, left)):
        if isinstance(one, ast.Name) and one.id == "division":
            return _division(checker, operator, (other,), one)
    text_left, text_right = _text(left), _text(right)
    if text_left is not None and text_right is None:
        return _option(checker, mirrored(operator), right, left, text_left)
    if text_right is not None:
        return _option(checker, operator, left, right, text_right)
    a, b = checker.check(left), checker.check(right)
    if a is None or b is None:
        return None
    return _compare(checker, operator, a, b, right)


def _compare(
    checker: Checker, operator: Operator, a: tuple[Expr, Type], b: tuple[Expr, Type], right: ast.expr
) -> Expr | None:
    if isinstance(a[1], Number | Date) and type(a[1]) is type(b[1]):
        if checker.require(b, a[1], right) is None:
            return None
        return Compare(operator, a[0], b[0], "number" if isinstance(a[1], Number) else "date")
    if isinstance(a[1], Category) and isinstance(b[1], Category) and checker.require(b, a[1], right):
        return _ranked(checker, operator, a[0], b[0], a[1], right)
    if isinstance(a[1], Boolean | Checklist):
        help_ = "facts are conditions by themselves: `x` or `not x`"
        checker.collector.add(codes.construct_not_allowed(f"comparing {describe(a[1])}", checker.span(right), help_))
    elif not isinstance(a[1], Category) or not isinstance(b[1], Category):
        checker.collector.add(codes.type_mismatch(describe(a[1]), describe(b[1]), checker.span(right)))
    return None


def _ranked(checker: Checker, operator: Operator, a: Expr, b: Expr, type_: Category, node: ast.expr) -> Expr | None:
    if operator not in ("==", "!=") and not type_.ordered:
        checker.collector.add(codes.type_mismatch("a grade (ordered)", "a category", checker.span(node)))
        return None
    if type_.ordered:
        return Compare(operator, a, b, "grade", type_.options)
    return Compare(operator, a, b, "category")


def _option(checker: Checker, operator: Operator, fact: ast.expr, text: ast.expr, option: str) -> Expr | None:
    typed = checker.check(fact)
    if typed is None:
        return None
    if not isinstance(typed[1], Category):
        checker.collector.add(codes.type_mismatch(describe(typed[1]), "a text", checker.span(text)))
        return None
    if not _has_option(checker, fact, typed[1].options, option, text):
        return None
    return _ranked(checker, operator, typed[0], Constant(option), typed[1], text)


def _has_option(checker: Checker, fact: ast.expr, options: tuple[str, ...], option: str, node: ast.expr) -> bool:
    if option in options:
        return True
    name = checker.parsed.source_of(fact)
    checker.collector.add(codes.unknown_option(option, name, options, checker.span(node)))
    return False


def _membership(checker: Checker, left: ast.expr, right: ast.expr) -> Expr | None:
    if isinstance(left, ast.Name) and left.id == "division":
        elements = tuple(right.elts) if isinstance(right, ast.Tuple) else (right,)
        return _division(checker, "==", elements, left)
    item = _text(left)
    if item is not None:
        return _item(checker, item, left, right)
    if not isinstance(right, ast.Tuple) or not right.elts:
        checker.collector.add(
            codes.construct_not_allowed("`in` without a tuple", checker.span(right), 'write `in ("a", "b")`')
        )
        return None
    typed = checker.check(left)
    if typed is None:
        return None
    if not isinstance(typed[1], Category):
        checker.collector.add(codes.type_mismatch("a category", describe(typed[1]), checker.span(left)))
        return None
    options: list[str] = []
    for element in right.elts:
        option = _text(element)
        if option is None:
            checker.collector.add(codes.type_mismatch("a text", "something else", checker.span(element)))
            return None
        if not _has_option(checker, left, typed[1].options, option, element):
            return None
        options.append(option)
    return OneOf(typed[0], tuple(sorted(set(options), key=typed[1].options.index)))


def _item(checker: Checker, item: str, left: ast.expr, right: ast.expr) -> Expr | None:
    typed = checker.check(right)
    if typed is None:
        return None
    if not isinstance(typed[1], Checklist) or not isinstance(typed[0], FactRef):
        checker.collector.add(codes.type_mismatch("a checklist", describe(typed[1]), checker.span(right)))
        return None
    if not _has_option(checker, right, typed[1].items, item, left):
        return None
    return ItemOf(typed[0].name, item)


def _division(checker: Checker, operator: Operator, elements: tuple[ast.expr, ...], node: ast.expr) -> Expr | None:
    if operator not in ("==", "!="):
        checker.collector.add(codes.construct_not_allowed("ordering divisions", checker.span(node)))
        return None
    found: list[str] = []
    for element in elements:
        code = _text(element)
        if code is None:
            checker.collector.add(codes.type_mismatch("a division code", "something else", checker.span(element)))
            return None
        if checker.scope.divisions and code not in checker.scope.divisions:
            checker.collector.add(codes.unknown_division(code, checker.span(element)))
            return None
        found.append(code)
    inner = InDivision(tuple(sorted(set(found))))
    return inner if operator == "==" else Not(inner)


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
