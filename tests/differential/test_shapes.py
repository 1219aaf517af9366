"""Generated rulesets and facts of every shape: columnar equals reference, finding by finding."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.check.ir import Program
from engine.facts import Facts
from engine.registry import Library
from engine.verdicts import Finding
from tests.differential import shapes

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def compare_shapes(data: st.DataObject, library: Library, on: date) -> None:
    """Judge drawn records in a block, one by one and by the reference."""
    program = library.program("w@1", "school")
    raws = data.draw(st.lists(shapes.facts, min_size=1, max_size=6))
    records = [library.reader("school").read(raw)[0] for raw in raws]
    parameters: dict[str, Any] = data.draw(st.sampled_from(({}, {"floor": Fraction("99.99")})))
    places = data.draw(st.lists(st.sampled_from(shapes.PLACES), min_size=len(raws), max_size=len(raws)))
    contexts = [Context(on, library.path(place), parameters) for place in places]
    later = data.draw(shapes.on_days)
    expected = [reference.evaluate(program, r, c) for r, c in zip(records, contexts, strict=True)]
    judged = list(columnar.judge(program, records, contexts))
    for one, other, record, context in zip(judged, expected, records, contexts, strict=True):
        assert one.codes == other.codes
        assert tuple(one.finding(i) for i in range(len(program.rules))) == other.findings
        assert columnar.evaluate(program, record, context) == other
    signatures_decide(program, records, [*contexts, *[Context(later, c.path, parameters) for c in contexts]])


def signatures_decide(program: Program, records: list[Facts], contexts: list[Context]) -> None:
    """Whatever the place and the day, records with equal signatures of a rule have equal findings of it."""
    seen: dict[object, Finding] = {}
    for record in records:
        for context in contexts:
            (one,) = columnar.judge(program, [record], [context])
            for i in range(len(program.rules)):
                signature = one.signature(i)
                if signature is not None:
                    assert seen.setdefault((i, signature), one.finding(i)) == one.finding(i)


@given(data=st.data(), library=shapes.libraries(), on=shapes.on_days)
@settings(max_examples=120, suppress_health_check=SLOW)
def test_columnar_equals_reference_on_any_shape(data: st.DataObject, library: Library, on: date) -> None:
    compare_shapes(data, library, on)
