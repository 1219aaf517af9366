"""Folding: parts of an expression that read nothing become constants."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from engine import numbers
from engine.check.ir import Abs, Arithmetic, Baseline, Ceil, Constant, Expr, Extremum, Negate
from engine.check.walk import children, rebuild

__all__ = ["fold"]


def fold(expr: Expr) -> Expr:
    """The expression with constant arithmetic computed, exactly. Division by zero stays as it is."""
    expr = rebuild(expr, fold)
    if isinstance(expr, Baseline):
        return Constant(expr.value)
    operands = children(expr)
    if not operands or not all(isinstance(o, Constant) for o in operands):
        return expr
    values = [o.value for o in operands if isinstance(o, Constant)]
    if all(isinstance(v, date) for v in values) and isinstance(expr, Arithmetic):
        return expr
    known = [v for v in values if isinstance(v, Fraction)]
    if len(known) != len(values):
        return expr
    match expr:
        case Arithmetic():
            result = numbers.arithmetic(expr.op, known[0], known[1])
        case Negate():
            result = numbers.negate(known[0])
        case Abs():
            result = numbers.magnitude(known[0])
        case Ceil():
            result = numbers.ceiling(known[0])
        case Extremum():
            result = numbers.extremum(expr.op, known)
        case _:
            return expr
    return Constant(result) if isinstance(result, Fraction) else expr
