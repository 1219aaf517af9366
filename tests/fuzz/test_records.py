"""`make fuzz`: as many drawn records as FUZZ_RECORDS says, on every path, held against the reference."""

from __future__ import annotations

import os
import random

from tests.bundled import bundled_library
from tests.differential.compared import compare_records

RECORDS = int(os.environ.get("FUZZ_RECORDS", "1000000"))
SEED = int(os.environ.get("FUZZ_SEED", str(random.SystemRandom().randrange(2**32))))
ENOUGH = 10_000
"""Among so many every ruleset has its turn, and so have the files that several processes judge."""


def test_records_on_every_path() -> None:
    """A difference names its batch, which `compare_batch(seed, batch)` draws again."""
    print(f"seed {SEED}")  # noqa: T201  # the run's report
    took = compare_records(RECORDS, SEED)
    for way, records in sorted(took.items()):
        print(f"{records:>10,} {way}")  # noqa: T201  # the run's report
    assert took["records"] >= RECORDS
    if RECORDS >= ENOUGH:
        assert bundled_library().rulesets.keys() <= took.keys()
        assert took["parquet to parquet, 2 processes"]
        assert took["with members"]
