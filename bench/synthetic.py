"""Seeded synthetic schools: facts drawn around the limits of the rules. No real school stands behind them."""

from __future__ import annotations

import random
from datetime import date

from api.files import bundled_rulesets, read_rulesets
from engine.check.ir import FactSpec, Program
from engine.registry import Library, load_library

ON = date(2026, 11, 22)
RULESET, SUBJECT, DIVISION = "erdos@2021.1", "school", "150603"


def library() -> Library:
    """The rulesets of this checkout."""
    return load_library(read_rulesets(bundled_rulesets()).texts)


def records(program: Program, count: int, seed: int = 1, missing: float = 0.2) -> list[dict[str, object]]:
    """Facts as JSON would carry them; each is left out with probability `missing`."""
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
