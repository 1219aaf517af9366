"""The durable back end against the plain fixpoint, on drawn consequences, verdicts and events."""

from __future__ import annotations

import random

import pytest

from engine.backends.durable import Forward
from engine.registry import Library
from engine.verdicts import Verdict
from tests.bundled import bundled_library
from tests.differential.chains import compare, compare_chains, consequence, memory_pages, run_chains

SETS = 8_000
FEW_PAGES = 256
"""One mebibyte: what 2,000 forgotten sessions would exceed many times over."""


def test_the_chain_equals_the_fixpoint_whatever_the_order_of_arrival() -> None:
    assert compare_chains(SETS, seed=20261122) > SETS


@pytest.fixture(scope="module")
def library() -> Library:
    return bundled_library()


def test_the_chain_equals_the_fixpoint_on_the_rulesets(library: Library) -> None:
    rng = random.Random(20261122)
    tried = 0
    for ruleset in library.rulesets.values():
        if ruleset.consequences:
            with Forward(ruleset.consequences) as forward:
                assert compare(forward, ruleset.consequences, 150, rng) > 0
            tried += 1
    assert tried


def test_an_unequal_chain_would_be_noticed() -> None:
    """The comparison can fail: a back end that knows one cause less is caught."""
    whole = [consequence("a", "breach_of", ["small/r"]), consequence("b", "after", ["small/a"])]
    with Forward(whole[:1]) as forward, pytest.raises(AssertionError):
        compare(forward, whole, 200, random.Random(1))


def test_memory_stays_flat() -> None:
    early, late = run_chains(2_000, seed=7)
    assert late - early < FEW_PAGES


def test_forgetting_rulesets_gives_memory_back() -> None:
    plan = [consequence(f"c-{i}", "breach_of", [f"small/r-{i}"]) for i in range(100)]
    early = 0
    for i in range(400):
        with Forward(plan) as forward:
            forward.chain({"small/r-5": Verdict.NON_COMPLIANT}, [])
        if i == 40:
            early = memory_pages()
    assert memory_pages() - early < FEW_PAGES
