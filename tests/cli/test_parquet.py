"""`xueheng check` on Parquet files: which columns fit, what is refused."""

import decimal
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from tests.cli.lines import DAY, OPTIONS, Call, letters, results


@pytest.fixture
def check(xueheng: Call, rulesets: Path, tmp_path: Path) -> Callable[..., Result]:
    """Checks a Parquet file of some columns."""

    def call(columns: dict[str, Any], *options: str) -> Result:
        pq.write_table(pa.table(columns), tmp_path / "r.parquet")
        return xueheng(
            "check", tmp_path / "r.parquet", *OPTIONS, "--format", "ndjson", "--rulesets", rulesets, *options
        )

    return call


Check = Callable[..., Result]


D = decimal.Decimal


@pytest.mark.parametrize(
    ("name", "values", "rule", "found"),
    [
        ("max_class_size_primary", pa.array([45, 46, None], pa.int8()), "class-size", "CNU"),
        ("max_class_size_primary", pa.array([45, 46], pa.uint64()), "class-size", "CN"),
        ("小学最大班额", pa.array([45.0, 45.5, 46.0, float("nan")]), "class-size", "C!N!"),
        ("max_class_size_primary", pa.array([D(45), D(46)], pa.decimal128(30, 2)), "class-size", "CN"),
        ("max_class_size_primary", pa.nulls(2), "class-size", "UU"),
        ("area_m2", pa.array([3.825, 3.824], pa.float32()), "area", "CN"),
        ("area_m2", pa.array([3.825, float("inf")]), "area", "C!"),
        ("area_m2", pa.array([D("3.825"), D("3.824999")], pa.decimal128(38, 6)), "area", "CN"),
        ("area_m2", pa.array([D("3.8250000000000000000000000000001")], pa.decimal128(38, 31)), "area", "!"),
        ("key_class_kept", pa.array([True, False, None]), "no-key-class", "NCU"),
        ("kind", pa.array(["nine_year", "primary", "x"]), "kind", "CN!"),
        ("kind", pa.array(["nine_year", None, "primary"]).dictionary_encode(), "kind", "CUN"),
        ("opened", pa.array([date(2020, 12, 31), date(2021, 1, 1)]), "open", "CN"),
        ("opened", pa.array([date(2020, 12, 31)], pa.date64()), "open", "C"),
        ("opened", pa.array(["2020-12-31", "2020/12/31"]), "open", "C!"),
        ("rooms", pa.array([{"music": True, "art": True}, {"music": True, "art": None}, None]), "rooms", "CUU"),
        ("rooms", pa.array([[("music", True), ("art", False)]], pa.map_(pa.string(), pa.bool_())), "rooms", "N"),
        ("rooms", pa.array(['{"music": true, "art": true}', "music"]), "rooms", "C!"),
        ("rate", pa.array([{"2024": 20.0, "2025": 9.0}, {"2024": 20.0, "2025": None}]), "rotation", "NC"),
        ("rate", pa.array([[("2025", 10)], [("2025", 9)]], pa.map_(pa.string(), pa.int32())), "rotation", "CN"),
        ("rate", pa.array(['{"2025": 10}', "10"]), "rotation", "C!"),
        ("rate@2025", pa.array([10, 9]), "rotation", "CN"),
        ("rate", pa.array([10.0, 9.99], pa.float32()), "rotation", "CN"),
    ],
)
def test_types_that_fit(check: Check, name: str, values: Any, rule: str, found: str) -> None:
    result = check({"primary_classes": pa.array([1] * len(values)), name: values})
    assert result.exit_code == (1 if "!" in found else 0), result.stderr
    assert letters(result, rule) == found
    for place, record in enumerate(results(result)):
        if "error" in record:
            assert (record["error"]["row"], record["error"]["column"]) == (place + 1, name)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("max_class_size_primary", pa.array(["45"]), "`max_class_size_primary`: expected int64, found string"),
        ("max_class_size_primary", pa.array([True]), "expected int64, found bool"),
        (
            "小学最大班额",
            pa.array(["45"]).dictionary_encode(),
            "the column `小学最大班额`: expected int64, found dictionary",
        ),
        ("area_m2", pa.array([3.5], pa.float16()), "expected double or decimal, found halffloat"),
        ("area_m2", pa.array([[3.5]]), "expected double or decimal, found list"),
        ("key_class_kept", pa.array([1]), "expected bool, found int64"),
        ("opened", pa.array([0], pa.timestamp("ns")), "expected date32, or string like `2025-12-31`, found timestamp"),
        ("kind", pa.array([1]), "expected string, found int64"),
        ("rooms", pa.array([True]), "expected a struct or map of bool"),
        ("rooms", pa.array([{"musik": True}]), "did you mean `music`?"),
        ("rooms", pa.array([{"music": 1}]), "field `music`: expected bool, found int64"),
        ("rate", pa.array([{"2025-H1": 1.0}]), "expected a year like"),
        ("rooms.music", pa.array([1]), "expected bool, found int64"),
        ("division", pa.array([150603]), "`division`: expected string, found int64"),
        ("clas_size", pa.array([1]), "unknown column `clas_size`"),
        ("max_clas_size_primary", pa.array([1]), "did you mean `max_class_size_primary`?"),
        ("小学班数", pa.array([1]), "the columns `primary_classes` and `小学班数` mean the same"),
    ],
)
def test_what_nearly_fits_is_refused(check: Check, name: str, values: Any, says: str) -> None:
    result = check({"primary_classes": pa.array([1]), name: values})
    assert result.exit_code == 2
    assert says in result.stderr


