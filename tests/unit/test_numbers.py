"""Arithmetic on known, partly known and unknown numbers: every completion lies inside."""

import math
import operator
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import numbers
from engine.values import Interval, Numeric

SMALL = st.fractions(-20, 20, max_denominator=8)


@st.composite
def partly_known(draw: st.DrawFn) -> tuple[Numeric, Fraction]:
    """A number that may be only partly known, and one of its completions."""
    inside = draw(SMALL)
    match draw(st.sampled_from(["exact", "closed", "above", "below", "unknown"])):
        case "exact":
            return inside, inside
        case "closed":
            low, high = inside - abs(draw(SMALL)), inside + abs(draw(SMALL))
            return numbers.interval(low, high), inside
        case "above":
            return Interval(inside - abs(draw(SMALL)), math.inf), inside
        case "below":
            return Interval(-math.inf, inside + abs(draw(SMALL))), inside
        case _:
            return None, inside


def contains(value: Numeric, completion: Fraction) -> bool:
    match value:
        case None:
            return True
        case Interval():
            return value.low <= completion <= value.high
        case _:
            return value == completion


OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@given(op=st.sampled_from(sorted(OPERATIONS)), left=partly_known(), right=partly_known())
def test_arithmetic_holds_every_completion(
    op: str, left: tuple[Numeric, Fraction], right: tuple[Numeric, Fraction]
) -> None:
    result = numbers.arithmetic(op, left[0], right[0])
    if op == "/" and right[1] == 0:
        assert result is None
    else:
        assert contains(result, OPERATIONS[op](left[1], right[1]))


@given(op=st.sampled_from(sorted(COMPARISONS)), left=partly_known(), right=partly_known())
def test_a_decided_comparison_is_right_for_every_completion(
    op: str, left: tuple[Numeric, Fraction], right: tuple[Numeric, Fraction]
) -> None:
    truth = numbers.compare(op, left[0], right[0])
    assert truth is None or truth == COMPARISONS[op](left[1], right[1])


@given(op=st.sampled_from(sorted(COMPARISONS)), left=SMALL, right=SMALL)
def test_known_numbers_always_compare(op: str, left: Fraction, right: Fraction) -> None:
    assert numbers.compare(op, left, right) is COMPARISONS[op](left, right)


@given(value=partly_known())
def test_one_operand_holds_every_completion(value: tuple[Numeric, Fraction]) -> None:
    assert contains(numbers.negate(value[0]), -value[1])
    assert contains(numbers.magnitude(value[0]), abs(value[1]))
    assert contains(numbers.ceiling(value[0]), Fraction(math.ceil(value[1])))


@given(op=st.sampled_from(["min", "max"]), values=st.lists(partly_known(), min_size=2, max_size=4))
def test_extremes_hold_every_completion(op: str, values: list[tuple[Numeric, Fraction]]) -> None:
    pick = min if op == "min" else max
    assert contains(numbers.extremum(op, [v for v, _ in values]), pick(c for _, c in values))


@given(left=partly_known(), right=partly_known())
def test_an_undecided_choice_holds_both(left: tuple[Numeric, Fraction], right: tuple[Numeric, Fraction]) -> None:
    hull = numbers.hull(left[0], right[0])
    assert contains(hull, left[1])
    assert contains(hull, right[1])


def test_unknown_in_unknown_out() -> None:
    one = Fraction(1)
    for op in OPERATIONS:
        assert numbers.arithmetic(op, None, one) is None
        assert numbers.arithmetic(op, one, None) is None
    assert numbers.extremum("min", [one, None]) is None
    assert numbers.compare("<=", None, one) is None


def test_an_interval_of_one_point_is_that_number() -> None:
    assert numbers.interval(Fraction(2), Fraction(2)) == Fraction(2)
    assert numbers.interval(-math.inf, math.inf) is None


@pytest.mark.parametrize("divisor", [Fraction(0), Interval(Fraction(-1), Fraction(1)), Interval(Fraction(0), math.inf)])
def test_division_by_what_may_be_zero_is_unknown(divisor: Numeric) -> None:
    assert numbers.arithmetic("/", Fraction(1), divisor) is None


def test_division_by_an_unbounded_number() -> None:
    assert numbers.arithmetic("/", Fraction(6), Interval(Fraction(2), math.inf)) == Interval(Fraction(0), Fraction(3))


def test_a_distance_needs_two_known_numbers() -> None:
    assert numbers.distance(Fraction(47), Fraction(45)) == 2
    assert numbers.distance(Fraction(45), Fraction(47)) == 2
    assert numbers.distance(None, Fraction(45)) is None
    assert numbers.distance(Interval(Fraction(1), Fraction(2)), Fraction(45)) is None
