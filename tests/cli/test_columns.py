"""Parquet to Parquet goes in columns; whatever it tells is what going record by record tells."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from api.files import bundled_rulesets
from api.services import checking
from api.services.columns import FileFrames
from api.tabular.parquet import ParquetTable
from tests.bundled import bundled_library
from tests.differential.drawing import draw_batch as draw_records
from tests.differential.forms import batch_of
from tests.differential.test_forms import draw_batch

Call = Callable[..., Result]
DAY = ("--as-of", "2026-11-22")


@pytest.fixture
def both(xueheng: Call, rulesets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Checks a table in columns and record by record; returns the first when both say the same."""

    def call(table: Any, *options: str, folder: Path = rulesets) -> Any:
        pq.write_table(table, tmp_path / "r.parquet")
        told = []
        for way in ("columns", "rows"):
            with monkeypatch.context() as patch:
                if way == "rows":
                    patch.setattr(ParquetTable, "arrays", lambda self, block: None)
                path = tmp_path / f"{way}.parquet"
                result = xueheng(
                    "check",
                    tmp_path / "r.parquet",
                    *DAY,
                    "--rulesets",
                    folder,
                    "-o",
                    path,
                    "--processes",
                    "1",
                    *options,
                )
                assert result.exit_code in (0, 1), result.stderr
            found = pq.read_table(path)
            found.validate(full=True)
            notes = [line for line in result.stderr.splitlines() if line.startswith("note:")]
            told.append((result.exit_code, notes, found.schema.metadata, found.to_pylist()))
        for one, other in zip(told[0][3], told[1][3], strict=True):
            for name, value in one.items():
                assert value == other[name], name
        assert told[0] == told[1]
        return found

    return call


def test_mixed_records(both: Callable[..., Any]) -> None:
    found = both(
        pa.table(
            {
                "id": ["a", None, "", "d", "e", "f"],
                "学校名称": ["甲", "乙", "丙", None, None, None],
                "division": pa.array(["150603", "150603", None, "999999", "150602", "150603"]).dictionary_encode(),
                "subject": ["school", "county", "school", "school", "school", None],
                "primary_classes": pa.array([1.0, None, 2.0, 1.0, float("nan"), 3.0]),
                "小学最大班额": pa.array([46, None, 45, 45, 45, 45], pa.int8()),
                "rooms.music": pa.array([True, None, False, True, None, True]),
                "rooms.art": pa.array([True, None, True, None, None, True]),
                "rate@2025": pa.array([10, 9, None, 10, 10, 8]),
                "rate@2024": pa.array([None, 9, None, 10, 10, 8]),
            }
        )
    )
    assert found.num_rows == 6
    assert [row["error"] is None for row in found.to_pylist()] == [True, True, False, False, False, False]


def test_defaults_and_codes_alone(both: Callable[..., Any]) -> None:
    table = pa.table(
        {"id": pa.array([7, 8]), "subject": ["school", None], "area_m2": pa.array([3.825, 3.824], pa.float32())}
    )
    found = both(table, "--division", "150603", "--subject", "county", "--detail", "codes")
    assert found.column("id").to_pylist() == ["7", "8"]


def test_an_empty_id_is_none(both: Callable[..., Any]) -> None:
    table = pa.table({"id": ["", None, "a"], "division": ["150603"] * 3, "subject": ["school"] * 3})
    assert both(table).column("id").to_pylist() == [None, None, "a"]


def test_what_others_are_asked_says_nothing_of_a_record(both: Callable[..., Any]) -> None:
    wrong = pa.array([float("nan")] * 2)
    table = pa.table({"area_m2": wrong, "division": ["150603"] * 2, "subject": ["school", "county"]})
    refused = [error is not None for error in both(table).column("error").to_pylist()]
    assert sum(refused) == 1


def test_a_fact_whole_and_in_parts(both: Callable[..., Any]) -> None:
    # As one kind of mistake in columns, as another in records: the others must not notice.
    columns: dict[str, Any] = {
        "rooms": pa.array([{"music": True, "art": True}, None]),
        "rooms.music": pa.array([None, True]),
        "division": ["150603"] * 2,
        "subject": ["school"] * 2,
    }
    assert both(pa.table(columns)).column("error").null_count == 2


def test_no_rows(both: Callable[..., Any]) -> None:
    empty = pa.table({"division": pa.array([], pa.string()), "subject": pa.array([], pa.string())})
    assert both(empty).num_rows == 0


def test_texts_that_are_no_utf8_are_looked_at_one_by_one(both: Callable[..., Any]) -> None:
    bad = pa.array([b"\xff\xfe", b"150603"]).view(pa.string())
    found = both(pa.table({"division": bad, "subject": ["school"] * 2}))
    assert [error is None for error in found.column("error").to_pylist()] == [False, True]


@pytest.mark.parametrize("seed", range(4))
def test_drawn_records(both: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(checking, "_ROWS_OF_COLUMNS", 5)
    rng = Random(seed)
    facts = bundled_library().dictionary.facts
    batch = batch_of(draw_batch(rng), facts, rng)
    table = pa.table({name: without_views(batch.column(name)) for name in batch.schema.names})
    both(table, "--detail", rng.choice(("codes", "findings")), folder=bundled_rulesets())


def families(seed: int) -> Any:
    """A drawn table of records that name parents, plain families and odd ones; null in columns that nobody fills."""
    for number in count():
        rng = Random(f"{seed}:{number}")
        drawn = draw_records(rng, 120)
        if drawn.families:
            batch = batch_of([node.record() for node in drawn.nodes], bundled_library().dictionary.facts, rng)
            return pa.table({name: without_views(batch.column(name)) for name in batch.schema.names})
    raise AssertionError


def without_views(array: Any) -> Any:
    return array.cast(pa.string()) if pa.types.is_string_view(array.type) else array


@pytest.mark.parametrize("seed", range(6))
def test_drawn_families(both: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(checking, "_ROWS_OF_COLUMNS", (5, 16_384)[seed % 2])
    both(families(seed), "--detail", ("codes", "findings")[seed % 3 > 0], folder=bundled_rulesets())


def test_families_that_are_too_large_to_hold_whole_go_record_by_record(
    both: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.services.columns._MOST_BYTES", 0)
    monkeypatch.setattr(FileFrames, "part", None)
    assert both(families(1), folder=bundled_rulesets()).num_rows
