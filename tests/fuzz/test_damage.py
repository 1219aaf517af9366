"""Damage to the rulesets that came with the program, far more of it than in the unit tests."""

import os
import time

from api.files import bundled_rulesets, read_rulesets
from tests.conformance.test_conformance import FILES, FOLDER
from tests.mutations import damaged, survives
from tests.small import small_files

SECONDS = float(os.environ.get("FUZZ_SECONDS", "120"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


def test_damaged_small_rulesets() -> None:
    small = [small_files((FOLDER / name).read_text("utf-8")) for name in FILES]
    give_up, seed = time.monotonic() + SECONDS, SEED
    while time.monotonic() < give_up:
        survives(damaged(small[seed % len(small)], seed), seed)
        seed += 1
    assert seed > SEED


def test_damaged_real_rulesets() -> None:
    texts = read_rulesets(bundled_rulesets()).texts
    folders = sorted({"/".join(path.split("/")[:2]) for path in texts if path.count("/") > 1})
    shared = {path: text for path, text in texts.items() if path.startswith("facts/") or path == "divisions.csv"}
    give_up, seed = time.monotonic() + SECONDS, SEED
    while time.monotonic() < give_up:
        folder = folders[seed % len(folders)]
        own = {path: text for path, text in texts.items() if path.startswith(f"{folder}/")}
        survives(damaged(own, seed) | shared if seed % 2 else own | damaged(shared, seed), seed)
        seed += 1
    assert seed > SEED
