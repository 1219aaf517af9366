"""Where the benchmarks enter the engine and the service. Whoever moves an entry re-points it here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from api.observe.meter import Meter
from api.services.batch import lines_of
from api.services.batches import Batches, BatchJob
from api.services.plans import Plans, Selection
from api.services.results import Results
from api.settings import Limits
from api.wire.requests import read_batch, read_options
from bench import synthetic
from bench.synthetic import Columns, Truths, item_column
from engine.backends.base import Context
from engine.backends.columnar import block_records, judge_block
from engine.backends.columns import Below, Block
from engine.backends.plan import plan_of
from engine.backends.situation import Places
from engine.check.ir import Program

__all__ = ["Prepared", "decode_batch", "findings", "json_batch", "kernel", "letters", "prepare", "prepare_with_schools"]

SCHOOLS = 32_768
"""About how many schools a block of counties has."""


@dataclass(frozen=True)
class Prepared:
    """Columns as the engine holds them, in blocks of its own size, with the context of each record."""

    program: Program
    blocks: tuple[tuple[Block, Sequence[Context]], ...]


def prepare(program: Program, columns: Columns, contexts: Sequence[Context]) -> Prepared:
    """Columns → blocks; not part of what is timed, as filling a peer's table is not. `contexts` by `columns.places`."""
    size = block_records(program)
    parts = [columns.part(at, min(at + size, columns.size)) for at in range(0, columns.size, size)]
    return Prepared(
        program,
        tuple((_block(program, part), Places(contexts, np.asarray(part.places, dtype=np.intp))) for part in parts),
    )


def _block(program: Program, columns: Columns) -> Block:
    layout = plan_of(program).layout
    block = Block.as_sent(program, layout, columns.size, {})
    for name, row in layout.numbers.items():
        block.numbers[row, : columns.size] = columns.numbers[name]
    for name, row in layout.truths.items():
        block.truths[row, : columns.size] = columns.truths[name]
    for name, rows in layout.items.items():
        for item, row in rows.items():
            block.truths[row, : columns.size] = columns.truths[item_column(name, item)]
    return block


def prepare_with_schools(
    program: Program, counties: Columns, schools: Columns, county_of: npt.NDArray[np.intp], contexts: list[Context]
) -> Prepared:
    """Counties with their schools as columns, in blocks; `county_of` ascending, one context per county."""
    ends = np.searchsorted(county_of, np.arange(counties.size + 1))
    blocks: list[tuple[Block, Sequence[Context]]] = []
    start = 0
    while start < counties.size:
        # As many counties as have a block of schools, and at least one.
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + SCHOOLS, side="right")) - 1)
        rows = slice(int(ends[start]), int(ends[stop]))
        part, below = counties.part(start, stop), schools.part(rows.start, rows.stop)
        blocks.append(_block_with_schools(program, part, below, county_of[rows] - start, contexts[start:stop]))
        start = stop
    return Prepared(program, tuple(blocks))


def _block_with_schools(
    program: Program, counties: Columns, schools: Columns, county_of: npt.NDArray[np.intp], contexts: list[Context]
) -> tuple[Block, Sequence[Context]]:
    block = _block(program, counties)
    members = _block(program.members["school"], schools)
    below = Below(members, county_of, np.zeros(block.size, dtype=bool), [contexts[0]], lambda row: f"school-{row}")
    block.below["school"] = below
    block.containers.extend(np.unique(county_of).tolist())
    return block, contexts


def findings(prepared: Prepared) -> Iterator[tuple[list[str], list[bytes]]]:
    """Per block the codes of each record, and what a batch with findings says of it as JSON, without the braces."""
    plan = _plans().get(prepared.program.ruleset, prepared.program.subject)
    for block, contexts in prepared.blocks:
        judged = judge_block(prepared.program, block, contexts)
        yield judged.texts(), Results(plan, judged, Selection(), 0).parts(range(block.count), "findings")


def kernel(prepared: Prepared) -> list[Truths]:
    """Columns in, letters out: per block a row per record, a column per rule (and some more, to make fours)."""
    return [judge_block(prepared.program, block, contexts).letters for block, contexts in prepared.blocks]


def letters(prepared: Prepared, found: Sequence[Truths]) -> Truths:
    """The same as one matrix with a row per rule."""
    rules = len(prepared.program.rules)
    counts = [block.count for block, _ in prepared.blocks]
    return np.concatenate([part[:count, :rules].T for part, count in zip(found, counts, strict=True)], axis=1)


def json_batch(body: bytes) -> bytes:
    """A JSON batch in, the reply out: what the service does between reading a body and sending the answer."""
    return b"".join(_batches().now(BatchJob([], "en", form="json"), body, Meter()))


def decode_batch(body: bytes, ruleset: str, subject: str, *, ndjson: bool) -> int:
    """Decode a batch by the shape of its plan, as the service does, and no more. Answers how many records it has."""
    decode = _plans().get(ruleset, subject).shape.decode
    records = [line for _, line in lines_of(body)] if ndjson else read_batch(body, read_options([])).records
    return sum(decode(record) is not None for record in records)


@cache
def _plans() -> Plans:
    return Plans(synthetic.library(), {})


@cache
def _batches() -> Batches:
    return Batches(_plans(), Limits())
