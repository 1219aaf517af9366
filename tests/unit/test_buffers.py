"""Columns of Arrow as numbers of a block."""

import numpy as np
import pyarrow as pa
import pytest

from api.wire import buffers


@pytest.mark.parametrize("digits", [1, 2, 3, 6])
def test_float32_counts_by_its_shortest_text(digits: int) -> None:
    rng = np.random.default_rng(20261122)
    drawn = rng.uniform(0, 10.0 ** rng.integers(-3, 8, 20_000)).round(digits)
    values = np.concatenate([drawn, -drawn[:100], [0.1, 16777216, 16777218, 1e-7, 3.4e38, 1e-45]]).astype(np.float32)
    with np.errstate(all="ignore"):
        found, wrong = buffers.numbers_in(pa.array(values))
    assert wrong is None
    assert found.tolist() == [float(str(value)) for value in values]


def test_any_bits_of_a_float32() -> None:
    values = np.random.default_rng(7).integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        found, wrong = buffers.numbers_in(pa.array(values))
    finite = np.isfinite(values)
    assert wrong is not None
    assert wrong.tolist() == (~finite).tolist()
    assert found[finite].tolist() == [float(str(value)) for value in values[finite]]
