"""The columnar back end against the reference, on checked facts."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import synthetic
from bench.report import Report
from engine.backends import columnar, reference
from engine.backends.base import Context


def best_of(times: int, work: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def measure(report: Report) -> None:
    """Verdicts per second of both, after comparing every code."""
    library = synthetic.library()
    program = library.program(synthetic.RULESET, synthetic.SUBJECT)
    reader = library.reader(synthetic.SUBJECT)
    context = Context(synthetic.ON, library.path(synthetic.DIVISION))
    for count in (1_000, 16_000):
        facts = [reader.read(raw)[0] for raw in synthetic.records(program, count)]
        contexts = [context] * count
        few = facts[:200]
        expected = [reference.evaluate(program, record, context).codes for record in few]
        if columnar.codes(program, facts, contexts)[: len(few)] != expected:
            raise SystemExit("bench: columnar and reference disagree; nothing is timed")
        pairs = count * len(program.rules)
        report.add(
            f"columnar, {count:,} records of checked facts",
            pairs / best_of(3, lambda f=facts, c=contexts: columnar.codes(program, f, c)) / 1e6,
            "M verdicts/s",
        )
    seconds = best_of(1, lambda: [reference.evaluate(program, record, context) for record in few])
    report.add("reference with findings", len(few) * len(program.rules) / seconds / 1e6, "M verdicts/s")
