"""Seeded synthetic subjects, their facts drawn around the limits of the rules. Nothing real is behind them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from api.files import bundled_rulesets, read_rulesets
from engine.check.ir import Aggregate, Arithmetic, Compare, Constant, Expr, FactSpec, Program
from engine.check.walk import facts_of, nodes
from engine.registry import Library, load_library

__all__ = [
    "DIVISION",
    "ON",
    "RULESET",
    "SUBJECT",
    "Columns",
    "columns",
    "columns_of",
    "day_number",
    "item_column",
    "library",
    "records",
]

ON = date(2026, 11, 22)
RULESET, SUBJECT, DIVISION = "erdos@2021.1", "school", "150603"
MISSING = 0.2
"""The usual share of facts that nobody sent."""
MET = 0.9
"""How often a yes-or-no fact is true."""
SUPPLIED = 0.05
"""How often a fact is sent that would be computed from others."""
AROUND_LIMITS = 0.3
"""How often a number lies on a limit of some rule, or one step beside it."""

FALSE, UNKNOWN, TRUE = 0, 1, 2

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.uint8]


@cache
def library() -> Library:
    """The rulesets of this checkout."""
    return load_library(read_rulesets(bundled_rulesets()).texts)


def item_column(fact: str, item: str) -> str:
    """The column of an item of a checklist."""
    return f"{fact}__{item}".replace("-", "_")


def day_number(text: str) -> int:
    """The number of a day as columns hold it."""
    return date.fromisoformat(text).toordinal()


@dataclass(frozen=True)
class Columns:
    """Facts of many subjects, column by column.

    `numbers`: float64, NaN unknown; dates are day numbers, categories and grades indexes of their options.
    `truths`: uint8, false 0, unknown 1, true 2; of checklists one column per item. `places`: an index per
    subject into the divisions of the workload.
    """

    program: Program
    numbers: Mapping[str, Floats]
    truths: Mapping[str, Truths]
    places: Truths

    @property
    def size(self) -> int:
        """How many subjects."""
        return len(self.places)

    def part(self, start: int, stop: int) -> Columns:
        """Some of the subjects."""
        return Columns(
            self.program,
            {name: column[start:stop] for name, column in self.numbers.items()},
            {name: column[start:stop] for name, column in self.truths.items()},
            self.places[start:stop],
        )

    def take(self, rows: npt.NDArray[np.intp]) -> Columns:
        """The subjects of some rows."""
        return Columns(
            self.program,
            {name: column[rows] for name, column in self.numbers.items()},
            {name: column[rows] for name, column in self.truths.items()},
            self.places[rows],
        )

    def facts(self, row: int) -> dict[str, object]:
        """The facts of one subject, as JSON would carry them."""
        found: dict[str, object] = {}
        for name, spec in self.program.facts.items():
            match spec.type_name:
                case "boolean":
                    if self.truths[name][row] != UNKNOWN:
                        found[name] = bool(self.truths[name][row] == TRUE)
                case "checklist":
                    ticked = {item: int(self.truths[item_column(name, item)][row]) for item in spec.options}
                    items = {item: truth == TRUE for item, truth in ticked.items() if truth != UNKNOWN}
                    if items:
                        found[name] = items
                case _:
                    value = float(self.numbers[name][row])
                    if not np.isnan(value):
                        found[name] = _sent(spec, value)
        return found


def _sent(spec: FactSpec, value: float) -> object:
    match spec.type_name:
        case "category" | "grade":
            return spec.options[int(value)]
        case "date":
            return date.fromordinal(int(value)).isoformat()
        case "integer":
            return int(value)
        case _:
            return value


def columns(
    program: Program, places: int, count: int, seed: int = 1, missing: float = MISSING, met: float = MET
) -> Columns:
    """`count` subjects in `places` divisions. The same arguments give the same subjects.

    `missing`: the share of facts that nobody sent; `met`: how often a yes-or-no fact is true.
    """
    rng = np.random.default_rng(seed)
    limits = _limits(program)
    # Rules that look over a window take values by period, and columns hold one value per fact.
    windowed = {name for rule in program.rules if rule.window is not None for name in rule.needs}
    numbers: dict[str, Floats] = {}
    truths: dict[str, Truths] = {}
    for name, spec in program.facts.items():
        absent = 1.0 if name in windowed else _absent(spec, missing)
        match spec.type_name:
            case "boolean":
                truths[name] = _truths(rng, count, absent, met)
            case "checklist":
                for item in spec.options:
                    truths[item_column(name, item)] = _truths(rng, count, absent, met)
            case _:
                column = _numbers(rng, spec, limits.get(name, []), count)
                column[rng.random(count) < absent] = np.nan
                numbers[name] = column
    return Columns(program, numbers, truths, rng.integers(0, places, count, dtype=np.uint8))


def columns_of(rng: np.random.Generator, spec: FactSpec, count: int) -> Floats:
    """Numbers, days or options of one fact, wherever they may lie."""
    return _numbers(rng, spec, [], count)


def _absent(spec: FactSpec, missing: float) -> float:
    # A checklist with periods is given by period only: an object is read as its periods.
    if spec.period is not None and (spec.period.keyed_only or spec.type_name == "checklist"):
        return 1.0
    computed = spec.derive is not None and not any(isinstance(n, Aggregate) for n in nodes(spec.derive))
    return 1 - SUPPLIED if computed else missing


def _truths(rng: np.random.Generator, count: int, absent: float, met: float) -> Truths:
    column = np.where(rng.random(count) < met, TRUE, FALSE).astype(np.uint8)
    column[rng.random(count) < absent] = UNKNOWN
    return column


def _limits(program: Program) -> dict[str, list[float]]:
    """The constants that each fact is compared with, alone or inside arithmetic."""
    found: dict[str, list[float]] = {}

    def note(expr: Expr, limit: Fraction) -> None:
        for name in facts_of(expr):
            found.setdefault(name, []).append(float(limit))
            derive = program.facts[name].derive
            if derive is not None and not any(isinstance(n, Arithmetic) for n in nodes(derive)):
                note(derive, limit)

    for rule in program.rules:
        for expr in (rule.when, rule.require):
            for node in nodes(expr) if expr is not None else ():
                if isinstance(node, Compare):
                    for side, other in ((node.left, node.right), (node.right, node.left)):
                        if isinstance(other, Constant) and isinstance(other.value, Fraction):
                            note(side, other.value)
    return found


def _numbers(rng: np.random.Generator, spec: FactSpec, limits: list[float], count: int) -> Floats:
    match spec.type_name:
        case "category" | "grade":
            return rng.integers(0, len(spec.options), count).astype(np.float64)
        case "date":
            first, last = date(2010, 1, 1).toordinal(), date(2026, 12, 28).toordinal()
            return rng.integers(first, last, count).astype(np.float64)
    assert spec.bounds is not None
    whole = spec.type_name == "integer"
    low = float(spec.bounds[0])
    high = min(float(spec.bounds[1]), max([120.0, 2 * low, *(3 * limit for limit in limits)]))
    column = rng.integers(int(low), int(high) + 1, count).astype(np.float64) if whole else rng.uniform(low, high, count)
    if limits:
        step = float(spec.step) if spec.step is not None else 1.0 if whole else 0.01
        near = rng.choice(np.array(limits), count) + step * rng.integers(-1, 2, count)
        column = np.where(rng.random(count) < AROUND_LIMITS, near, column)
    column = np.clip(column, low, high)
    return np.rint(column) if whole else np.round(column, 2)


def records(program: Program, count: int, seed: int = 1, missing: float = MISSING) -> list[dict[str, object]]:
    """Facts of single requests as JSON would carry them; each is left out with probability `missing`."""
    rng = random.Random(seed)
    specs = [
        spec
        for spec in program.facts.values()
        if spec.derive is None and not (spec.period is not None and spec.period.keyed_only)
    ]
    return [{s.name: _value(s, rng) for s in specs if rng.random() >= missing} for _ in range(count)]


def _value(spec: FactSpec, rng: random.Random) -> object:
    match spec.type_name:
        case "boolean":
            return rng.random() < 0.9
        case "category" | "grade":
            return rng.choice(spec.options)
        case "checklist":
            return {option: rng.random() < 0.9 for option in spec.options}
        case "date":
            return date(rng.randint(2010, 2026), rng.randint(1, 12), rng.randint(1, 28)).isoformat()
    assert spec.bounds is not None
    low, high = float(spec.bounds[0]), min(float(spec.bounds[1]), 120.0)
    return rng.randint(int(low), int(high)) if spec.type_name == "integer" else round(rng.uniform(low, high), 2)
