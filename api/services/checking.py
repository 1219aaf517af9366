"""A file of records is judged: blocks of it side by side in processes of their own, results in the order of the file.

What one block goes through is `Checker.block`: a block as read → records → the batch's reply → a form of output.
"""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, repeat
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeGuard

from api.reports.results import Form, Judged, TakesColumns, collected, lines_in, results_of
from api.services.batch import Batch
from api.services.plans import Plans
from api.services.processes import die_with
from api.settings import Limits
from api.tabular.records import BLOCK_RECORDS, HasArrays, Parsed, Row, Table
from api.wire.requests import BatchOptions

if TYPE_CHECKING:
    from api.services.columns import FileFrames, Whole

__all__ = ["Checker", "WorkerLost", "judged_blocks"]

_UNLIMITED = Limits(records=2**62, full_records=2**62, members=2**62, batch_seconds=float(2**31))
_ROWS_OF_COLUMNS = 16_384
"""Records of a block of columns: as many as are judged together."""
_AHEAD = 2
"""Blocks that wait for each process, so that none is idle while one is written."""


class WorkerLost(Exception):
    """A process that judged is gone: ended from outside, most likely for want of memory."""


class _FileBatch(Batch):
    """A batch whose lines are all at hand."""

    def replies(self, lines: Sequence[tuple[int, bytes]], *, families: bool, counted_in: str) -> Iterator[bytes]:
        """The reply. `families`: lines may name parents, which stand among them. `counted_in`: `line` or `row`."""
        self.counted_in = counted_in
        if families:
            self._gather(lines)
        return self.stream(lines)


class Checker:
    """Judges blocks of one table."""

    def __init__(self, plans: Plans, options: BatchOptions, form: Form, language: str) -> None:
        self._plans = plans
        self._options = options
        self._form = form
        self._language = language
        self._whole: Whole | None = None
        # What is wrong with the options is told before any file is read.
        self._batch()

    def _batch(self) -> _FileBatch:
        return _FileBatch(self._plans, self._options, _UNLIMITED, self._language, ndjson=True)

    def in_columns(self, table: Table) -> TypeGuard[HasArrays]:
        """True when both the file and the output have columns, so that no record need stand between them."""
        return isinstance(table, HasArrays) and isinstance(self._form, TakesColumns)

    def columns(self, table: HasArrays, block: object) -> Judged | None:
        """A block judged in columns, or None where it must be looked at row by row."""
        return self._frames().block(table, block)

    def gather(self, table: HasArrays, blocks: Sequence[object]) -> Iterator[range] | None:
        """All blocks of a file whose records name parents, to be judged in columns: the rows of each part. None where
        they must be looked at row by row.
        """
        # Not in the blocks: forked processes have it already, and would be sent those.
        self._whole = self._frames().whole(table, blocks)
        return None if self._whole is None else self._whole.parts(_ROWS_OF_COLUMNS)

    def part(self, table: HasArrays, rows: range) -> Judged:
        """Some rows of the file that was gathered, judged in columns."""
        assert self._whole is not None
        return self._frames().part(table, self._whole, rows)

    def _frames(self) -> FileFrames:
        # Here, because files of text are checked without Arrow.
        from api.services.columns import FileFrames

        return FileFrames(self._plans, self._options, _UNLIMITED, self._language)

    def block(self, parsed: Parsed, *, families: bool = False) -> Judged:
        """One block of records, judged and written."""
        waiting: deque[Row] = deque(parsed.rows)
        records = [(row.number, row.body) for row in parsed.rows]
        counted_in = "row" if parsed.rows and parsed.rows[0].origin.columns else "line"
        lines = lines_in(self._batch().replies(records, families=families, counted_in=counted_in))
        results, heads, stopped, counts = results_of(lines, waiting)
        content = self._form.content(results, heads)
        totals = collected(results, heads, counts, stopped, parsed.given)
        return Judged(heads, content, totals, parsed.notices, stopped)


