"""A seeded world of numeric rules, with records placed on and one step beside every limit.

Each rule has facts of its own, so that one record can stand near the limits of all rules at once. Steps are
decimal; a limit is met exactly in decimals although float64 would often miss it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine.backends.base import Context
from engine.check.ir import Program
from engine.facts import Facts
from engine.registry import Library, load_library

ON = date(2026, 11, 22)
STEP = Fraction(1, 10**6)

Numbers = dict[str, Fraction]


@dataclass(frozen=True)
class Shape:
    """A form of requirement over facts `a`, `b`, `c` and a limit `L`.

    `solve` gives the `a` that puts both sides on the limit, from `b`, `c` and the limit.
    """

    text: str
    solve: Callable[[Fraction, Fraction, Fraction], Fraction]


SHAPES = (
    Shape("a <= L", lambda b, c, limit: limit),
    Shape("a >= L", lambda b, c, limit: limit),
    Shape("a < L", lambda b, c, limit: limit),
    Shape("L > a", lambda b, c, limit: limit),
    Shape("a == L or a > L", lambda b, c, limit: limit),
    Shape("a != L", lambda b, c, limit: limit),
    Shape("0 <= a <= L", lambda b, c, limit: limit),
    Shape("a / b >= L", lambda b, c, limit: limit * b),
    Shape("a / b < L", lambda b, c, limit: limit * b),
    Shape("100 * a / b >= L", lambda b, c, limit: limit * b / 100),
    Shape("(a - c) / b >= L", lambda b, c, limit: limit * b + c),
    Shape("a - c >= L", lambda b, c, limit: limit + c),
    Shape("a >= L * b", lambda b, c, limit: limit * b),
    Shape("a + c <= L + b", lambda b, c, limit: limit + b - c),
    Shape("a / (b + 1.1 * c) >= L", lambda b, c, limit: limit * (b + Fraction(11, 10) * c)),
    Shape("a * b - c * b >= L * b", lambda b, c, limit: limit + c),
    Shape("max(a, c) <= L", lambda b, c, limit: limit),
    Shape("min(a / b, 900) >= L", lambda b, c, limit: limit * b),
    Shape("abs(a - c) <= L", lambda b, c, limit: limit + c),
    Shape("-a <= -L", lambda b, c, limit: limit),
    Shape("(a if c > 0 else b) >= L", lambda b, c, limit: limit),
    Shape("ceil(a / b) <= ceil(L)", lambda b, c, limit: Fraction(-(-limit.numerator // limit.denominator)) * b),
    Shape("at_least(2, a >= L, b > 0, c < 0)", lambda b, c, limit: limit),
    Shape("a / b >= L and (c > 1 or not a < L)", lambda b, c, limit: limit * b),
)


@dataclass(frozen=True)
class World:
    """A library of one generated ruleset, and its rules' limits."""

    library: Library
    program: Program
    rules: tuple[tuple[Shape, Fraction], ...]


def build_world(rng: random.Random, rules: int) -> World:
    """A ruleset of numeric rules with random limits of up to four decimals."""
    chosen: list[tuple[Shape, Fraction]] = []
    facts: list[str] = []
    texts: list[str] = []
    for i in range(rules):
        shape = SHAPES[i % len(SHAPES)]
        limit = Fraction(rng.randint(1, 99999), 10 ** rng.randint(0, 4))
        chosen.append((shape, limit))
        for letter in "abc":
            facts.append(
                f"- {{fact: r{i}{letter}, subject: school, type: number, unit: ratio, bounds: [-1000000000000, "
                f"1000000000000], step: 0.000001, evidence: measured, label: {{zh: 量, en: q}}}}"
            )
        text = shape.text.replace("L", decimal(limit))
        for letter in "abc":
            text = _rename(text, letter, f"r{i}{letter}")
        texts.append(
            f"- id: rule-{i}\n  clause: 一\n  span: [0, 9]\n  subject: school\n  require: {text}\n  force: binding\n"
            f"  topic: quality\n  title: {{zh: 规则, en: rule}}\n  summary: {{zh: 规则, en: rule}}"
        )
    library = load_library(
        {
            "divisions.csv": "code,name,parent,level,since,until,successors\n100000,甲,root,province,,,\n",
            "facts/quality.yaml": "\n".join(facts),
            "w/1/ruleset.yaml": HEAD,
            "w/1/clauses.yaml": f"- {{clause: 一, span: [0, 9], sha256: {'0' * 64}, kind: duty}}",
            "w/1/rules/quality.yaml": "\n".join(texts),
        }
    )
    assert not library.diagnostics, library.diagnostics[:3]
    program = library.program("w@1", "school")
    order = [int(rule.id.rsplit("-", 1)[1]) for rule in program.rules]
    return World(library, program, tuple(chosen[i] for i in order))


HEAD = f"""
id: w
version: 1
title: {{zh: 世界, en: World}}
summary: {{zh: 世界, en: World}}
jurisdiction: 100000
document: {{title: {{zh: 世, en: W}}, authority: in_force, file: w.txt, sha256: {"0" * 64}, code_points: 9}}
"""


def _rename(text: str, name: str, new: str) -> str:
    import re

    return re.sub(rf"\b{name}\b", new, text)


def decimal(value: Fraction) -> str:
    """A finite decimal as text."""
    digits = 0
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = str(abs((value * 10**digits).numerator)).rjust(digits + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (whole if digits == 0 else f"{whole[:-digits]}.{whole[-digits:]}")


def as_sent(value: Fraction) -> float:
    """The number as JSON would carry it."""
    return value.numerator if value.denominator == 1 else float(decimal(value))


def near_limits(world: World, rng: random.Random, count: int) -> Iterator[tuple[dict[str, object], int]]:
    """Records, each with how many of its rules it puts within one step of the limit.

    Of ten rules eight stand within a step, one has a fact missing, one lies anywhere.
    """
    for _ in range(count):
        raw: dict[str, object] = {}
        near = 0
        for (shape, limit), rule in zip(world.rules, world.program.rules, strict=True):
            i = rule.id.rsplit("-", 1)[1]
            b = Fraction(rng.randint(1, 5000), rng.choice((1, 1, 1, 10, 100)))
            c = Fraction(rng.randint(0, 9999), rng.choice((1, 10, 100)))
            a = shape.solve(b, c, limit)
            a = Fraction(round(a / STEP)) * STEP + rng.choice((-1, 0, 0, 1)) * STEP
            kind = rng.random()
            if kind < 0.1:
                a += Fraction(rng.randint(-(10**6), 10**6), 10)
            values = {"a": a, "b": b, "c": c}
            if 0.1 <= kind < 0.2:
                values.pop(rng.choice("abc"))
            elif kind >= 0.2:
                near += 1
            raw.update({f"r{i}{letter}": as_sent(value) for letter, value in values.items()})
        yield raw, near


def checked(world: World, raw: dict[str, object]) -> Facts:
    """The record as the service would read it."""
    facts, problems = world.library.reader("school").read(raw)
    assert not problems, problems
    return facts


def context_of(world: World) -> Context:
    """The day and place of all records of a world."""
    return Context(ON, world.library.path("100000"))
