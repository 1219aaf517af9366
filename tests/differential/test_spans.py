"""Numbers that open choices leave between two ends: many such rows in one block, against the reference."""

from __future__ import annotations

import random
from datetime import date

import pytest

from engine.backends import columnar, reference
from engine.backends.base import Context
from engine.registry import Library
from tests.differential import shapes

ON = date(2025, 6, 1)
LABEL = "subject: school, evidence: measured, label: {zh: 量, en: quantity}"
AREA = "type: number, unit: m2, bounds: [-100000, 100000], step: 0.01"
FACTS = f"""{shapes.FACTS}
- {{fact: chosen, {AREA}, {LABEL}, derive: x1 if b1 else x2}}
- {{fact: nested, {AREA}, {LABEL}, derive: 'x1 if b1 and n1 > 5 else 1.1 * x2 if b2 else x1 + x2 / 1.1'}}
- {{fact: split, {AREA.replace("m2", "ratio")}, {LABEL}, derive: x1 / (x2 if b2 else 2.5 * x2)}}
"""
AREAS = ("x1", "x2", "chosen", "nested", "(x1 if b1 else x2)", "(x2 if n1 > 5 else 1.1 * x1)", "(3 * x1 if b2 else x1)")
COUNTS = ("n1", "count_of(l1)", "(n1 if b1 else n2)", "(count_of(l1) if b2 else n2)")
TESTS = ("b1", "b2", "n1 > 5", "b1 and b2", "n1 > n2", "not b1", 'c1 == "a"')
LIMITS = ("-2.5", "0", "0.3", "1", "2.5", "2.75", "6.25")
DIVIDENDS = ("-6", "-12", "-0.3", "6", "123456789.123457")
ORDERS = ("<", "<=", ">", ">=", "==", "!=")
RULES, RECORDS = 30, 60

FACTS_OF_RECORDS: dict[str, tuple[object, ...]] = {
    # None is not sent.
    "x1": (None, -2.5, 0, 0.3, 2.5, 2.75, 100),
    "x2": (None, -2.5, -1, 0, 1, 2.5, 99.99),
    "n1": (None, 0, 5, 6),
    "n2": (None, 0, 1, 5),
    "b1": (None, None, True, False),
    "b2": (None, None, True, False),
    "c1": (None, "a", "b"),
    "l1": (None, {"u": True}, {"u": True, "v": True}, {"v": False}, {"u": True, "v": False, "w": True}),
    "chosen": (None, None, None, 2.5),
}


def area(rng: random.Random, depth: int) -> str:
    """An expression of an area, most of them with choices in it."""
    if depth == 0:
        return rng.choice(AREAS)
    one, other = area(rng, depth - 1), area(rng, rng.randrange(depth))
    forms = (
        f"({one} + {other})",
        f"({one} - {other})",
        f"({other} - {one})",
        f"({one} * ({other} / x2))",
        f"({one} * ({other} / (x1 if b1 else x2)))",
        f"({one} / ({other} / x1))",
        f"({other} / ({one} / x2))",
        f"({one} if {rng.choice(TESTS)} else {other})",
        f"abs({one})",
    )
    return rng.choice(forms)


def condition(rng: random.Random) -> str:
    """A comparison of such numbers with a limit or with each other."""
    one = area(rng, rng.randrange(3))
    sides = (
        (one, rng.choice(LIMITS)),
        (one, area(rng, 1)),
        (f"{one} / {rng.choice(COUNTS)}", rng.choice(LIMITS)),
        (f"{rng.choice(COUNTS)} / {one}", rng.choice(LIMITS)),
        # A constant is one number for all rows.
        (f"({rng.choice(DIVIDENDS)} / {rng.choice(COUNTS)}) + 6 / {rng.choice(COUNTS)}", rng.choice(LIMITS)),
        (f"{rng.choice(DIVIDENDS)} / {rng.choice(COUNTS)}", f"{rng.choice(DIVIDENDS)} / {rng.choice(COUNTS)}"),
        (f"({rng.choice(DIVIDENDS)} / {one}) - 1 / {area(rng, 1)}", rng.choice(LIMITS)),
        ("split", rng.choice(LIMITS)),
    )
    left, right = rng.choice(sides)
    return f"{left} {rng.choice(ORDERS)} {right}"


def library_of(rng: random.Random) -> Library:
    """A ruleset of such comparisons."""
    rules = "".join(shapes.rule_of(i, f"  require: {condition(rng)}\n") for i in range(RULES))
    return shapes.sound(shapes.library_of(FACTS, rules), rules)


@pytest.mark.parametrize("seed", range(12))
def test_intervals_of_many_rows_equal_reference(seed: int) -> None:
    _compare(random.Random(seed), RECORDS)


@pytest.mark.parametrize("seed", range(12))
def test_intervals_of_few_rows_equal_reference(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "_MANY_DOUBTS", 1)
    _compare(random.Random(seed), 5)


def _compare(rng: random.Random, count: int) -> None:
    library = library_of(rng)
    program, reader = library.program("w@1", "school"), library.reader("school")
    context = Context(ON, library.path("100101"))
    read = [
        reader.read({n: v for n, o in FACTS_OF_RECORDS.items() if (v := rng.choice(o)) is not None})
        for _ in range(count)
    ]
    assert not any(wrong for _, wrong in read)
    records = [facts for facts, _ in read]
    for one, record in zip(columnar.judge(program, records, [context] * count), records, strict=True):
        expected = reference.evaluate(program, record, context)
        pairs = zip(program.rules, one.codes, expected.codes, strict=True)
        differing = [rule.require for rule, found, wanted in pairs if found != wanted]
        assert not differing, record
