"""Finding conditions that can never hold.

Sound but not complete: it follows constants, and looks at the comparisons of one conjunction fact by
fact, within the fact's bounds. Z3 is for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from engine.check.ir import AllOf, AnyOf, Compare, Constant, Expr, FactRef, FactSpec, Not, OneOf, mirrored

__all__ = ["why_dead"]


def why_dead(condition: Expr, facts: Mapping[str, FactSpec]) -> str | None:
    """In words why the condition can never be true, or None when it may."""
    match condition:
        case Compare(op, Constant(left), Constant(right), "number" | "date"):
            return None if _holds(op, left, right) else "both sides are constants"
        case AnyOf(operands):
            reasons = [why_dead(o, facts) for o in operands]
            return reasons[0] if all(r is not None for r in reasons) else None
        case AllOf(operands):
            for operand in operands:
                reason = why_dead(operand, facts)
                if reason is not None:
                    return reason
            return _contradiction(operands, facts)
        case _:
            return _contradiction((condition,), facts)


def _holds(op: str, left: object, right: object) -> bool:
    assert isinstance(left, Fraction | date)
    assert type(left) is type(right)
    return {
        "==": left == right,
        "!=": left != right,
        "<": left < right,  # type: ignore[operator]  # both sides have one type, asserted above
        "<=": left <= right,  # type: ignore[operator]  # as above
        ">": left > right,  # type: ignore[operator]  # as above
        ">=": left >= right,  # type: ignore[operator]  # as above
    }[op]


def _contradiction(operands: tuple[Expr, ...], facts: Mapping[str, FactSpec]) -> str | None:
    yes = {o.name for o in operands if isinstance(o, FactRef)}
    no = {o.operand.name for o in operands if isinstance(o, Not) and isinstance(o.operand, FactRef)}
    for name in sorted(yes & no):
        return f"`{name}` and `not {name}`"
    ranges: dict[str, list[tuple[str, Fraction]]] = {}
    options: dict[str, set[str]] = {}
    for operand in operands:
        match operand:
            case Compare(op, FactRef(name), Constant(Fraction() as value)):
                ranges.setdefault(name, []).append((op, value))
            case Compare(op, Constant(Fraction() as value), FactRef(name)):
                ranges.setdefault(name, []).append((mirrored(op), value))
            case Compare("==", FactRef(name), Constant(str() as option)):
                options[name] = options.get(name, {option}) & {option}
            case OneOf(FactRef(name), listed):
                options[name] = options.get(name, set(listed)) & set(listed)
            case _:
                pass
    for name, left in options.items():
        if not left:
            return f"no option of `{name}` is left"
    for name, limits in ranges.items():
        if _empty(limits, facts[name]):
            return f"no value of `{name}` within its bounds is left"
    return None


def _empty(limits: list[tuple[str, Fraction]], spec: FactSpec) -> bool:
    low, high = spec.bounds if spec.bounds is not None else (Fraction(-(10**15)), Fraction(10**15))
    low_open = high_open = False
    for op, value in limits:
        if op in (">", ">=", "==") and (value > low or (value == low and op == ">")):
            low, low_open = value, op == ">"
        if op in ("<", "<=", "==") and (value < high or (value == high and op == "<")):
            high, high_open = value, op == "<"
    return low > high or (low == high and (low_open or high_open))
