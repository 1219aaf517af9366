"""Timing: the shortest of some runs; what is to be compared runs in turns, so that a noisy machine troubles both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence

__all__ = ["best_of", "in_turns"]


def best_of(times: int, work: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds."""
    return in_turns(times, [work])[0]


def in_turns(times: int, works: Sequence[Callable[[], object]], enough: float = float("inf")) -> list[float]:
    """The shortest run of each work, in seconds; the works take turns. After `enough` seconds no round begins."""
    found = [float("inf")] * len(works)
    # As the server does once it has loaded: what stands by now is not looked through again.
    gc.collect()
    gc.freeze()
    began = time.perf_counter()
    for turn in range(times):
        if turn and time.perf_counter() - began > enough:
            break
        for i, work in enumerate(works):
            gc.collect()
            start = time.perf_counter()
            work()
            found[i] = min(found[i], time.perf_counter() - start)
    return found
