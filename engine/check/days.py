"""The days of a duty: its deadline, and whether start, end and deadline agree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engine import codes
from engine.check.dictionary import Dictionary
from engine.check.ir import Due
from engine.diagnostics import Collector
from engine.load.documents import DueDoc
from engine.source import Span
from engine.values import DATE

__all__ = ["check_due", "disagreement"]


def check_due(
    doc: DueDoc | None,
    subjects: Sequence[str],
    dictionary: Dictionary,
    divisions: frozenset[str],
    collector: Collector,
) -> Due | None:
    """The deadline of a duty of some subjects. An anchor that is none of their dates is left out and reported."""
    if doc is None:
        return None
    for code, _ in doc.table:
        if divisions and code.value not in divisions:
            collector.add(codes.unknown_division(code.value, code.span))
    after = None
    if doc.after is not None:
        spec = dictionary.facts.get(doc.after.value)
        if spec is None:
            collector.add(codes.unknown_fact(doc.after.value, dictionary.facts, doc.after.span))
        elif spec.type != DATE:
            collector.add(codes.type_mismatch("a date", spec.type_name, doc.after.span))
        elif not all(subject in spec.subjects for subject in subjects):
            collector.add(codes.subject_mismatch(spec.name, spec.subjects, subjects[0], doc.after.span))
        else:
            after = spec.name
    return Due(
        doc.unstated,
        doc.on,
        tuple((code.value, day) for code, day in doc.table),
        doc.earliest,
        doc.latest,
        after,
        doc.years,
    )


def disagreement(starts: date | None, until: date | None, due: Due | None, place: Span, collector: Collector) -> bool:
    """Report a start that lies behind the end or the deadline; True when there is one."""
    before = len(collector.found)
    if starts and until and starts > until:
        collector.add(codes.due_inconsistent(f"`from` {starts} lies behind `until` {until}", place))
    last = due.on or due.latest if due else None
    if starts and last and starts > last:
        collector.add(codes.due_inconsistent(f"`from` {starts} lies behind `due` {last}", place))
    return len(collector.found) > before
