"""Long batches, computed beside the event loop: in processes of their own, or in threads where there are none.

A thread that computes holds the interpreter's lock, and decoding a long body does not let go of it: requests beside it
then wait for tens of milliseconds. A process that computes takes nothing but its share of the processors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from api.observe.meter import Meter
from api.services.batch import Batch
from api.services.families import names_parents
from api.services.lanes import Lanes
from api.services.plans import Plans
from api.services.situations import ParameterReader, check_names
from api.services.standing import Standings
from api.settings import Limits
from api.wire.packing import Encoding, unpacked
from api.wire.requests import read_batch, read_options

__all__ = ["BatchJob", "Batches", "Form"]

AT_ONCE = 2
"""Long batches that one worker computes at the same time; further ones wait."""


Form = Literal["json", "ndjson", "arrow"]


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch as it came: all but its body, which is sent apart. `packed`: how that is compressed, if it is."""

    query: list[tuple[str, str]]
    language: str
    form: Form
    packed: Encoding | None = None


class Batches:
    """Computes batches against the plans of one worker."""

    def __init__(self, plans: Plans, limits: Limits) -> None:
        self._plans = plans
        self._limits = limits
        # Threads start with the first batch, so a process that is forked before has its own.
        self._threads = ThreadPoolExecutor(AT_ONCE, "xueheng-batch")
        self._lanes: Lanes[tuple[BatchJob, Standings], Meter] | None = None

    def fork(self) -> None:
        """Compute in processes from now on. To be called while this process has one thread only."""
        self._lanes = Lanes(self._in_lane, AT_ONCE)

    def now(self, job: BatchJob, body: bytes, meter: Meter) -> Iterator[bytes]:
        """The pieces of the reply; only NDJSON has more than one. Raises Problem before the first of them."""
        meter.begin()
        if job.packed is not None:
            body = unpacked(body, job.packed, self._limits.unpacked_bytes)
            meter.end("decode")
        if job.form == "arrow":
            # With the first such batch: the library behind it would keep every start waiting.
            from api.services.arrow import ArrowBatch

            columns = ArrowBatch(self._plans, read_options(job.query), self._limits, job.language, meter)
            return iter((columns.arrow(body),))
        if job.form == "ndjson":
            options = read_options(job.query)
            batch = Batch(self._plans, options, self._limits, job.language, ndjson=True, meter=meter)
            return batch.ndjson(body)
        options = read_options(job.query)
        # Here, because a body that says the same itself would hide the mistake.
        check_names(self._plans.library, options)
        ParameterReader(self._plans.library, options.parameters)
        wanted = read_batch(body, options)
        meter.end("decode")
        batch = Batch(self._plans, wanted, self._limits, job.language, ndjson=False, meter=meter)
        return iter((batch.json(wanted.records, tied=names_parents(body)),))

    async def aside(
        self, job: BatchJob, body: Sequence[bytes], done: Callable[[Meter], None]
    ) -> AsyncGenerator[bytes, None]:
        """The same beside the event loop. `done` takes what was counted, at the end."""
        if self._lanes is not None:
            async with aclosing(self._lanes.run((job, self._plans.standings), body, done)) as pieces_of_lane:
                async for piece in pieces_of_lane:
                    yield piece
            return
        meter = Meter()
        loop = asyncio.get_running_loop()
        pieces = await loop.run_in_executor(self._threads, lambda: self.now(job, b"".join(body), meter))
        while piece := await loop.run_in_executor(self._threads, next, pieces, b""):
            yield piece
        done(meter)

    def _in_lane(self, task: tuple[BatchJob, Standings], body: bytes) -> tuple[Iterator[bytes], Meter]:
        job, self._plans.standings = task
        meter = Meter()
        return self.now(job, body, meter), meter
