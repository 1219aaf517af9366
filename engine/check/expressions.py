"""Expression trees → typed IR: names, types and units.

`check_expression` returns the IR and its type, or None with every mistake in the collector. A part
that fails does not hide mistakes in its neighbours.
"""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from fractions import Fraction
from typing import Literal, cast

from engine import codes
from engine.check import calls, comparisons
from engine.check.ir import (
    AllOf,
    AnyOf,
    Arithmetic,
    AsOf,
    Choice,
    Constant,
    Expr,
    FactRef,
    Negate,
    Not,
)
from engine.check.scope import MAX_PARTS, MAX_SCOPES, Scope
from engine.source import Span, Text
from engine.syntax.parse import Parsed, parse_expression
from engine.values import (
    BOOLEAN,
    DATE,
    LITERAL,
    PERCENT,
    Boolean,
    Category,
    Date,
    Number,
    Type,
    Unit,
    describe,
    unit_of,
)

__all__ = ["Typed", "check_expression"]

Typed = tuple[Expr, Type] | None

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?")
_ARITHMETIC: dict[type[ast.operator], Literal["+", "-", "*", "/"]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_DAYS = Number(Unit((("days", 1),)))


def check_expression(text: Text, scope: Scope, expected: Type | None) -> Typed:
    """Check one expression. With `expected` its type (and unit) must be that."""
    parsed = parse_expression(text, scope.collector)
    if parsed is None:
        return None
    checker = Checker(parsed, scope)
    typed = checker.check(parsed.tree)
    if typed is None or expected is None:
        return typed
    return checker.require(typed, expected, parsed.tree)


class Checker:
    """Checks the nodes of one parsed expression."""

    def __init__(self, parsed: Parsed, scope: Scope) -> None:
        self.parsed = parsed
        self.scope = scope
        self.collector = scope.collector

    def span(self, node: ast.expr | ast.keyword) -> Span:
        """Where a node stands in the file."""
        return self.parsed.span(node)

    def require(self, typed: Typed, expected: Type, node: ast.expr) -> Typed:
        """The same, with a diagnostic when the type is not the expected one."""
        if typed is None:
            return None
        found = typed[1]
        if isinstance(expected, Number) and isinstance(found, Number):
            if expected.unit is None or found.unit is None or expected.unit == found.unit:
                return typed
            self._clash(expected, found, node)
            return None
        if type(expected) is type(found) and not isinstance(expected, Category):
            return typed
        if isinstance(expected, Category) and isinstance(found, Category) and expected.options == found.options:
            return typed
        self.collector.add(codes.type_mismatch(describe(expected), describe(found), self.span(node)))
        return None

    def boolean(self, node: ast.expr) -> Expr | None:
        """A node that must be a condition."""
        typed = self.require(self.check(node), BOOLEAN, node)
        return typed[0] if typed else None

    def check(self, node: ast.expr) -> Typed:
        """The IR and type of any node."""
        self.scope.parts_left[0] -= 1
        if self.scope.parts_left[0] <= 0:
            if self.scope.parts_left[0] == 0:
                what = "the expression, with its scopes written out,"
                self.collector.add(codes.limit_exceeded(what, f"{MAX_PARTS:,} parts", self.span(node)))
            return None
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BoolOp():
                return self._logic(node)
            case ast.UnaryOp(op=ast.Not()):
                operand = self.boolean(node.operand)
                return (Not(operand), BOOLEAN) if operand is not None else None
            case ast.UnaryOp():
                return self._negative(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return comparisons.check_comparison(self, node)
            case ast.IfExp():
                return self._choice(node)
            case ast.Call():
                return calls.check_call(self, node)
            case _:
                self.collector.add(codes.construct_not_allowed("a tuple here", self.span(node)))
                return None

    def _constant(self, node: ast.Constant) -> Typed:
        if isinstance(node.value, bool):
            help_ = "facts are conditions by themselves: `x` or `not x`"
            self.collector.add(codes.construct_not_allowed(f"`{node.value}`", self.span(node), help_))
            return None
        if isinstance(node.value, int | float):
            written = self.parsed.source_of(node)
            if not _NUMBER.fullmatch(written):
                self.collector.add(codes.bad_scalar("a plain decimal number", written, self.span(node)))
                return None
            return Constant(Fraction(Decimal(written))), LITERAL
        if isinstance(node.value, str):
            help_ = "compare it with a category, or write `date(…)`"
            self.collector.add(codes.construct_not_allowed("a text by itself", self.span(node), help_))
            return None
        self.collector.add(codes.construct_not_allowed(f"`{self.parsed.source_of(node)}`", self.span(node)))
        return None

    def _name(self, node: ast.Name) -> Typed:
        name = node.id
        if name == "as_of":
            return AsOf(), DATE
        if name == "division":
            help_ = 'compare it: `division == "150603"`'
            self.collector.add(codes.construct_not_allowed("`division` by itself", self.span(node), help_))
            return None
        if name in self.scope.named:
            return self._named(node)
        spec = self.scope.facts.get(name)
        if spec is None:
            known = [*self.scope.facts, *self.scope.named, "as_of"]
            self.collector.add(codes.unknown_fact(name, known, self.span(node)))
            return None
        if not self.same_subject(name, spec.subjects, node):
            return None
        return FactRef(name), spec.type

    def same_subject(self, name: str, subjects: tuple[str, ...], node: ast.expr) -> bool:
        """True when a fact is about every subject of the expression."""
        for subject in self.scope.subjects:
            if subject not in subjects:
                self.collector.add(codes.subject_mismatch(name, subjects, subject, self.span(node)))
                return False
        return True

    def _named(self, node: ast.Name) -> Typed:
        entry = self.scope.named[node.id]
        if node.id in self.scope.expanding:
            circle = (*self.scope.expanding, node.id)
            self.collector.add(codes.cyclic("a scope", circle, self.span(node)))
            return None
        if not self.same_subject(node.id, entry.subjects, node):
            return None
        if len(self.scope.expanding) > MAX_SCOPES:
            what = f"scopes inside each other ({' → '.join((*self.scope.expanding, node.id))})"
            self.collector.add(codes.limit_exceeded(what, f"{MAX_SCOPES} levels", self.span(node)))
            return None
        return check_expression(entry.where, self.scope.expand(node.id), BOOLEAN)

    def _logic(self, node: ast.BoolOp) -> Typed:
        operands = [self.boolean(value) for value in node.values]
        if any(o is None for o in operands):
            return None
        flat: list[Expr] = []
        kind = AllOf if isinstance(node.op, ast.And) else AnyOf
        for operand in cast(list[Expr], operands):
            flat.extend(operand.operands if isinstance(operand, kind) else (operand,))
        return kind(tuple(flat)), BOOLEAN

    def _negative(self, node: ast.UnaryOp) -> Typed:
        typed = self.check(node.operand)
        if typed is None:
            return None
        if not isinstance(typed[1], Number):
            self.collector.add(codes.type_mismatch("a number", describe(typed[1]), self.span(node.operand)))
            return None
        if isinstance(typed[0], Constant) and isinstance(typed[0].value, Fraction):
            return Constant(-typed[0].value), typed[1]
        return Negate(typed[0]), typed[1]

    def _arithmetic(self, node: ast.BinOp) -> Typed:
        left, right = self.check(node.left), self.check(node.right)
        if left is None or right is None:
            return None
        op = _ARITHMETIC[type(node.op)]
        if op == "-" and isinstance(left[1], Date) and isinstance(right[1], Date):
            return Arithmetic("-", left[0], right[0]), _DAYS
        for typed, side in ((left, node.left), (right, node.right)):
            if not isinstance(typed[1], Number):
                self.collector.add(codes.type_mismatch("a number", describe(typed[1]), self.span(side)))
                return None
        a, b = cast(Number, left[1]), cast(Number, right[1])
        if op in "+-":
            if a.unit is not None and b.unit is not None and a.unit != b.unit:
                self._clash(a, b, node.right)
                return None
            return Arithmetic(op, left[0], right[0]), Number(a.unit if a.unit is not None else b.unit)
        return Arithmetic(op, left[0], right[0]), self._product(op, left, right)

    @staticmethod
    def _product(op: str, left: tuple[Expr, Type], right: tuple[Expr, Type]) -> Number:
        a, b = cast(Number, left[1]).unit, cast(Number, right[1]).unit
        if a is None and b is None:
            return LITERAL
        if op == "*" and (a is None or b is None):
            literal, unit = (left[0], b) if a is None else (right[0], a)
            assert unit is not None
            hundred = isinstance(literal, Constant) and literal.value == 100
            return Number(Unit(unit.dimensions, 100) if hundred and unit.scale == 1 else unit)
        if op == "/" and b is None:
            assert a is not None
            hundred = isinstance(right[0], Constant) and right[0].value == 100
            return Number(Unit(a.dimensions, 1) if hundred and a.scale == 100 else a)
        return Number((a or Unit()).times(b or Unit(), 1 if op == "*" else -1))

    def _clash(self, left: Number, right: Number, node: ast.expr) -> None:
        help_ = None
        ratio = Number(Unit())
        if PERCENT in (left.unit, right.unit):
            if ratio.unit in (left.unit, right.unit):
                help_ = "percent runs from 0 to 100: write `100 * part / whole`"
            else:
                found = right if left.unit == PERCENT else left
                help_ = "a percent is `100 * part / whole`"
                self.collector.add(codes.type_mismatch("percent", unit_of(found), self.span(node), help_))
                return
        self.collector.add(codes.unit_clash(unit_of(left), unit_of(right), self.span(node), help_))

    def _choice(self, node: ast.IfExp) -> Typed:
        test = self.boolean(node.test)
        then, otherwise = self.check(node.body), self.check(node.orelse)
        if test is None or then is None or otherwise is None:
            return None
        if isinstance(then[1], Boolean):
            if self.require(otherwise, BOOLEAN, node.orelse) is None:
                return None
            return Choice(test, then[0], otherwise[0], boolean=True), BOOLEAN
        if not isinstance(then[1], Number):
            self.collector.add(codes.type_mismatch("a number or a condition", describe(then[1]), self.span(node.body)))
            return None
        if self.require(otherwise, then[1], node.orelse) is None:
            return None
        other = cast(Number, otherwise[1])
        return Choice(test, then[0], otherwise[0], boolean=False), Number(then[1].unit or other.unit)
