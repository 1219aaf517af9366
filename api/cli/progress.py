"""A bar on standard error while a file is read, where a person can see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from api.reports.results import Judged

__all__ = ["watched"]


def watched(
    blocks: Iterator[Judged], progress: Callable[[], tuple[int, int | None]], *, hidden: bool
) -> Iterator[Judged]:
    """The blocks as they come. The bar is shown on a terminal only, and not where results run down the same one."""
    if hidden or not sys.stderr.isatty():
        yield from blocks
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[records]:,} records, {task.fields[errors]:,} not judged"),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, records=0, errors=0)
        records = errors = 0
        for judged in blocks:
            records += judged.totals.records
            errors += judged.totals.errors
            done, whole = progress()
            bar.update(task, completed=done, total=whole, records=records, errors=errors)
            yield judged
