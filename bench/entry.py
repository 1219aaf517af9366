"""Where the benchmarks enter the engine. Whoever moves an entry re-points it here, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from api.observe.meter import Meter
from api.services.batch import lines_of
from api.services.batches import Batches, BatchJob
from api.services.plans import Plans
from api.settings import Limits
from api.wire.requests import read_batch, read_options, read_record
from bench import synthetic
from bench.synthetic import Columns, Truths, item_column
from engine.backends.base import Context
from engine.backends.columnar import _Run  # until the engine takes columns by itself
from engine.backends.columns import Block
from engine.backends.compute import Numbers
from engine.backends.plan import Plan, plan_of
from engine.backends.situation import situation_of
from engine.backends.vectors import TRUE
from engine.check.ir import Program
from engine.facts import FactReader, Facts

__all__ = ["decode_batch", "json_batch", "kernel"]


def kernel(program: Program, columns: Columns, contexts: Sequence[Context]) -> Truths:
    """Columns in, letters out: one row per rule, one uint8 letter per subject; `contexts` by `columns.places`."""
    plan = plan_of(program)
    with np.errstate(all="ignore"):
        run = _ColumnRun(plan, columns, contexts)
        run.run()
    return run.letters


def json_batch(body: bytes) -> bytes:
    """A JSON batch in, the reply out: what the service does between reading a body and sending the answer."""
    return b"".join(_batches().now(BatchJob([], "en", ndjson=False), body, Meter()))


def decode_batch(body: bytes, *, ndjson: bool) -> int:
    """Decode a batch as the service does, and no more. Answers how many records there were."""
    records = [line for _, line in lines_of(body)] if ndjson else read_batch(body, read_options([])).records
    for record in records:
        read_record(record)
    return len(records)


@cache
def _batches() -> Batches:
    return Batches(Plans(synthetic.library(), {}), Limits())


class _ColumnRun(_Run):
    """A block whose records are made only where a row must be recomputed exactly."""

    def __init__(self, plan: Plan, columns: Columns, contexts: Sequence[Context]) -> None:
        self.plan = plan
        self.program = plan.program
        self.records = _Rows(columns)
        self.places = [context.path for context in contexts]
        self.contexts = _Contexts(columns, contexts)
        self.on = contexts[0].on
        self.parameters = contexts[0].parameters
        self.size = columns.size
        layout = plan.layout
        numbers = np.empty((len(layout.numbers), self.size))
        for name, row in layout.numbers.items():
            numbers[row] = columns.numbers[name]
        self.truths = np.empty((plan.rows, self.size), dtype=np.uint8)
        for name, row in layout.truths.items():
            self.truths[row] = columns.truths[name]
        for name, rows in layout.items.items():
            for item, row in rows.items():
                self.truths[row] = columns.truths[item_column(name, item)]
        self.block = Block(numbers, self.truths[: layout.truth_rows], {})
        self.truths[plan.always] = TRUE
        self.letters = np.empty((len(plan.program.rules), self.size), dtype=np.uint8)
        self.numbers = Numbers(plan, self.block, self.truths, contexts[0], self.size)
        self.walks = {}
        self.situations = [situation_of(self.program, context) for context in contexts]
        self.place_of = columns.places.astype(np.intp)


class _Rows(Sequence[Facts]):
    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.reader = FactReader(columns.program.facts, columns.program.subject)

    def __len__(self) -> int:
        return self.columns.size

    def __getitem__(self, row: int) -> Facts:
        if row >= self.columns.size:
            raise IndexError(row)
        return self.reader.read(self.columns.facts(row))[0]


class _Contexts(Sequence[Context]):
    def __init__(self, columns: Columns, contexts: Sequence[Context]) -> None:
        self.columns = columns
        self.by_place = contexts

    def __len__(self) -> int:
        return self.columns.size

    def __getitem__(self, row: int) -> Context:
        return self.by_place[self.columns.places[row]]
