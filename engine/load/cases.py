"""`cases/*.yaml` → documents."""

from __future__ import annotations

from engine import codes
from engine.diagnostics import Collector
from engine.load.documents import CaseDoc
from engine.load.fields import Fields, read_list
from engine.load.tree import parse_tree
from engine.source import Source
from engine.words import SUBJECTS

__all__ = ["load_cases"]


def load_cases(source: Source, collector: Collector) -> list[CaseDoc]:
    """The worked cases of one topic file."""
    cases: list[CaseDoc] = []

    def read(fields: Fields) -> None:
        name, division = fields.text("case"), fields.text("division")
        subject, as_of = fields.choice("subject", SUBJECTS), fields.day("as_of")
        facts, parameters = fields.any("facts"), fields.any("parameters", required=False)
        members = fields.any("members", required=False)
        following = fields.texts("expect_consequences") if fields.has("expect_consequences") else None
        expect = fields.mapping("expect", "`expect`", required=following is None)
        rows = () if expect is None else tuple((expect.node.keys[k], v) for k, v in expect.node.items.items())
        fields.done()
        if name is None or division is None or subject is None or as_of is None or facts is None:
            return
        if not rows and following is None:
            collector.add(codes.case_mismatch(name.value, "expects nothing", fields.key_span("expect")))
            return
        cases.append(
            CaseDoc(name, fields.node.span, division, subject, as_of, facts, parameters, rows, members, following)
        )

    read_list(parse_tree(source, collector), "case", collector, read)
    return cases
