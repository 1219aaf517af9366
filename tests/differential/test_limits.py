"""Records on and beside every limit: columnar equals reference, in verdicts and findings."""

from __future__ import annotations

import random

from engine.backends import columnar, reference
from engine.facts import Facts
from tests.differential.limits import World, build_world, checked, context_of, near_limits

PAIRS = 210_000
RULES = 4 * 24


def compare_near_limits(pairs: int, seed: int) -> tuple[int, int]:
    """Compare on at least that many (rule, record) pairs; how many there were, and near a limit."""
    rng = random.Random(seed)
    done = near_total = 0
    while done < pairs:
        world = build_world(rng, RULES)
        context = context_of(world)
        raws = list(near_limits(world, rng, 250))
        records = [checked(world, raw) for raw, _ in raws]
        explained = list(columnar.judge(world.program, records, [context] * len(records)))
        assert columnar.codes(world.program, records, [context] * len(records)) == [e.codes for e in explained]
        for record, judged in zip(records, explained, strict=True):
            expected = reference.evaluate(world.program, record, context)
            assert judged.codes == expected.codes, first_difference(world, record, judged.codes, expected.codes)
            for i in range(0, RULES, 7):
                assert judged.finding(i) == expected.findings[i]
        done += RULES * len(records)
        near_total += sum(near for _, near in raws)
    return done, near_total


def first_difference(world: World, record: Facts, left: str, right: str) -> str:
    """Where two code strings part, in words."""
    i = next(i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a != b)
    rule = world.program.rules[i]
    facts = {name: record.plain.get(name) for name in rule.reads}
    return f"{rule.require_text} on {facts}: columnar {left[i]}, reference {right[i]}"


def test_columnar_equals_reference_near_limits() -> None:
    pairs, near = compare_near_limits(PAIRS, seed=20261122)
    assert pairs >= 200_000
    assert near >= pairs / 2


def test_single_records_equal_blocks() -> None:
    """The path of a single evaluation decides like the block of many."""
    rng = random.Random(7)
    world = build_world(rng, RULES)
    context = context_of(world)
    records = [checked(world, raw) for raw, _ in near_limits(world, rng, 60)]
    together = columnar.codes(world.program, records, [context] * len(records))
    for record, codes in zip(records, together, strict=True):
        assert columnar.evaluate(world.program, record, context).codes == codes
