"""Aggregates over members against independent brute force: what is told of open members is exact."""

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal, getcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import numbers
from engine.rollup.aggregates import Row, cv, roll_up
from engine.values import GradeRange, Interval, Numeric, Root, Value, root

GRADES = ("poor", "fair", "good", "excellent")
ONE = Fraction(1)
Rank = Fraction | float

truths = st.sampled_from([True, False, None])
whole = st.integers(0, 4).map(Fraction)
tenths = st.integers(-30, 30).map(lambda n: Fraction(n, 10))


@st.composite
def between(draw: st.DrawFn, ends: st.SearchStrategy[Fraction]) -> Numeric:
    """A number, or one that is open between two ends."""
    low = draw(ends)
    return numbers.interval(low, low + draw(st.sampled_from([Fraction(0), Fraction(0), ONE, Fraction(5, 2)])))


@st.composite
def ranks(draw: st.DrawFn) -> tuple[int, int] | None:
    low = draw(st.integers(0, 3))
    return draw(st.sampled_from([None, (low, low), (low, draw(st.integers(low, 3)))]))


rows = st.lists(st.builds(Row, truths, truths, between(tenths), ranks(), between(whole)), min_size=1, max_size=4)


def ends(value: Numeric) -> tuple[Fraction, ...]:
    assert value is not None
    low, high = numbers.spread(value)
    assert isinstance(low, Fraction)
    assert isinstance(high, Fraction)
    return tuple(dict.fromkeys((low, high)))


def completions(members: Sequence[Row]) -> Iterator[list[Row]]:
    """Every way in which open members may turn out, numbers and weights at their ends."""
    choices = [
        [
            Row(counted, holds, number, (rank, rank), weight)
            for counted in ((row.counted,) if row.counted is not None else (True, False))
            for holds in ((row.holds,) if row.holds is not None else (True, False))
            for number in ends(row.number)
            for rank in range((row.ranks or (0, 3))[0], (row.ranks or (0, 3))[1] + 1)
            for weight in ends(row.weight)
        ]
        for row in members
    ]
    return (list(found) for found in itertools.product(*choices))


def plain(op: str, members: Sequence[Row]) -> Value:
    """The measure over members of which everything is known, by its definition; None where there is none."""
    counted = [row for row in members if row.counted]
    pairs = [(ends(row.number)[0], ends(row.weight)[0]) for row in counted]
    weights = sum((w for _, w in pairs), Fraction(0))
    match op:
        case "count":
            return Fraction(len(counted))
        case "sum":
            return sum((x for x, _ in pairs), Fraction(0))
        case "share":
            above = sum((w for row, (_, w) in zip(counted, pairs, strict=True) if row.holds), Fraction(0))
            return 100 * above / weights if weights else None
        case "every":
            return all(row.holds for row in counted)
        case "lowest":
            return GRADES[min(row.ranks[0] for row in counted if row.ranks)] if counted else None
        case _:
            return sum((x * w for x, w in pairs), Fraction(0)) / weights if weights else None


def told(value: Value) -> tuple[Rank, Rank] | None:
    """The lowest and the highest that an answer allows, as numbers."""
    match value:
        case Interval(low, high) | GradeRange(low, high):
            assert not isinstance(low, Root)
            assert not isinstance(high, Root)
            return low, high
        case str():
            return GRADES.index(value), GRADES.index(value)
        case bool() | Fraction():
            return value, value
        case _:
            assert value is None
            return None


def read_by(op: str, members: Sequence[Row]) -> list[Row]:
    """The rows with only what an aggregate reads left open: other parts would multiply the completions."""
    return [
        Row(
            row.counted,
            row.holds if op in ("share", "every") else True,
            row.number if op in ("sum", "mean") else ONE,
            row.ranks if op == "lowest" else (0, 0),
            row.weight if op in ("share", "mean") else ONE,
        )
        for row in members
    ]


def may_be_open(op: str, members: Sequence[Row], found: Sequence[Value]) -> bool:
    """True when an answer may be withheld: nothing can be said of it, or it is a mean of what is open."""
    if op == "mean":
        counted = [row for row in members if row.counted is not False]
        return any(r.counted is None or len(ends(r.number)) > 1 or len(ends(r.weight)) > 1 for r in counted)
    both = {True, False} if op == "every" else {GRADES[0], GRADES[-1]}
    return op in ("every", "lowest") and both <= set(found)


OPS = ("count", "sum", "share", "every", "lowest", "mean")


@pytest.mark.parametrize("op", OPS)
@given(rows)
def test_bounds_hold_every_completion_and_are_reached(op: str, drawn: list[Row]) -> None:
    members = read_by(op, drawn)
    bounds = told(roll_up(op, members, grades=GRADES).value)
    found = [plain(op, complete) for complete in completions(members)]
    if bounds is None:
        assert None in found or may_be_open(op, members, found)
        return
    reached = [told(value) for value in found]
    assert None not in reached
    assert bounds == (min(ends_[0] for ends_ in reached if ends_), max(ends_[1] for ends_ in reached if ends_))


