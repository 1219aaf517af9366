"""Parquet files that hold little and unpack to far more than a machine has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from api.tabular.records import Limits

Call = Callable[..., Result]
OPTIONS = ("--as-of", "2026-11-22", "--division", "150603", "--subject", "school")
ROWS = 20_000


@pytest.fixture
def check(xueheng: Call, rulesets: Path, tmp_path: Path) -> Callable[..., Result]:
    """Checks a small Parquet file of some columns."""

    def call(columns: dict[str, Any], out: str = "o.parquet", *options: str) -> Result:
        pq.write_table(pa.table(columns), tmp_path / "r.parquet", compression="zstd")
        assert (tmp_path / "r.parquet").stat().st_size < 100_000
        return xueheng(
            "check", tmp_path / "r.parquet", *OPTIONS, "--rulesets", rulesets, "-o", tmp_path / out, *options
        )

    return call


Check = Callable[..., Result]


def repeated(text: str) -> Any:
    """A column that holds one text, once, for all rows."""
    return pa.DictionaryArray.from_arrays(pa.array([0] * ROWS, pa.int32()), pa.array([text]))


@pytest.mark.parametrize("out", ["o.parquet", "o.ndjson"])
@pytest.mark.parametrize("column", ["id", "kind", "opened"])
def test_one_long_text_for_all_rows(check: Check, tmp_path: Path, column: str, out: str) -> None:
    result = check({column: repeated("x" * 1_000_000), "primary_classes": pa.array([1] * ROWS, pa.int8())}, out)
    assert result.exit_code == 2
    assert "r.parquet: rows 1 to " in result.stderr
    assert "hold more than 256,000,000 bytes of text" in result.stderr
    assert not (tmp_path / out).exists()


def test_a_column_that_unpacks_to_too_much(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.tabular.opening.Limits", lambda: Limits(column_bytes=10_000_000))
    columns = {"id": pa.array(["x" * 20_000_000]), "primary_classes": [1]}
    result = check(columns)
    assert result.exit_code == 2
    assert "the column `id` unpacks to 20,0" in result.stderr
    assert "in row group 1, more than 10,000,000: write smaller row groups" in result.stderr
    # What is not read does not matter.
    assert check({**columns, "id": [1], "校长": columns["id"]}, "o.parquet", "--ignore", "校长").exit_code == 0


def test_short_texts_for_all_rows_are_read(check: Check, tmp_path: Path) -> None:
    kinds = pa.array(["nine_year", None, "primary", "x"] * (ROWS // 4)).dictionary_encode()
    result = check({"id": repeated("s"), "kind": kinds})
    assert result.exit_code == 1
    found = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert {row["id"] for row in found} == {"s"}
    assert [row["error"] and row["error"]["column"] for row in found] == [None, None, None, "kind"] * (ROWS // 4)
