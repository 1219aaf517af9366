"""What the benchmarks compare is the same: the translations of the real rules answer as the reference does."""

from __future__ import annotations

import operator
from fractions import Fraction
from math import ceil, isnan

import numpy as np
import pytest

from bench import checks, entry, synthetic, workloads
from bench.checks import Disagreement
from bench.peers import lowered as low
from bench.peers import polarity, python_source, sql
from bench.peers import polarity as pol
from bench.peers.lowered import Lowered
from bench.peers.lowering import lower
from bench.peers.saying import Record, records
from bench.synthetic import Columns, Truths
from bench.widening import widened
from bench.workloads import Workload

SUBJECTS = 40


@pytest.fixture(scope="module", params=list(workloads.WORKLOADS))
def workload(request: pytest.FixtureRequest) -> Workload:
    return workloads.load(request.param)


@pytest.fixture(scope="module")
def columns(workload: Workload) -> Columns:
    return synthetic.columns(workload.program, len(workload.contexts), SUBJECTS, seed=7)


@pytest.fixture(scope="module")
def lowered(workload: Workload) -> Lowered:
    return lower(workload.program, workload.contexts)


@pytest.fixture(scope="module")
def wanted(workload: Workload, columns: Columns) -> Truths:
    return checks.expected(workload, columns, SUBJECTS)


def test_nearly_all_rules_are_translated(workload: Workload, lowered: Lowered) -> None:
    assert len(lowered.rules) + len(lowered.left_out) == len(workload.program.rules)
    assert len(lowered.left_out) <= 3


def test_the_kernel_answers_as_the_reference(workload: Workload, columns: Columns, wanted: Truths) -> None:
    prepared = entry.prepare(workload.program, columns, workload.contexts)
    assert np.array_equal(entry.letters(prepared, entry.kernel(prepared)), wanted)


@pytest.mark.parametrize("threads", [1, 2])
def test_sql_answers_as_the_reference(lowered: Lowered, columns: Columns, wanted: Truths, threads: int) -> None:
    database = sql.Database(lowered, columns, threads)
    assert checks.compare(lowered, wanted, database.codes(), sql.NAME).verdicts == len(lowered.rules) * SUBJECTS
    database.close()


def test_generated_python_answers_as_the_reference(lowered: Lowered, columns: Columns, wanted: Truths) -> None:
    function = python_source.compiled(lowered)
    codes = "".join(function(*row) for row in python_source.rows(lowered, columns))
    found = np.frombuffer(codes.encode(), dtype=np.uint8).reshape(SUBJECTS, -1).T
    checks.compare(lowered, wanted, found, python_source.NAME)


def test_a_wrong_answer_is_noticed(lowered: Lowered, wanted: Truths) -> None:
    found = wanted[[rule.index for rule in lowered.rules]].copy()
    at = next(i for i, rule in enumerate(lowered.rules) if not rule.arithmetic)
    found[at, 3] = ord("?")
    with pytest.raises(Disagreement, match="subject 3"):
        checks.compare(lowered, wanted, found, "someone")


def test_both_polarities_answer_as_the_reference(
    workload: Workload, lowered: Lowered, columns: Columns, wanted: Truths
) -> None:
    found, _ = polarity.outcomes(lowered, len(workload.contexts))
    arithmetic = {rule.index for rule in lowered.rules if rule.arithmetic}
    for row, record in enumerate(records(lowered, columns)):
        for outcome in found:
            fired = [letter for letter, formula in outcome.letters if _holds(formula, record)]
            assert len(fired) <= 1
            if outcome.index not in arithmetic:
                assert (fired or ["U"]) == [chr(wanted[outcome.index, row])], outcome.id


@pytest.mark.parametrize("name", [workloads.SCHOOLS, workloads.COUNTIES])
def test_copies_of_a_program_share_no_fact(name: str) -> None:
    workload = workloads.load(name)
    program = widened(workload.program, 2)
    columns = synthetic.columns(program, len(workload.contexts), 20)
    wide = Workload("twice", program, workload.divisions, workload.contexts)
    half = len(workload.program.rules)
    assert len(program.rules) == 2 * half
    assert {f for rule in program.rules[:half] for f in rule.needs}.isdisjoint(
        f for rule in program.rules[half:] for f in rule.needs
    )
    prepared = entry.prepare(program, columns, workload.contexts)
    assert np.array_equal(entry.letters(prepared, entry.kernel(prepared)), checks.expected(wide, columns, 20))


_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPUTE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def _holds(formula: pol.Formula, record: Record) -> bool:
    match formula:
        case pol.Never():
            return False
        case pol.And(operands):
            return all(_holds(o, record) for o in operands)
        case pol.Or(operands):
            return any(_holds(o, record) for o in operands)
        case pol.Is(name, value):
            return record[name] is value
        case pol.Known(name):
            return record[name] is not None
        case pol.Missing(name):
            return record[name] is None
        case pol.Option(name, options):
            return record[name] in options
        case pol.Within(places):
            return record["place"] in places
        case pol.Comparison(op, left, right):
            return _COMPARE[op](_value(left, record), _value(right, record))


def _value(number: low.Number, record: Record) -> float | Fraction:
    match number:
        case low.Literal(value):
            return float(value)
        case low.Column(name):
            assert not isnan(record[name])
            return float(record[name])
        case low.Operation(op, left, right):
            return _COMPUTE[op](_value(left, record), _value(right, record))
        case low.Minus(operand):
            return -_value(operand, record)
        case low.Absolute(operand):
            return abs(_value(operand, record))
        case low.Up(operand):
            return ceil(_value(operand, record))
        case low.Least(greatest, operands):
            return (max if greatest else min)(_value(o, record) for o in operands)
        case low.Count(names, open_too):
            return sum(record[n] is not False if open_too else record[n] is True for n in names)
        case _:
            raise AssertionError(number)