@pytest.mark.parametrize("op", OPS)
@given(rows, rows)
def test_members_that_were_not_sent_move_nothing_that_is_told(op: str, drawn: list[Row], more: list[Row]) -> None:
    members = read_by(op, drawn)
    # What was not sent turns out somehow; its numbers are not negative, as the caller says by `unseen`.
    added = [replace(row, number=abs(ends(row.number)[0])) for row in next(completions(read_by(op, more)))]
    rolled = roll_up(op, members, partly=True, unseen=Interval(Fraction(0), float("inf")), grades=GRADES)
    bounds = told(rolled.value)
    if bounds is None:
        return
    for complete in itertools.islice(completions(members), 50):
        for sent in (complete, [*complete, *added]):
            found = told(plain(op, sent))
            assert found is not None
            assert bounds[0] <= found[0]
            assert found[1] <= bounds[1]


def test_members_not_sent_leave_open_what_they_could_change() -> None:
    sure = [Row(True, True, ONE, (2, 2)), Row(True, True, ONE, (3, 3))]

    def rolled(op: str, unseen: Numeric = None) -> Value:
        return roll_up(op, sure, partly=True, unseen=unseen, grades=GRADES).value

    assert rolled("count") == Interval(Fraction(2), float("inf"))
    assert rolled("sum", Interval(Fraction(0), Fraction(9))) == Interval(Fraction(2), float("inf"))
    assert rolled("sum", Interval(Fraction(-1), Fraction(0))) == Interval(float("-inf"), Fraction(2))
    assert rolled("sum") is None
    assert (rolled("share"), rolled("mean"), rolled("cv"), rolled("every")) == (None, None, None, None)
    assert rolled("lowest") == GradeRange(0, 2)
    failing = [*sure, Row(True, False, ONE, (0, 0))]
    assert roll_up("every", failing, partly=True).value is False
    assert roll_up("lowest", failing, partly=True, grades=GRADES).value == "poor"


@pytest.mark.parametrize("op", ["count", "sum", "share", "every", "lowest", "mean", "cv"])
def test_nobody_sent_is_unknown_and_nobody_counted_is_no_one(op: str) -> None:
    assert roll_up(op, [], grades=GRADES).value is None
    nobody = roll_up(op, [Row(False), Row(False)], grades=GRADES)
    assert nobody.value == {"count": 0, "sum": 0, "every": True}.get(op)
    assert nobody.counted == 0


def test_settling_members_are_those_that_leave_it_open() -> None:
    members = [Row(True, True), Row(True, None), Row(None, True), Row(None, False), Row(False)]
    assert roll_up("share", members).open == (1, 2, 3)
    # A member that may count and holds cannot break `every`; one that fails settles it.
    assert roll_up("every", members).open == (1, 3)
    assert roll_up("every", [*members, Row(True, False)]).open == ()
    assert roll_up("every", [*members, Row(True, False)]).failing == (5,)
    assert roll_up("count", members).open == (2, 3)


# --- the coefficient of variation -----------------------------------------------------------------

pupils = st.integers(1, 3000).map(Fraction)
amounts = st.integers(0, 10_000_000).map(lambda n: Fraction(n, 100))


def by_decimal(pairs: Sequence[tuple[Fraction, Fraction]]) -> Decimal:
    """S / X in 50 digits, step by step as the formula is printed."""
    getcontext().prec = 50

    def decimal(value: Fraction) -> Decimal:
        return Decimal(value.numerator) / Decimal(value.denominator)

    nothing = Decimal(0)
    everyone = sum((decimal(p) for _, p in pairs), nothing)
    mean = sum((decimal(x) for x, _ in pairs), nothing) / everyone
    spread = sum((decimal(p) / everyone * (decimal(x) / decimal(p) - mean) ** 2 for x, p in pairs), nothing)
    return spread.sqrt() / mean


@given(st.lists(st.tuples(amounts, pupils), min_size=1, max_size=30).filter(lambda pairs: any(x for x, _ in pairs)))
def test_the_coefficient_agrees_with_independent_code(pairs: list[tuple[Fraction, Fraction]]) -> None:
    value, workings = cv(pairs)
    assert isinstance(value, Fraction | Root)
    independent = by_decimal(pairs)
    assert abs(Decimal(float(value)) - independent) <= independent * Decimal("1e-12")
    assert workings["mean"] == sum(x for x, _ in pairs) / sum(p for _, p in pairs)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=20).filter(any))
def test_with_equal_weights_it_is_the_plain_one(per_pupil: list[int]) -> None:
    value, _ = cv([(Fraction(7 * x), Fraction(7)) for x in per_pupil])
    assert isinstance(value, Fraction | Root)
    plain_one = statistics.pstdev(per_pupil) / statistics.mean(per_pupil)
    assert float(value) == pytest.approx(plain_one, rel=1e-12, abs=1e-12)


