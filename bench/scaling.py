"""What a verdict costs with more records, more rules, more missing facts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench import checks, entry, synthetic, workloads
from bench.checks import Disagreement
from bench.report import Report
from bench.timing import best_of
from bench.widening import widened
from bench.workloads import Workload

__all__ = ["measure"]

RECORDS = (100, 1_000, 10_000, 100_000, 1_000_000)
PART = 65_536
WIDTHS = (1, 2, 4)
MISSING = (0.0, 0.2, 0.5, 0.9)
COMPARED = 200
ROUNDS = 3
FLAT_WITHIN = 1.2


def measure(report: Report) -> None:
    """The schools of one plan. Raises Disagreement before timing what answers otherwise."""
    workload = workloads.load(workloads.SCHOOLS)
    _records(report, workload)
    _rules(report, workload)
    _missing(report, workload)


def _seconds(workload: Workload, count: int, missing: float = synthetic.MISSING) -> float:
    """Seconds for `count` subjects, a million of them as the same 65,536 over and over."""
    columns = synthetic.columns(workload.program, len(workload.contexts), min(count, PART), missing=missing)
    compared = min(COMPARED, columns.size)
    wanted = checks.expected(workload, columns, compared)
    some = entry.prepare(workload.program, columns.part(0, compared), workload.contexts)
    if not np.array_equal(entry.letters(some, entry.kernel(some)), wanted):
        raise Disagreement(f"the kernel and the reference disagree on {workload.name}")
    sizes = [min(PART, count - at) for at in range(0, count, PART)]
    by_size = {
        size: entry.prepare(workload.program, columns.part(0, size), workload.contexts) for size in dict.fromkeys(sizes)
    }

    def run() -> None:
        for size in sizes:
            entry.kernel(by_size[size])

    return best_of(ROUNDS, run)


def _records(report: Report, workload: Workload) -> None:
    section = f"cost against records: {workload.name}"
    cost: dict[int, float] = {}
    for count in RECORDS:
        cost[count] = _seconds(workload, count) / count * 1e9
        report.add(section, f"{count:,} records", cost[count], "ns/record")
    flat = cost[1_000_000] / cost[10_000]
    report.add(section, "a record of 1,000,000 / a record of 10,000", flat, "×", at_most=FLAT_WITHIN)


def _rules(report: Report, workload: Workload) -> None:
    section = f"cost against rules: {workload.name}"
    for times in WIDTHS:
        wide = replace(workload, program=widened(workload.program, times))
        rules = len(wide.program.rules)
        seconds = _seconds(wide, PART)
        report.add(
            section, f"×{times}: {rules} rules on facts of their own", seconds / PART / rules * 1e9, "ns/verdict"
        )


def _missing(report: Report, workload: Workload) -> None:
    section = f"cost against the missing share: {workload.name}"
    rules = len(workload.program.rules)
    for share in MISSING:
        seconds = _seconds(workload, PART, share)
        report.add(section, f"{share:.0%} of the facts missing", seconds / PART / rules * 1e9, "ns/verdict")
