"""Typed IR → text of the rule language, for traces and messages."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
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

__all__ = ["number_text", "unparse"]

_LOOSE, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY, _ATOM = range(9)


def number_text(value: Fraction) -> str:
    """A number as text: decimal where it ends, else a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    scaled = abs(value.numerator) * 10**digits // value.denominator
    text = str(scaled).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{text[:-digits]}.{text[-digits:]}"


def unparse(expr: Expr) -> str:
    """The expression as an author would write it, with the fewest parentheses."""
    return _write(expr)[0]


def _constant(value: bool | Fraction | date | str) -> str:
    match value:
        case bool():
            return str(value)
        case Fraction():
            return number_text(value)
        case date():
            return f'date("{value.isoformat()}")'
        case _:
            return f'"{value}"'


def _wrap(expr: Expr, level: int) -> str:
    text, own = _write(expr)
    return text if own >= level else f"({text})"


def _listed(operands: tuple[Expr, ...]) -> str:
    return ", ".join(unparse(o) for o in operands)


def _texts(options: tuple[str, ...]) -> str:
    quoted = ", ".join(f'"{o}"' for o in options)
    return f"({quoted},)" if len(options) == 1 else f"({quoted})"


def _write(expr: Expr) -> tuple[str, int]:
    match expr:
        case Constant():
            return _constant(expr.value), _ATOM
        case FactRef():
            return expr.name, _ATOM
        case ParameterRef():
            return f'param("{expr.id.rsplit("/", 1)[-1]}")', _ATOM
        case AsOf():
            return "as_of", _ATOM
        case InDivision():
            return f"division in {_texts(expr.codes)}", _COMPARE
        case Arithmetic(op, left, right):
            level = _SUM if op in "+-" else _PRODUCT
            return f"{_wrap(left, level)} {op} {_wrap(right, level + 1)}", level
        case Negate():
            return f"-{_wrap(expr.operand, _UNARY)}", _UNARY
        case Compare():
            return f"{_wrap(expr.left, _SUM)} {expr.op} {_wrap(expr.right, _SUM)}", _COMPARE
        case OneOf():
            return f"{_wrap(expr.operand, _SUM)} in {_texts(expr.options)}", _COMPARE
        case ItemOf():
            return f'"{expr.item}" in {expr.fact}', _COMPARE
        case Not():
            return f"not {_wrap(expr.operand, _NOT)}", _NOT
        case AllOf():
            return " and ".join(_wrap(o, _NOT) for o in expr.operands), _AND
        case AnyOf():
            return " or ".join(_wrap(o, _AND) for o in expr.operands), _OR
        case Choice():
            then, test, otherwise = _wrap(expr.then, _OR), _wrap(expr.test, _OR), _wrap(expr.otherwise, _OR)
            return f"{then} if {test} else {otherwise}", _LOOSE
        case _:
            return _call(expr), _ATOM


def _call(
    expr: Abs
    | Ceil
    | Extremum
    | CountOf
    | YearsSince
    | Previous
    | WindowTotal
    | Trend
    | Baseline
    | AtLeast
    | Known
    | Passes
    | Aggregate,
) -> str:
    match expr:
        case Abs():
            return f"abs({unparse(expr.operand)})"
        case Ceil():
            return f"ceil({unparse(expr.operand)})"
        case YearsSince():
            return f"years_since({unparse(expr.operand)})"
        case Extremum():
            return f"{expr.op}({_listed(expr.operands)})"
        case AtLeast():
            return f"at_least({expr.n}, {_listed(expr.operands)})"
        case CountOf():
            return f"count_of({expr.fact})"
        case Previous():
            return f"previous({expr.fact})"
        case WindowTotal():
            return f"total({expr.fact})"
        case Trend():
            return f"{expr.op}({expr.fact})"
        case Baseline():
            return f"baseline({expr.fact})"
        case Known():
            return f"known({expr.fact})"
        case Passes():
            return f'passes("{expr.rule.rsplit("/", 1)[-1]}")'
        case Aggregate():
            return _aggregate(expr)
        case _:
            assert_never(expr)


def _aggregate(expr: Aggregate) -> str:
    parts = [expr.member]
    if expr.value is not None:
        parts.append(unparse(expr.value))
    if expr.where is not None:
        parts.append(f"where={unparse(expr.where)}")
    if expr.weight is not None:
        parts.append(f"{'per' if expr.op == 'cv' else 'weight'}={unparse(expr.weight)}")
    return f"{expr.op}({', '.join(parts)})"
