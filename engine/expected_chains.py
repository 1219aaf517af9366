"""Which consequences a worked case expects, and how what follows differs from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine import codes
from engine.backends.base import Context
from engine.backends.events import EventReader
from engine.check.ir import Consequence, FactSpec, Program, Ruleset
from engine.consequences import Step, chain
from engine.diagnostics import Collector
from engine.facts import Facts
from engine.load.documents import CaseDoc
from engine.source import Text
from engine.verdicts import Finding

__all__ = ["chain_of", "check_names", "read_by", "unlike"]


def check_names(doc: CaseDoc, ruleset: Ruleset, collector: Collector) -> None:
    """Every expected consequence exists, or is in the collector."""
    known = [consequence.id.split("/", 1)[1] for consequence in ruleset.consequences]
    for name in doc.consequences or ():
        if name.value not in known:
            collector.add(codes.unknown_consequence(name.value, known, name.span))


def read_by(consequences: Sequence[Consequence], program: Program) -> list[int]:
    """The rules of a program, by index, whose verdicts consequences read."""
    named = {name for c in consequences if c.cause in ("breach_of", "result_of") for name in c.causes}
    return [i for i, rule in enumerate(program.rules) if rule.id in named]


def chain_of(
    ruleset: Ruleset,
    program: Program,
    dictionary: Mapping[str, FactSpec],
    facts: Facts,
    context: Context,
    findings: Sequence[Finding],
) -> tuple[Step, ...]:
    """What follows for a record, from findings of the rules of `read_by`."""
    verdicts = {program.rules[finding.rule].id: finding.verdict for finding in findings}
    events = EventReader(program, ruleset.consequences, dictionary).happened(facts, context)
    return chain(ruleset.consequences, verdicts, events)


def unlike(expected: Sequence[Text], steps: Sequence[Step]) -> str | None:
    """In words how what follows differs from what was expected, in whatever order; None when it does not."""
    wanted = [name.value for name in expected]
    found = [step.consequence.id.split("/", 1)[1] for step in steps]
    parts = [
        f"{what} {', '.join(f'`{name}`' for name in names)}"
        for what, names in (
            ("does not lead to", [name for name in wanted if name not in found]),
            ("also leads to", [name for name in found if name not in wanted]),
        )
        if names
    ]
    return "; ".join(parts) or None
