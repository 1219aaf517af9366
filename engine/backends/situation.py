"""What a program's rules come to on a day, in a place, under parameters, before any facts are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import overload

import numpy as np

from engine.backends.base import Context, ParameterValue, due_state, excluded
from engine.backends.letters import EXCLUDED, Indexes
from engine.check.ir import InDivision, Program, Rule
from engine.check.walk import formulas, nodes
from engine.verdicts import DueState, Reason

__all__ = ["Places", "Situation", "codes_of", "excluded_everywhere", "situation_of", "starts_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """One entry per rule.

    `states`: the due state or EXCLUDED, a byte each, and as many EXCLUDED behind as make fours. `reasons`: why
    excluded. `dues`: the deadline as far as it needs no fact. `last`: the period that plain values of the rule's
    periodic facts are about.
    `too_early`: that period ended before the rule began. `marks`: all of these of one rule together, so that
    rules in equal situations can be told by one comparison. `excluded`: the rules that are excluded.
    """

    context: Context
    states: bytes
    reasons: tuple[Reason | None, ...]
    dues: tuple[date | None, ...]
    last: tuple[int | None, ...]
    keys: tuple[str | None, ...]
    too_early: tuple[bool, ...]
    marks: tuple[tuple[object, ...], ...]
    excluded: frozenset[int]


class Places(Sequence[Context]):
    """The contexts of many records, of which few differ: `distinct[place_of[i]]` is that of record `i`."""

    def __init__(self, distinct: Sequence[Context], place_of: Indexes) -> None:
        self.distinct = distinct
        self.place_of = place_of

    @classmethod
    def of(cls, contexts: Sequence[Context]) -> Places:
        """The places of records by the identity of their contexts."""
        ids = list(map(id, contexts))
        distinct = dict(zip(ids, contexts, strict=True))
        if len(distinct) == 1:
            return cls([contexts[0]], np.zeros(len(contexts), dtype=np.intp))
        place = {key: number for number, key in enumerate(distinct)}
        return cls(list(distinct.values()), np.array([place[key] for key in ids], dtype=np.intp))

    def __len__(self) -> int:
        return len(self.place_of)

    @overload
    def __getitem__(self, at: int) -> Context: ...

    @overload
    def __getitem__(self, at: slice) -> Places: ...

    def __getitem__(self, at: int | slice) -> Context | Places:
        if isinstance(at, slice):
            return Places(self.distinct, self.place_of[at])
        return self.distinct[int(self.place_of[at])]


def situation_of(program: Program, context: Context) -> Situation:
    """The situation of a context; kept for the next record of the same day and place."""
    parameters = tuple(sorted(context.parameters.items())) if context.parameters else ()
    return _situation(program, context.on, context.path, parameters)


def excluded_everywhere(situations: Sequence[Situation]) -> frozenset[int]:
    """The rules that are X for every record of a block, whatever its facts: nothing of them need be computed."""
    return frozenset.intersection(*(situation.excluded for situation in situations))


@lru_cache(maxsize=512)
def codes_of(program: Program) -> frozenset[str]:
    """The divisions that a program names: where else a record lies makes no difference to it."""
    found = set() if program.jurisdiction is None else {program.jurisdiction}
    exprs = [e for rule in program.rules for e in (rule.when, rule.require)]
    exprs += [e for spec in program.facts.values() for e in formulas(spec)]
    for rule in program.rules:
        if rule.due is not None:
            found.update(code for code, _ in rule.due.table)
    for expr in exprs:
        if expr is not None:
            found.update(code for n in nodes(expr) if isinstance(n, InDivision) for code in n.codes)
    return frozenset(found)


def starts_of(program: Program, rule: Rule) -> date | None:
    """The first day of a rule: the later of the plan's and its own."""
    return max((day for day in (program.starts, rule.starts) if day is not None), default=None)


# Of a program with 220 rules each takes 40 KB.
@lru_cache(maxsize=1_024)
def _situation(
    program: Program, on: date, path: tuple[str, ...], parameters: tuple[tuple[str, ParameterValue], ...]
) -> Situation:
    context = Context(on, path, dict(parameters))
    states = bytearray([EXCLUDED]) * (-(-len(program.rules) // 4) * 4)
    reasons: list[Reason | None] = []
    dues: list[date | None] = []
    last: list[int | None] = []
    keys: list[str | None] = []
    too_early: list[bool] = []
    for i, rule in enumerate(program.rules):
        reason = excluded(program, rule, context)
        state, due, _ = due_state(rule.due, context, None) if reason is None else (DueState.LATE, None, False)
        states[i] = state.value if reason is None else EXCLUDED
        reasons.append(reason)
        dues.append(due)
        period = rule.period
        newest = period.last_finished(on) if period is not None else None
        last.append(newest)
        keys.append(period.key(newest) if period is not None and newest is not None else None)
        starts = starts_of(program, rule)
        too_early.append(
            period is not None and newest is not None and starts is not None and period.end(newest) < starts
        )
    marks = tuple(zip(states[: len(reasons)], reasons, dues, keys, too_early, strict=True))
    left_out = frozenset(i for i, reason in enumerate(reasons) if reason is not None)
    return Situation(
        context, bytes(states), tuple(reasons), tuple(dues), tuple(last), tuple(keys), tuple(too_early), marks, left_out
    )
