"""`make fuzz`: chains of consequences against the fixpoint, and one process through very many of them."""

from __future__ import annotations

import os
import random

from tests.differential.chains import compare_chains, run_chains

SETS = int(os.environ.get("FUZZ_CHAINS", "50000"))
CHAINS = 2 * SETS
SEED = int(os.environ.get("FUZZ_SEED", str(random.SystemRandom().randrange(2**32))))
FEW_PAGES = 256


def test_chains() -> None:
    """Each set of verdicts and events in two orders of arrival."""
    steps = compare_chains(SETS, SEED)
    print(f"seed {SEED}: {SETS:,} sets of verdicts and events, {steps:,} steps")  # noqa: T201  # the run's report
    assert steps > SETS


def test_memory_stays_flat() -> None:
    """One process, one ruleset, a session for each chain."""
    early, late = run_chains(CHAINS, SEED)
    print(f"{CHAINS:,} chains: {early} pages after a tenth, {late} at the end")  # noqa: T201  # the run's report
    assert late - early < FEW_PAGES
