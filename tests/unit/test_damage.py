"""Whatever is done to the files of a ruleset, the engine answers with diagnostics and never raises."""

import pytest

from tests.conformance.test_conformance import FILES, FOLDER
from tests.mutations import damaged, survives
from tests.small import small_files

SMALL = {name: small_files((FOLDER / name).read_text("utf-8")) for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_damaged_small_rulesets(name: str) -> None:
    found = sum(survives(damaged(SMALL[name], seed), seed) for seed in range(40))
    assert found > 0
