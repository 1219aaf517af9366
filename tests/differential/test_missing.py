"""What a block lacks, told from columns, is what the reference's findings lack."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.backends import columnar
from engine.backends.base import Context
from engine.backends.columns import Block
from engine.backends.missing import Missing, names_of
from engine.backends.plan import plan_of
from engine.registry import Library
from tests.differential import shapes
from tests.differential.test_shapes import SLOW


@given(data=st.data(), library=shapes.libraries(), on=shapes.on_days)
@settings(max_examples=120, suppress_health_check=SLOW)
def test_missing_equals_the_findings(data: st.DataObject, library: Library, on: date) -> None:
    program = library.program("w@1", "school")
    raws = data.draw(st.lists(shapes.facts, min_size=1, max_size=6))
    records = [library.reader("school").read(raw)[0] for raw in raws]
    contexts = [Context(on, library.path(data.draw(st.sampled_from(shapes.PLACES)))) for _ in records]
    judged = columnar.judge_block(program, Block.of(plan_of(program).layout, records), contexts)
    names = names_of(program, on)
    lacks = Missing(judged, range(len(program.rules)), names)
    for row, record in enumerate(judged.explainers()):
        expected = {name for i in range(len(program.rules)) for name in record.finding(i).missing}
        told = {name for name, lacking in zip(names, lacks.marks[:, row], strict=True) if lacking}
        assert told | set(lacks.further.get(row, ())) == expected
