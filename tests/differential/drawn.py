"""What a drawn batch is made of: records that know their members and what is wrong with them, and pools of values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import Any

from engine.check.ir import Compare, Constant, FactRef, FactSpec, Program, Rule
from engine.check.walk import nodes
from tests.bundled import bundled_library
from tests.differential.test_rulesets import draw

Json = dict[str, Any]
ELSEWHERE = "110101"
"""A county without a plan of its own."""
NOWHERE = "999999"


@dataclass(eq=False, slots=True)
class Node:
    """A record. `names` is the id that it names as its parent; `parent` and `children` are who they truly are.

    `slug`: the problem for which it must be refused. `unread`: it is refused for what it says itself, so that nobody
    can be its parent or member; else for the way in which it is tied.
    """

    subject: str
    division: str
    id: str | None
    facts: Json
    names: str | None = None
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)
    slug: str | None = None

    def record(self) -> Json:
        """The record as a batch has it."""
        found: Json = {"division": self.division, "subject": self.subject, "facts": self.facts}
        if self.id is not None:
            found["id"] = self.id
        if self.names is not None:
            found["parent"] = self.names
        return found

    def inside(self) -> Json:
        """The record as a member of one that has its members inside."""
        found: Json = {"subject": self.subject, "id": self.id, "facts": self.facts, "division": self.division}
        return found | ({"members": [child.inside() for child in self.children]} if self.children else {})

    def below(self) -> Iterator[Node]:
        """The record and everything under it."""
        yield self
        for child in self.children:
            yield from child.below()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A batch: its records in the order in which they are sent, and what is asked of them. `options` as in JSON."""

    on: date
    detail: str
    options: Json
    nodes: Sequence[Node]
    families: bool

    def query(self, detail: str | None = None) -> dict[str, str]:
        """The options as a query has them."""
        found = {"as_of": self.on.isoformat(), "detail": detail or self.detail}
        for name, value in self.options.items():
            if name == "parameters":
                found[name] = json.dumps(value)
            else:
                found[name] = value if isinstance(value, str) else ",".join(value)
        return found


@lru_cache
def programs() -> tuple[Program, ...]:
    """Every ruleset for every subject that it has rules for, adopted rules included."""
    return tuple(
        bundled_library().program(name, subject)
        for name, ruleset in bundled_library().rulesets.items()
        for subject in sorted({s for rule in ruleset.running for s in rule.subjects})
    )


@lru_cache
def limits(program: Program) -> dict[str, tuple[float, ...]]:
    """The figures that each fact is compared with, in rules and in the formulas of facts."""
    found: dict[str, set[float]] = {}
    formulas = [expr for rule in program.rules for expr in (rule.when, rule.require)]
    formulas += [spec.derive for spec in program.facts.values()]
    for expr in formulas:
        for node in nodes(expr) if expr is not None else ():
            if isinstance(node, Compare) and node.kind == "number":
                values = {n.value for n in nodes(node) if isinstance(n, Constant)}
                for name in (n.name for n in nodes(node) if isinstance(n, FactRef)):
                    found.setdefault(name, set()).update(float(v) for v in values if isinstance(v, Fraction))
    return {name: tuple(sorted(values)) for name, values in found.items()}


@lru_cache
def places(program: Program) -> tuple[str, ...]:
    """The ruleset's own division and some below it; of the national standard, some without a plan."""
    if program.jurisdiction is None:
        return (ELSEWHERE, "110102", "130102")
    below = [code for code, d in bundled_library().divisions.by_code.items() if d.parent == program.jurisdiction]
    return (program.jurisdiction, program.jurisdiction, *below[:6])


# --- values -----------------------------------------------------------------------------------


class Pools:
    """For each fact the values that the records of one batch choose from; None is left out."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._sizes = rng.choice((3, 6, 12, 40))
        # A column holds values or values by period: all of a fact are of one form.
        self._keyed: dict[str, bool] = {}
        self._pools: dict[tuple[str, str], list[Any]] = {}

    def facts(self, program: Program, names: Sequence[str]) -> Json:
        """Facts of one record of a program, among some names."""
        found: Json = {}
        for name in names:
            pool = self._pools.get((program.subject, name))
            if pool is None:
                pool = self._pools[program.subject, name] = self._pool(
                    program.facts[name], limits(program).get(name, ())
                )
            value = self._rng.choice(pool)
            if value is not None:
                found[name] = value
        return found

    def _pool(self, spec: FactSpec, near: Sequence[float]) -> list[Any]:
        rng = self._rng
        size = max(6, self._sizes) if spec.type_name in ("boolean", "category", "grade") else self._sizes
        # Derived facts are sent seldom, and sometimes by many.
        share = rng.choice((0.02, 0.1, 0.7)) if spec.derive is not None else rng.choice((0.7, 0.9, 1.0))
        return [self.value(spec, near) if rng.random() < share else None for _ in range(size)]

    def value(self, spec: FactSpec, near: Sequence[float]) -> Any:
        """A value that may be sent, in the form that the fact has in this batch."""
        period, rng = spec.period, self._rng
        if period is None:
            return self._scalar(spec, near)
        if not self._keyed.setdefault(spec.name, period.keyed_only or rng.random() < 0.4):
            return self._scalar(spec, near)
        around = 2020 if period.keyed_only else period.containing(date(2025, 1, 1))
        assert around is not None
        indexes = rng.sample(range(around - 3, around + 3), rng.randint(1, 4))
        return {period.key(i): self._scalar(spec, near) for i in indexes}

    def _scalar(self, spec: FactSpec, near: Sequence[float]) -> Any:
        rng = self._rng
        while True:
            value = draw(spec, list(near), rng)
            # Nothing ticked and nothing sent are two things in JSON and one in a sheet.
            if value != {}:
                break
        if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.1:
            return float(value)
        return value


def wrong_value(spec: FactSpec, rng: Random) -> tuple[Any, str] | None:
    """A value that every form can say and that is refused, and as what; None where there is none."""
    match spec.type_name:
        case "boolean" | "checklist":
            return None
        case "category" | "grade":
            return "none of them", "unknown-option"
        case "date":
            return rng.choice(("2025-02-30", "1066-10-14")), "bad-date"
    assert spec.bounds is not None
    low, high = spec.bounds
    return rng.choice((float(high) + 1, float(low) - 1)), "out-of-bounds"


def rules_of(program: Program, drawn: Drawn) -> list[int]:
    """The places of the rules that a batch asks for."""

    def wanted(rule: Rule) -> bool:
        return all(
            getattr(rule, name) in drawn.options[words]
            for words, name in (("evidence", "evidence"), ("topics", "topic"), ("force", "force"))
            if words in drawn.options
        )

    return [i for i, rule in enumerate(program.rules) if wanted(rule)]