def test_all_mistakes_of_a_schema_at_once(check: Check) -> None:
    result = check({"kind": [1], "opened": [1], "clas_size": [1]})
    assert result.exit_code == 2
    assert all(name in result.stderr for name in ("`kind`", "`opened`", "`clas_size`"))


def test_a_column_may_be_ignored(check: Check) -> None:
    assert check({"校长": ["某人"], "primary_classes": [1]}, "--ignore", "校长").exit_code == 0


def test_ids_may_be_numbers(check: Check) -> None:
    assert [r["id"] for r in results(check({"id": [2**53 + 1, 7], "primary_classes": [1, 1]}))] == [
        "9007199254740993",
        "7",
    ]


def test_facts_that_no_record_gave_are_told(check: Check) -> None:
    result = check({"primary_classes": [1, 2], "kind": pa.nulls(2, pa.string())})
    [told] = [line for line in result.stderr.splitlines() if line.startswith("note: no record gave")]
    assert told == "note: no record gave area_m2, key_class_kept, kind, max_class_size_primary, opened, rate, rooms"


@pytest.mark.parametrize("column", ["division", "subject"])
def test_nothing_says_what_the_records_are_about(xueheng: Call, rulesets: Path, tmp_path: Path, column: str) -> None:
    given = {"division": "150603", "subject": "school"} | {"primary_classes": 1}
    del given[column]
    pq.write_table(pa.Table.from_pylist([given]), tmp_path / "r.parquet")
    result = xueheng("check", tmp_path / "r.parquet", *DAY, "--rulesets", rulesets)
    assert result.exit_code == 2
    assert f"there is no column `{column}`, and --{column} is not given" in result.stderr


@pytest.mark.parametrize("cut", [0, 4, 100, -4])
def test_damaged_parquet(xueheng: Call, rulesets: Path, tmp_path: Path, cut: int) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"primary_classes": list(range(100))}), sink)
    content = sink.getvalue()
    (tmp_path / "r.parquet").write_bytes(content[:cut])
    result = xueheng("check", tmp_path / "r.parquet", *OPTIONS, "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "it is no Parquet file that can be read" in result.stderr


def test_pages_that_are_damaged(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"primary_classes": list(range(100))}), sink, compression="zstd")
    content = bytearray(sink.getvalue())
    content[20:60] = b"\xff" * 40
    (tmp_path / "r.parquet").write_bytes(content)
    result = xueheng("check", tmp_path / "r.parquet", *OPTIONS, "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "it is damaged after row 0" in result.stderr


def test_standard_input_may_be_parquet(xueheng: Call, rulesets: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"primary_classes": [1]}), sink)
    result = xueheng("check", "-", *OPTIONS, "--input", "parquet", "--rulesets", rulesets, stdin=sink.getvalue())
    assert result.exit_code == 0