def two_schools(coefficient: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Two schools of 100 pupils with 1 ± c per pupil: their coefficient is exactly c."""
    hundred = Fraction(100)
    return [(hundred * (1 - coefficient), hundred), (hundred * (1 + coefficient), hundred)]


@pytest.mark.parametrize("limit", [Fraction("0.5"), Fraction("0.45")])
def test_exactly_on_the_limit_and_a_billionth_beside_it(limit: Fraction) -> None:
    on, _ = cv(two_schools(limit))
    assert on == limit
    step = Fraction(1, 10**12)
    for near, holds in ((limit - step, True), (limit, True), (limit + step, False)):
        value, _ = cv(two_schools(near))
        assert isinstance(value, Fraction)
        assert numbers.compare("<=", value, limit) is holds


@pytest.mark.parametrize("limit", [Fraction("0.5"), Fraction("0.45")])
def test_an_irrational_one_near_the_limit_falls_on_the_right_side(limit: Fraction) -> None:
    """Three schools with 1 − d, 1 and 1 + d per pupil have the coefficient d·√(2/3): d just below and above."""
    scale = 10**20
    below = math.isqrt(int(limit * limit * Fraction(3, 2) * scale * scale))
    for digits, holds in ((below, True), (below + 1, False)):
        spread = Fraction(digits, scale)
        value, _ = cv([(1 - spread, ONE), (ONE, ONE), (1 + spread, ONE)])
        assert isinstance(value, Root)
        # No float is nearer than the limit itself: only exact numbers can tell the side.
        assert float(value) == float(limit)
        assert numbers.compare("<=", value, limit) is holds
        assert numbers.compare(">", value, limit) is not holds
        gap = numbers.distance(value, limit)
        assert gap is not None
        assert 0 < gap < Fraction(1, 10**19)


@pytest.mark.parametrize(
    "pairs",
    [[], [(ONE, Fraction(0))], [(ONE, ONE), (ONE, Fraction(0))], [(Fraction(0), ONE)], [(ONE, ONE), (-ONE, ONE)]],
)
def test_without_pupils_or_with_a_mean_of_zero_there_is_none(pairs: list[tuple[Fraction, Fraction]]) -> None:
    assert cv(pairs)[0] is None
    # The same for a school without pupils among the members.
    assert not pairs or roll_up("cv", [Row(True, number=x, weight=p) for x, p in pairs]).value is None


def test_a_school_that_may_count_or_lacks_a_number_leaves_it_unknown() -> None:
    sure = [Row(True, number=x, weight=p) for x, p in two_schools(Fraction(1, 4))]
    assert roll_up("cv", sure).value == Fraction(1, 4)
    for other in (Row(None, number=ONE, weight=ONE), Row(True, weight=ONE), Row(True, number=ONE, weight=None)):
        rolled = roll_up("cv", [*sure, other])
        assert (rolled.value, rolled.open) == (None, (2,))


# --- roots ----------------------------------------------------------------------------------------

fractions = st.fractions(min_value=-20, max_value=20, max_denominator=1000)
roots = st.builds(
    lambda square, negative: root(abs(square), negative=negative),
    st.fractions(min_value=0, max_value=400, max_denominator=1000),
    st.booleans(),
)


def signed_square(value: Fraction | Root) -> Fraction:
    return value.signed if isinstance(value, Root) else value * abs(value)


@given(roots, st.one_of(roots, fractions))
def test_roots_stand_in_the_order_of_their_squares(left: Fraction | Root, right: Fraction | Root) -> None:
    a, b = signed_square(left), signed_square(right)
    assert (left < right, left <= right, left > right, left >= right, left == right) == (
        a < b,
        a <= b,
        a > b,
        a >= b,
        a == b,
    )
    assert float("-inf") < left < float("inf")


@given(roots)
def test_a_root_lies_between_its_ends_and_shows_the_nearest_float(value: Fraction | Root) -> None:
    if isinstance(value, Fraction):
        return
    low, high = value.between()
    assert low < value < high
    assert (high - low) <= abs(high) / 2**190
    assert float(value) == pytest.approx(float(value.square) ** 0.5 * (-1 if value.negative else 1), rel=1e-15)
    above = numbers.ceiling(value)
    assert isinstance(above, Fraction)
    assert above - 1 < value < above


@given(roots, fractions)
def test_arithmetic_on_roots_keeps_them_inside(value: Fraction | Root, other: Fraction) -> None:
    if isinstance(value, Fraction):
        return
    for op in ("+", "-", "*", "/"):
        result = numbers.arithmetic(op, value, other)
        if op == "/" and other == 0:
            assert result is None
        elif isinstance(result, Interval):
            near = {
                "+": float(value) + float(other),
                "-": float(value) - float(other),
                "*": float(value) * float(other),
            }
            exact = near.get(op, float(value) / float(other) if other else 0.0)
            assert float(result.low) == pytest.approx(exact, rel=1e-12, abs=1e-12)
            assert result.low < result.high
    negated = numbers.negate(value)
    assert isinstance(negated, Root)
    assert negated.signed == -value.signed
    assert numbers.magnitude(value) == root(value.square)
