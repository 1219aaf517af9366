"""`make fuzz`: columnar against reference on as many generated pairs as FUZZ_PAIRS says."""

from __future__ import annotations

import os
import random
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.facts import Facts
from engine.registry import Library
from tests.differential import shapes
from tests.differential.test_completions import compare_members, trees
from tests.differential.test_limits import compare_near_limits
from tests.differential.test_rulesets import compare_rulesets
from tests.differential.test_shapes import SLOW, compare_shapes

PAIRS = int(os.environ.get("FUZZ_PAIRS", "1000000"))
SEED = int(os.environ.get("FUZZ_SEED", str(random.SystemRandom().randrange(2**32))))


def test_near_limits() -> None:
    """Half of the pairs stand within one step of a limit."""
    pairs, near = compare_near_limits(PAIRS * 3 // 4, SEED)
    print(f"seed {SEED}: {pairs:,} pairs, {near:,} within one step of a limit")  # noqa: T201  # the run's report
    assert near >= pairs / 2


def test_real_rulesets() -> None:
    """The rulesets of this checkout on drawn facts, plain and by period."""
    assert compare_rulesets(PAIRS // 4, SEED) >= PAIRS // 4


@given(data=st.data(), library=shapes.libraries(), on=shapes.on_days)
@settings(max_examples=max(100, PAIRS // 500), suppress_health_check=SLOW)
def test_any_shape(data: st.DataObject, library: Library, on: date) -> None:
    """Rulesets and records of every shape."""
    compare_shapes(data, library, on)


@given(st.lists(trees(), min_size=1, max_size=6))
@settings(max_examples=max(100, PAIRS // 1000), suppress_health_check=SLOW)
def test_members(pairs: list[tuple[Facts, Facts]]) -> None:
    """Counties with schools and teachers, some of whose facts are missing."""
    compare_members(pairs)
