"""Drawn records in every form, block size and number of processes: they are told what the reference says of them.

The same on as many records as one likes: `make fuzz`.
"""

from __future__ import annotations

import pytest

from api.services import results
from tests.bundled import bundled_library
from tests.differential.compared import Differs, compare_batch, compare_records

SEED = 20261122
LARGE = 15
"""The first large batch: several processes judge its files."""


def test_every_path_says_what_the_reference_says() -> None:
    took = compare_records(600, SEED, most=80)
    for way in ("json", "ndjson", "arrow", "nested", "alone", "refused", "with members"):
        assert took[way], way
    assert bundled_library().rulesets.keys() <= took.keys()


def test_several_processes_say_what_the_reference_says() -> None:
    took = compare_batch(SEED, LARGE, most=200)
    for kind in ("csv", "ndjson", "parquet"):
        assert sum(took[f"{kind} to {form}, 2 processes"] for form in ("ndjson", "parquet")) >= 600


@pytest.mark.parametrize(("name", "letter"), [("_FAILING", "T"), ("_UNDECIDED", "N")])
def test_what_is_told_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, letter: str) -> None:
    """Rules of another letter are told as failing; what others lack is told as missing."""
    monkeypatch.setattr(results, name, ord(letter))
    with pytest.raises(Differs):
        compare_records(600, SEED, most=80)
