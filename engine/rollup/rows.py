"""What an aggregate reads of one member: open values as the bounds in which they must lie."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol, cast

from engine import numbers
from engine.check.ir import (
    Abs,
    Aggregate,
    Arithmetic,
    Ceil,
    Choice,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    Negate,
    Program,
)
from engine.rollup.aggregates import Row
from engine.values import GradeRange, Numeric, Truth, Value

__all__ = ["Member", "reach", "row_of"]


class Member(Protocol):
    """The values of one member."""

    program: Program

    def value(self, expr: Expr, at: int | None) -> Value:
        """The value of an expression at a period index; None is unknown."""
        ...


def row_of(member: Member, aggregate: Aggregate, at: int | None, grades: Sequence[str]) -> Row:
    """The row of a member under an aggregate; `grades` are the options of the grade that it seeks."""
    counted = cast(Truth, member.value(aggregate.where, at)) if aggregate.where is not None else True
    value, weight = aggregate.value, aggregate.weight
    if counted is False or value is None:
        return Row(counted)
    match aggregate.op:
        case "share" | "every":
            holds = cast(Truth, member.value(value, at))
            return Row(counted, holds, weight=Fraction(1) if weight is None else reach(member, weight, at))
        case "lowest":
            return Row(counted, ranks=_rank_ends(member.value(value, at), grades))
        case "sum":
            return Row(counted, number=reach(member, value, at))
        case _:
            number = cast(Numeric, member.value(value, at))
            one = Fraction(1) if weight is None else cast(Numeric, member.value(weight, at))
            return Row(counted, number=number, weight=one)


def _rank_ends(value: Value, grades: Sequence[str]) -> tuple[int, int] | None:
    match value:
        case GradeRange(low, high):
            return low, high
        case str():
            return grades.index(value), grades.index(value)
        case _:
            return None


def reach(member: Member, expr: Expr, at: int | None) -> Numeric:
    """The value of a number or, while that is unknown, the interval in which it must lie.

    An unknown fact lies within its bounds; expressions are followed by interval arithmetic.
    """
    value = member.value(expr, at)
    if value is not None:
        return cast(Numeric, value)
    match expr:
        case FactRef():
            spec = member.program.facts[expr.name]
            bounds = None if spec.bounds is None else numbers.interval(*spec.bounds)
            return bounds if spec.derive is None else numbers.hull(reach(member, spec.derive, at), bounds)
        case Arithmetic():
            return numbers.arithmetic(expr.op, reach(member, expr.left, at), reach(member, expr.right, at))
        case Negate():
            return numbers.negate(reach(member, expr.operand, at))
        case Abs():
            return numbers.magnitude(reach(member, expr.operand, at))
        case Ceil():
            return numbers.ceiling(reach(member, expr.operand, at))
        case Extremum():
            return numbers.extremum(expr.op, [reach(member, o, at) for o in expr.operands])
        case Choice():
            test = cast(Truth, member.value(expr.test, at))
            if test is not None:
                return reach(member, expr.then if test else expr.otherwise, at)
            return numbers.hull(reach(member, expr.then, at), reach(member, expr.otherwise, at))
        case CountOf():
            return numbers.interval(Fraction(0), Fraction(len(expr.items)))
        case _:
            return None