def judged_blocks(table: Table, checker: Checker, processes: int) -> Iterator[Judged]:
    """The blocks of a table, judged, in order. Raises BadFile, and WorkerLost.

    Records that name parents are read to the end first, and cut where no family is parted. The first block is judged
    here: most files hold no more, and what it builds is then shared by the processes that are forked.
    """
    if checker.in_columns(table):
        table.block_records = _ROWS_OF_COLUMNS
    blocks = _families(table, checker) if table.families else table.blocks()
    first = next(blocks, None)
    if first is None:
        return
    yield _judged(table, checker, first)
    second = next(blocks, None)
    if second is None:
        return
    rest = chain((second,), blocks)
    # What is there now stays, and is shared with the processes for as long as no collection touches it.
    gc.collect()
    gc.freeze()
    try:
        if processes < 2:
            yield from map(_judged, repeat(table), repeat(checker), rest)
        else:
            yield from _side_by_side(table, checker, rest, processes)
    finally:
        gc.unfreeze()


def _judged(table: Table, checker: Checker, block: object) -> Judged:
    if isinstance(block, Parsed):
        return checker.block(block, families=True)
    if checker.in_columns(table):
        if isinstance(block, range):
            return checker.part(table, block)
        judged = checker.columns(table, block)
        if judged is not None:
            return judged
    return checker.block(table.parse(block))


def _families(table: Table, checker: Checker) -> Iterator[object]:
    """The records of a file, none of them parted from what it is tied to."""
    blocks = list(table.blocks())
    parts = checker.gather(table, blocks) if checker.in_columns(table) else None
    return _family_blocks(_gathered(table, blocks)) if parts is None else parts


def _gathered(table: Table, blocks: Iterable[object]) -> Parsed:
    whole = Parsed([])
    for block in blocks:
        parsed = table.parse(block)
        whole.rows += parsed.rows
        whole.notices += parsed.notices
        whole.given |= parsed.given
    return whole


def _family_blocks(whole: Parsed) -> Iterator[Parsed]:
    """The records in their order, cut only where no record after is tied to one before, by id or parent."""
    roots: dict[str, str] = {}

    def root(name: str) -> str:
        while (above := roots.setdefault(name, name)) != name:
            roots[name] = roots[above]
            name = above
        return name

    for row in whole.rows:
        if row.parent is not None and row.id is not None:
            roots[root(row.id)] = root(row.parent)
    families = [root(name) if (name := row.parent or row.id) in roots else None for row in whole.rows]
    last = {family: place for place, family in enumerate(families) if family is not None}
    notices, given = whole.notices, whole.given
    start = reach = 0
    for place, family in enumerate(families):
        reach = max(reach, place if family is None else last[family])
        if place == reach and (place + 1 - start >= BLOCK_RECORDS or place + 1 == len(families)):
            yield Parsed(whole.rows[start : place + 1], notices, given)
            # Told once.
            notices, given, start = [], set(), place + 1


def _side_by_side(table: Table, checker: Checker, blocks: Iterator[object], processes: int) -> Iterator[Judged]:
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("fork"), initializer=_begin, initargs=(table, checker, os.getpid())
    )
    waiting: deque[Future[Judged]] = deque()
    try:
        for block in blocks:
            try:
                waiting.append(pool.submit(_judge, block))
            except OSError as error:
                raise WorkerLost(f"no process can be started: {error.strerror}; try --processes 1") from None
            if len(waiting) > processes * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise WorkerLost("a process that judged was ended from outside: is there too little memory?") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# --- in the processes -------------------------------------------------------------------------

_work: tuple[Table, Checker] | None = None


def _begin(table: Table, checker: Checker, parent: int) -> None:
    global _work  # noqa: PLW0603 - what a process of the pool is forked for
    _work = (table, checker)
    # Ctrl-C goes to all; the parent ends the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(parent, signal.SIGKILL)


def _judge(block: object) -> Judged:
    assert _work is not None
    return _judged(*_work, block)
