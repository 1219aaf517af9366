"""The kernel (columns in, codes out) against DuckDB running the same rules as SQL, and against generated Python."""

from __future__ import annotations

import time
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
ROUNDS, SHORT_ROUNDS = 3, 20
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


def _kernel(parts: list[Prepared]) -> list[list[Truths]]:
    """The codes of some blocks."""
    return [entry.kernel(part) for part in parts]


class _Processes:
    """The blocks of a workload split over processes of one thread each, as `xueheng check` splits them."""

    def __init__(self, name: str, count: int) -> None:
        context = get_context("spawn")
        self.count = count
        self.pool = context.Pool(count, _start, (context.Barrier(count), name, count))
        self.run()

    def run(self) -> None:
        """All blocks once, each process its share; they wait for each other first."""
        self.pool.map(_share, range(self.count), chunksize=1)

    def close(self) -> None:
        """End the processes."""
        self.pool.close()
        self.pool.join()


def _workload(report: Report, workload: Workload) -> None:
    columns = synthetic.columns(workload.program, len(workload.contexts), BLOCK * BLOCKS)
    parts = _prepared(workload, columns, BLOCK)
    wanted = checks.expected(workload, columns, COMPARED)
    lowered = lower(workload.program, workload.contexts)
    rules, said = len(workload.program.rules), len(lowered.rules)
    section = f"kernel: {workload.name}, {rules} rules, {len(workload.program.facts)} facts"
    for rule, cause in lowered.left_out:
        report.remark(section, f"left out for SQL and Python: {rule}: {cause}")
    found = _kernel(parts)
    codes = np.concatenate([entry.letters(part, of_part) for part, of_part in zip(parts, found, strict=True)], axis=1)
    if not np.array_equal(codes[:, :COMPARED], wanted):
        raise Disagreement("the kernel and the reference disagree")
    for threads in (1, 2):
        database = sql.Database(lowered, columns, threads)
        theirs = database.codes()
        compared = compare(lowered, wanted, theirs, sql.NAME)
        # Every row, not only those that the reference judged: whatever differs from the kernel lies on a limit.
        all_compared = compare(lowered, codes, theirs, sql.NAME)
        processes = _Processes(workload.name, threads) if threads > 1 else None
        run = processes.run if processes is not None else partial(_kernel, parts)
        seconds, own = in_turns(SHORT_ROUNDS, [database.run, run], ENOUGH_SECONDS)
        if processes is not None:
            processes.close()
        database.close()
        if threads == 1:
            report.remark(
                section,
                f"{compared.verdicts:,} verdicts compared with the reference, {all_compared.verdicts:,} with the "
                f"kernel; DuckDB answers {all_compared.inexact:,} otherwise on a limit",
            )
        many = "one thread" if threads == 1 else f"{threads} threads"
        ours = "one thread" if threads == 1 else f"{threads} processes of one thread"
        kernel, duck = rules * columns.size / own / 1e6, said * columns.size / seconds / 1e6
        report.add(section, f"kernel, blocks of {BLOCK:,}, {ours}", kernel, "M verdicts/s")
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
    seconds = best_of(SHORT_ROUNDS, lambda: _kernel(parts))
    report.add(
        "kernel: small batches",
        f"{workload.name}, batches of {size:,}",
        len(workload.program.rules) * columns.size / seconds / 1e6,
        "M verdicts/s",
        at_least=LEAST_SMALL_BATCHES,
    )


def _two_processes(report: Report, workload: Workload) -> None:
    """The same subjects by one process and by two, each of which takes half of them."""
    alone = _in_processes(workload, 1)
    both = _in_processes(workload, 2)
    section = "kernel: processes"
    report.add(section, f"{workload.name}, one process", alone / 1e6, "M verdicts/s")
    report.add(section, f"{workload.name}, two processes", both / 1e6, "M verdicts/s")
    report.add(section, "two processes / one", both / alone, "×", at_least=LEAST_TWO_PROCESSES)


def _in_processes(workload: Workload, count: int) -> float:
    """Verdicts per second of some processes together."""
    processes = _Processes(workload.name, count)
    # All rounds count, not the best: one that ran while the other process was done would flatter.
    start = time.perf_counter()
    for _ in range(SHORT_ROUNDS):
        processes.run()
    seconds = time.perf_counter() - start
    processes.close()
    return len(workload.program.rules) * BLOCK * BLOCKS * SHORT_ROUNDS / seconds


_STARTED: list[Any] = []
_SHARE: list[Prepared] = []


def _start(barrier: object, name: str, count: int) -> None:
    _STARTED[:] = [barrier, name, count]


def _share(index: int) -> None:
    barrier, name, count = _STARTED
    if not _SHARE:
        workload = workloads.load(name)
        columns = synthetic.columns(workload.program, len(workload.contexts), BLOCK * BLOCKS)
        _SHARE[:] = _prepared(workload, columns, BLOCK)[index::count]
    # Each process takes one share, whichever it is: their blocks are as long.
    barrier.wait()
    _kernel(_SHARE)
