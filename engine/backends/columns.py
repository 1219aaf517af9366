"""Records → columns: one float64 row per number, date and category, one truth row per condition.

Numbers stand as sent, dates as day numbers, categories and grades as the index of their option; NaN is
unknown. Booleans and checklist items are truths (false 0, unknown 1, true 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.backends.vectors import FALSE, TRUE, UNKNOWN, Floats, Truths
from engine.check.ir import Program
from engine.facts import Facts

__all__ = ["Block", "Layout", "layout_of"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each fact of a program stands."""

    numbers: Mapping[str, int]
    truths: Mapping[str, int]
    options: Mapping[str, Mapping[str, int]]
    items: Mapping[str, Mapping[str, int]]

    @property
    def truth_rows(self) -> int:
        """How many truth rows the facts take."""
        return len(self.truths) + sum(len(items) for items in self.items.values())


def layout_of(program: Program) -> Layout:
    """The layout of a program's facts, in the order of its facts."""
    numbers: dict[str, int] = {}
    truths: dict[str, int] = {}
    options: dict[str, dict[str, int]] = {}
    checklists: list[str] = []
    for name, spec in program.facts.items():
        match spec.type_name:
            case "boolean":
                truths[name] = len(truths)
            case "checklist":
                checklists.append(name)
            case "category" | "grade":
                numbers[name] = len(numbers)
                options[name] = {option: i for i, option in enumerate(spec.options)}
            case _:
                numbers[name] = len(numbers)
    items: dict[str, dict[str, int]] = {}
    row = len(truths)
    for name in checklists:
        items[name] = {item: row + i for i, item in enumerate(program.facts[name].options)}
        row += len(items[name])
    return Layout(numbers, truths, options, items)


@dataclass(frozen=True, slots=True)
class Block:
    """Columns of some records. `keyed` lists, per fact, the rows that gave it by period."""

    numbers: Floats
    truths: Truths
    keyed: Mapping[str, list[int]]

    @classmethod
    def of(cls, layout: Layout, records: Sequence[Facts]) -> Block:
        """The columns of checked records; facts that the program does not read are left out."""
        size = len(records)
        numbers = np.full((len(layout.numbers), size), np.nan)
        truths = np.full((layout.truth_rows, size), UNKNOWN, dtype=np.uint8)
        keyed: dict[str, list[int]] = {}
        number_at, truth_at = layout.numbers, layout.truths
        for row, facts in enumerate(records):
            for name, value in facts.plain.items():
                at = number_at.get(name)
                if at is not None:
                    if isinstance(value, str):
                        numbers[at, row] = layout.options[name][value]
                    elif isinstance(value, date):
                        numbers[at, row] = value.toordinal()
                    else:
                        numbers[at, row] = value
                elif name in truth_at:
                    truths[truth_at[name], row] = TRUE if value else FALSE
                elif name in layout.items:
                    assert isinstance(value, Mapping)
                    for item, ticked in value.items():
                        truths[layout.items[name][item], row] = TRUE if ticked else FALSE
            for name in facts.keyed:
                keyed.setdefault(name, []).append(row)
        return cls(numbers, truths, keyed)
