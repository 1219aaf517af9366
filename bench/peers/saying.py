"""What every engine that takes one record at a time is asked: the codes of the rules that it can say."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import Any, Protocol

from bench.peers.lowered import Lowered
from bench.synthetic import FALSE, TRUE, Columns

__all__ = ["CannotSay", "Engine", "Judge", "Record", "records"]

Record = dict[str, Any]
"""`place` and every column by name: a bool, a float (days as day numbers) or the id of an option; None is unknown."""


class CannotSay(Exception):
    """A part of a rule that an engine's language lacks; `args[0]` says which."""


class Judge(Protocol):
    """Rules translated and compiled."""

    def judge(self, record: Any) -> str:
        """One letter per rule that was said, in order. `record` is what `prepare` made."""
        ...

    def prepare(self, record: Record) -> Any:
        """A record as the engine likes it best."""
        ...


@dataclass(frozen=True)
class Engine:
    """A judge, the rules that it says (by index), and those that it cannot."""

    judge: Judge
    said: tuple[int, ...]
    left_out: tuple[tuple[str, str], ...]


def records(lowered: Lowered, columns: Columns) -> list[Record]:
    """The subjects one by one."""
    lists: dict[str, list[Any]] = {"place": columns.places.tolist()}
    for name in lowered.numbers:
        lists[name] = [None if isnan(value) else value for value in columns.numbers[name].tolist()]
    for name, options in lowered.options.items():
        lists[name] = [None if isnan(value) else options[int(value)] for value in columns.numbers[name].tolist()]
    truth = {FALSE: False, TRUE: True}
    for name in lowered.truths:
        lists[name] = [truth.get(value) for value in columns.truths[name].tolist()]
    names = list(lists)
    return [dict(zip(names, values, strict=True)) for values in zip(*lists.values(), strict=True)]
