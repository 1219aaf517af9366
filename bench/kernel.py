"""The kernel (columns in, codes out) against DuckDB running the same rules as SQL, and against generated Python."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np

from bench import checks, entry, synthetic, workloads
from bench.checks import Disagreement, compare
from bench.entry import Prepared
from bench.peers import python_source, sql
from bench.peers.lowering import lower
from bench.report import Report
from bench.synthetic import Columns, Truths
from bench.timing import best_of, in_turns
from bench.workloads import Workload

__all__ = ["measure"]

BLOCK = 65_536
BLOCKS = 4
COMPARED = 500
PYTHON_RECORDS = 4_000
ROUNDS, PROCESS_ROUNDS = 3, 20
ENOUGH_SECONDS = 6.0
"""After so long the wide rulesets are not timed once more."""
TIMES_DUCKDB = 6
LEAST_SMALL_BATCHES = 100
"""Million verdicts per second in batches of 1,000."""
LEAST_TWO_PROCESSES = 1.5


def measure(report: Report) -> None:
    """Every workload at its true width. Raises Disagreement before timing what answers otherwise."""
    for name in workloads.WORKLOADS:
        _workload(report, workloads.load(name))
    _small_batches(report, workloads.load(workloads.SCHOOLS))
    _two_processes(report, workloads.load(workloads.SCHOOLS))


def _prepared(workload: Workload, columns: Columns, size: int) -> list[Prepared]:
    parts = [columns.part(at, at + size) for at in range(0, columns.size, size)]
    return [entry.prepare(workload.program, part, workload.contexts) for part in parts]


def _kernel(parts: list[Prepared], threads: int) -> list[list[Truths]]:
    """The codes of some blocks, on one thread or more."""
    if threads == 1:
        return [entry.kernel(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(entry.kernel, parts))


def _workload(report: Report, workload: Workload) -> None:
    columns = synthetic.columns(workload.program, len(workload.contexts), BLOCK * BLOCKS)
    parts = _prepared(workload, columns, BLOCK)
    wanted = checks.expected(workload, columns, COMPARED)
    lowered = lower(workload.program, workload.contexts)
    rules, said = len(workload.program.rules), len(lowered.rules)
    section = f"kernel: {workload.name}, {rules} rules, {len(workload.program.facts)} facts"
    for rule, cause in lowered.left_out:
        report.remark(section, f"left out for SQL and Python: {rule}: {cause}")
    found = _kernel(parts, 1)
    codes = np.concatenate([entry.letters(part, of_part) for part, of_part in zip(parts, found, strict=True)], axis=1)
    if not np.array_equal(codes[:, :COMPARED], wanted):
        raise Disagreement("the kernel and the reference disagree")
    for threads in (1, 2):
        database = sql.Database(lowered, columns, threads)
        theirs = database.codes()
        compared = compare(lowered, wanted, theirs, sql.NAME)
        # Every row, not only those that the reference judged: whatever differs from the kernel lies on a limit.
        all_compared = compare(lowered, codes, theirs, sql.NAME)
        seconds, own = in_turns(ROUNDS, [database.run, partial(_kernel, parts, threads)], ENOUGH_SECONDS)
        database.close()
        if threads == 1:
            report.remark(
                section,
                f"{compared.verdicts:,} verdicts compared with the reference, {all_compared.verdicts:,} with the "
                f"kernel; DuckDB answers {all_compared.inexact:,} otherwise on a limit",
            )
        many = "one thread" if threads == 1 else f"{threads} threads"
        kernel, duck = rules * columns.size / own / 1e6, said * columns.size / seconds / 1e6
        report.add(section, f"kernel, blocks of {BLOCK:,}, {many}", kernel, "M verdicts/s")
        report.add(section, f"DuckDB, {said} rules as SQL, {many}", duck, "M verdicts/s")
        report.add(section, f"kernel / DuckDB, {many}", kernel / duck, "×", at_least=TIMES_DUCKDB)
    _python(report, section, workload, columns, wanted)


def _python(report: Report, section: str, workload: Workload, columns: Columns, wanted: Truths) -> None:
    """One generated function per ruleset, on some of the subjects."""
    lowered = lower(workload.program, workload.contexts)
    function = python_source.compiled(lowered)
    rows = python_source.rows(lowered, columns.part(0, PYTHON_RECORDS))

    def run() -> list[str]:
        return [function(*row) for row in rows]

    flat = np.frombuffer("".join(run()).encode(), dtype=np.uint8)
    compare(lowered, wanted, flat.reshape(len(rows), -1).T, python_source.NAME)
    report.add(section, "generated Python", len(lowered.rules) * len(rows) / best_of(ROUNDS, run) / 1e6, "M verdicts/s")


def _small_batches(report: Report, workload: Workload) -> None:
    size, batches = 1_000, 64
    columns = synthetic.columns(workload.program, len(workload.contexts), size * batches)
    parts = _prepared(workload, columns, size)
    seconds = best_of(ROUNDS, lambda: _kernel(parts, 1))
    report.add(
        "kernel: small batches",
        f"{workload.name}, batches of {size:,}",
        len(workload.program.rules) * columns.size / seconds / 1e6,
        "M verdicts/s",
        at_least=LEAST_SMALL_BATCHES,
    )


def _two_processes(report: Report, workload: Workload) -> None:
    """Each of two processes judges as many subjects as one does alone."""
    alone = _in_processes(workload.name, 1)
    both = _in_processes(workload.name, 2)
    section = "kernel: processes"
    report.add(section, f"{workload.name}, one process", alone / 1e6, "M verdicts/s")
    report.add(section, f"{workload.name}, two processes", both / 1e6, "M verdicts/s")
    report.add(section, "two processes / one", both / alone, "×", at_least=LEAST_TWO_PROCESSES)


def _in_processes(name: str, processes: int) -> float:
    """Verdicts per second of some processes together."""
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    with context.Pool(processes, _start, (barrier,)) as pool:
        found = pool.map(_rate, [name] * processes, chunksize=1)
    return sum(found)


_BARRIER: list[Any] = []


def _start(barrier: object) -> None:
    _BARRIER[:] = [barrier]


def _rate(name: str) -> float:
    """Verdicts per second of this process, while the others do the same."""
    workload = workloads.load(name)
    columns = synthetic.columns(workload.program, len(workload.contexts), BLOCK)
    prepared = entry.prepare(workload.program, columns, workload.contexts)
    entry.kernel(prepared)
    _BARRIER[0].wait()
    # All rounds count, not the best: one that ran while the other process was done would flatter.
    start = time.perf_counter()
    for _ in range(PROCESS_ROUNDS):
        entry.kernel(prepared)
    seconds = time.perf_counter() - start
    return len(workload.program.rules) * columns.size * PROCESS_ROUNDS / seconds
