"""The rulesets of this checkout on drawn facts: columnar equals reference, finding by finding."""

from __future__ import annotations

import random
from datetime import date
from fractions import Fraction

from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.check.ir import Compare, Constant, FactRef, FactSpec, Program
from engine.check.walk import nodes
from engine.registry import Library
from tests.bundled import bundled_library

DAYS = (date(2021, 6, 1), date(2022, 12, 31), date(2023, 1, 1), date(2025, 12, 31), date(2026, 11, 22))


def limits_of(program: Program) -> dict[str, list[float]]:
    """The constants that each fact is compared with."""
    found: dict[str, list[float]] = {}
    for rule in program.rules:
        for expr in (rule.when, rule.require):
            for node in nodes(expr) if expr is not None else ():
                if isinstance(node, Compare) and node.kind == "number":
                    names = [n.name for n in nodes(node) if isinstance(n, FactRef)]
                    constants = [n.value for n in nodes(node) if isinstance(n, Constant)]
                    values = [float(value) for value in constants if isinstance(value, Fraction)]
                    for name in names:
                        found.setdefault(name, []).extend(values)
    return found


def draw(spec: FactSpec, limits: list[float], rng: random.Random) -> object:
    """A value of a fact; of numbers half are on or one step beside a limit."""
    match spec.type_name:
        case "boolean":
            return rng.random() < 0.7
        case "category" | "grade":
            return rng.choice(spec.options)
        case "date":
            return date(rng.randint(2015, 2026), rng.randint(1, 12), rng.randint(1, 28)).isoformat()
        case "checklist":
            return {option: rng.random() < 0.8 for option in spec.options if rng.random() < 0.9}
    assert spec.bounds is not None
    assert spec.step is not None
    low, high, step = float(spec.bounds[0]), float(spec.bounds[1]), float(spec.step)
    if limits and rng.random() < 0.5:
        value = rng.choice(limits) + rng.choice((-step, 0.0, step))
    else:
        value = rng.uniform(low, min(high, 150.0))
    value = min(max(value, low), high)
    return round(value) if spec.type_name == "integer" else round(value, 6)


def draw_record(program: Program, limits: dict[str, list[float]], rng: random.Random) -> dict[str, object]:
    """Facts as JSON would carry them; some missing, periodic ones plain or by period."""
    raw: dict[str, object] = {}
    for name, spec in program.facts.items():
        if rng.random() < 0.2 or (spec.derive is not None and rng.random() < 0.7):
            continue
        near = limits.get(name, [])
        period = spec.period
        if period is not None and (period.keyed_only or rng.random() < 0.3):
            around = 2020 if period.keyed_only else period.containing(date(2025, 1, 1))
            assert around is not None
            indexes = rng.sample(range(around - 3, around + 3), rng.randint(1, 4))
            raw[name] = {period.key(i): draw(spec, near, rng) for i in indexes}
        else:
            raw[name] = draw(spec, near, rng)
    return raw


def places_of(library: Library, program: Program) -> list[str]:
    """The ruleset's own division and some below it."""
    top = program.jurisdiction or "150603"
    below = [code for code, division in library.divisions.by_code.items() if division.parent == top]
    return [top, *below[:12]]


def compare_rulesets(pairs: int, seed: int) -> int:
    """Compare on at least that many (rule, record) pairs; how many there were."""
    library = bundled_library()
    rng = random.Random(seed)
    programs = [
        library.program(name, subject)
        for name, ruleset in library.rulesets.items()
        for subject in sorted({s for rule in ruleset.rules for s in rule.subjects})
    ]
    done = 0
    while done < pairs:
        for program in programs:
            limits = limits_of(program)
            reader = library.reader(program.subject)
            places = places_of(library, program)
            on = rng.choice(DAYS)
            records = [reader.read(draw_record(program, limits, rng))[0] for _ in range(8)]
            contexts = [Context(on, library.path(rng.choice(places))) for _ in records]
            for judged, record, context in zip(
                columnar.judge(program, records, contexts), records, contexts, strict=True
            ):
                expected = reference.evaluate(program, record, context)
                assert tuple(judged.finding(i) for i in range(len(program.rules))) == expected.findings
            done += len(program.rules) * len(records)
    return done


def test_columnar_equals_reference_on_the_rulesets() -> None:
    assert compare_rulesets(20_000, seed=20261122) >= 20_000
