"""A single evaluation over HTTP against a no-op route of the same server, in turns."""

from __future__ import annotations

import json
import statistics

from bench import synthetic
from bench.checks import Disagreement
from bench.client import post, server
from bench.report import Report
from bench.served import NOOP
from engine.backends import reference
from engine.backends.base import Context

__all__ = ["measure"]

ROUNDS = 1_500
WARM_UP = 100
MOST_TIMES_NOOP = 4.0
SECTION = "single evaluation over HTTP"


def measure(report: Report) -> None:
    """Medians of one run, both routes in turns, after comparing the verdicts with the reference."""
    library = synthetic.library()
    program = library.program(synthetic.RULESET, synthetic.SUBJECT)
    reader = library.reader(synthetic.SUBJECT)
    context = Context(synthetic.ON, library.path(synthetic.DIVISION))
    raws = synthetic.records(program, 50)
    bodies = [
        json.dumps(
            {
                "division": synthetic.DIVISION,
                "subject": synthetic.SUBJECT,
                "id": f"synthetic-{i}",
                "as_of": synthetic.ON.isoformat(),
                "facts": raw,
            },
            ensure_ascii=False,
        ).encode()
        for i, raw in enumerate(raws)
    ]
    with server() as connection:
        for raw, body in zip(raws, bodies, strict=True):
            answer = json.loads(post(connection, "/v1/evaluations", body)[1])
            expected = reference.evaluate(program, reader.read(raw)[0], context)
            if [v["verdict"] for v in answer["verdicts"]] != [f.verdict.value for f in expected.findings]:
                raise Disagreement("a single evaluation and the reference disagree")
        noop: list[float] = []
        single: list[float] = []
        for i in range(WARM_UP + ROUNDS):
            body = bodies[i % len(bodies)]
            pair = post(connection, NOOP, body)[0], post(connection, "/v1/evaluations", body)[0]
            if i >= WARM_UP:
                noop.append(pair[0])
                single.append(pair[1])
    median_noop, median_single = statistics.median(noop), statistics.median(single)
    report.add(SECTION, "no-op route, median", median_noop * 1e3, "ms")
    report.add(SECTION, "no-op route, 99th percentile", statistics.quantiles(noop, n=100)[98] * 1e3, "ms")
    report.add(SECTION, f"evaluation ({len(program.rules)} rules), median", median_single * 1e3, "ms")
    report.add(SECTION, "evaluation, 99th percentile", statistics.quantiles(single, n=100)[98] * 1e3, "ms")
    report.add(SECTION, "evaluation / no-op, medians", median_single / median_noop, "×", at_most=MOST_TIMES_NOOP)
