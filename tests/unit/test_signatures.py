"""Equal signatures mean equal findings, also where a rule looks at the day or the place."""

from __future__ import annotations

from datetime import date

import pytest

from engine.backends import columnar
from engine.backends.base import Context
from tests.small import small_library

FACTS = "facts: [{fact: done, type: boolean, subject: school, evidence: attested}]"


@pytest.mark.parametrize(
    "when",
    ['division == "150603"', 'not division in ("150602",)', 'as_of >= date("2026-01-01")'],
)
def test_what_looks_at_the_day_or_the_place_is_told_apart(when: str) -> None:
    found = small_library(f"{FACTS}\nrules:\n- id: r\n  when: {when}\n  require: done\n")
    (name,) = found.rulesets
    program = found.program(name, "school")
    facts, _ = found.reader("school").read({"done": False})
    findings: dict[object, object] = {}
    for place in ("150602", "150603"):
        for on in (date(2025, 12, 31), date(2026, 1, 1)):
            (record,) = columnar.judge(program, [facts], [Context(on, found.path(place))])
            signature = record.signature(0)
            if signature is not None:
                assert findings.setdefault(signature, record.finding(0)) == record.finding(0)
