"""`xueheng check`: Parquet in, every form out, one process and several."""

import decimal
import io
import json
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from api.tabular.opening import open_table
from api.tabular.records import BadFile, Defaults

Call = Callable[..., Result]
DAY = ("--as-of", "2026-11-22")
OPTIONS = (*DAY, "--division", "150603", "--subject", "school")
RULES = ["area", "class-size", "kind", "no-key-class", "open", "rooms", "rotation"]


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


def results(result: Result) -> list[dict[str, Any]]:
    return [line["result"] for line in map(json.loads, result.stdout.splitlines()) if "result" in line]


def letters(result: Result, rule: str) -> str:
    return "".join(r["codes"][RULES.index(rule)] if "codes" in r else "!" for r in results(result))


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


# --- forms of output --------------------------------------------------------------------------

MIXED = (
    "id,division,subject,primary_classes,小学最大班额,已制定规划\n"
    "a,150603,school,1,46,\n"
    "b,150603,county,,,是\n"
    "=c,150603,school,1,x,\n"
    "=d(),150603,school,1,45,\n"
)


def written(xueheng: Call, rulesets: Path, tmp_path: Path, name: str, *options: str) -> tuple[Result, Path]:
    (tmp_path / "r.csv").write_text(MIXED, "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, "--rulesets", rulesets, "-o", tmp_path / name, *options)
    return result, tmp_path / name


def test_parquet_out(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    result, path = written(xueheng, rulesets, tmp_path, "o.parquet")
    assert result.exit_code == 1
    assert result.stdout == ""
    table = pq.read_table(path)
    a, b, c, d = table.to_pylist()
    assert (a["row"], a["id"], a["division"], a["subject"]) == (2, "a", "150603", "school")
    assert (a["ruleset"], a["outcome_all"], a["outcome_measured"]) == ("small@1", "non_compliant", "non_compliant")
    assert a["findings"] == [{"rule": "small/class-size", "actual": '{"max_class_size_primary":46}', "gap": 1.0}]
    assert "area_m2" in a["missing"]
    assert (b["subject"], b["codes"], b["outcome_measured"]) == ("county", "C", "not_applicable")
    assert c["codes"] is None
    assert c["error"]["column"] == "小学最大班额"
    assert c["error"]["type"].endswith("wrong-type")
    assert d["id"] == "=d()"
    about = json.loads(pq.read_metadata(path).metadata[b"xueheng"])
    assert about["as_of"] == "2026-11-22"
    assert len(about["rulesets"][0]["rules"]["school"]) == len(a["codes"])
    assert about["counts"]["non_compliant"] == 1


def test_parquet_of_codes_alone(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    _, path = written(xueheng, rulesets, tmp_path, "o.parquet", "--detail", "codes")
    first = pq.read_table(path).to_pylist()[0]
    assert (first["findings"], first["missing"], len(first["codes"])) == (None, None, 7)


@pytest.mark.parametrize(
    ("language", "sheets", "verdict"),
    [
        ("zh", ["结果", "不符合与未到期", "缺少的事实", "未判定的记录", "说明"], "不符合"),
        ("en", ["Outcomes", "Findings", "Missing facts", "Not judged", "About"], "non-compliant"),
    ],
)
def test_a_workbook_out(
    xueheng: Call, rulesets: Path, tmp_path: Path, language: str, sheets: list[str], verdict: str
) -> None:
    result, path = written(xueheng, rulesets, tmp_path, "o.xlsx", "--language", language)
    assert result.exit_code == 1
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == sheets
    outcomes, findings, missing, errors, about = (list(sheet.iter_rows(values_only=True)) for sheet in book)
    assert [row[1] for row in outcomes[1:]] == ["a", "b", "=d()"]
    assert outcomes[1][6] == verdict
    assert [row[0] for row in findings[1:]] == [2]
    assert verdict in findings[1]
    assert "small/class-size" in findings[1]
    assert any("46" in str(cell) for cell in findings[1])
    assert {row[1] for row in missing[1:]} >= {"area_m2", "rooms"}
    assert errors[1][3] == "=c"
    assert any(row[1] == "2026-11-22" for row in about)
    for sheet in book.worksheets[:4]:
        assert sheet.freeze_panes is not None
        assert sheet.auto_filter.ref
    # Text that looks like a formula or an address stays text.
    for sheet in book:
        assert all(cell.data_type != "f" and cell.hyperlink is None for row in sheet.iter_rows() for cell in row)


def test_a_table_into_a_file_has_no_colours(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    _, path = written(xueheng, rulesets, tmp_path, "o.txt")
    text = path.read_text("utf-8")
    assert "\x1b" not in text
    assert "non_compliant" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-o", "o.doc"), "Say so with --format"),
        (("--format", "xlsx"), "xlsx is written to a file"),
        (("--format", "parquet"), "parquet is written to a file"),
        (("-o", "nowhere/o.xlsx"), "there is no folder"),
        (("-o", "r.csv", "--format", "ndjson"), "is the file that is read"),
        (("-o", "o.parquet", "--detail", "full"), "--detail full is for NDJSON"),
    ],
)
def test_what_cannot_be_written(
    xueheng: Call,
    rulesets: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text(MIXED, "utf-8")
    result = xueheng("check", "r.csv", *DAY, "--rulesets", rulesets, *options)
    assert result.exit_code == 2
    assert says in result.stderr


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["o.ndjson", "o.txt", "o.parquet", "o.xlsx"])
def test_nothing_is_left_of_an_output_that_failed(
    xueheng: Call, rulesets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "r.csv").write_bytes(b"primary_classes,id\n" + (b"1," + b"x" * 60 + b"\n") * 900 + b"\xff\xff\n")
    (tmp_path / name).write_text("before", "utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    result = xueheng(
        "check",
        tmp_path / "r.csv",
        *OPTIONS,
        "--encoding",
        "utf-8",
        "--rulesets",
        rulesets,
        "-o",
        tmp_path / name,
    )
    assert result.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / name).read_text("utf-8") == "before"


# --- blocks and processes ---------------------------------------------------------------------


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 400 records, so that a small file has several."""
    monkeypatch.setattr("api.tabular.grid.BLOCK_RECORDS", 400)


def many(places: tuple[str, ...], rows: int) -> str:
    """Records of places by turns, so that blocks begin with different ones; every 97th is wrong."""
    lines = ["id,division,subject,primary_classes,小学最大班额,已制定规划"]
    for i in range(rows):
        size = "x" if i % 97 == 0 else 40 + i % 10
        kind = "county" if i % 5 == 0 else "school"
        lines.append(f"s-{i},{places[(i // 3 + i // 400) % len(places)]},{kind},1,{size},是")
    return "\n".join(lines) + "\n"


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["o.ndjson", "o.txt", "o.parquet", "o.xlsx"])
def test_several_processes_give_what_one_gives(xueheng: Call, rulesets: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "r.csv").write_text(many(("150603", "620722", "150602"), 1_900), "utf-8")
    found = []
    for processes in ("1", "3"):
        out = tmp_path / f"{processes}-{name}"
        result = xueheng("check", tmp_path / "r.csv", *DAY, "--rulesets", rulesets, "--processes", processes, "-o", out)
        assert result.exit_code == 1, result.stderr
        found.append((result.stderr, content(out)))
    assert found[0] == found[1]


def content(path: Path) -> Any:
    match path.suffix:
        case ".parquet":
            return pq.read_table(path).to_pylist()
        case ".xlsx":
            book = openpyxl.load_workbook(path, read_only=True)
            return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}
        case _:
            return path.read_text("utf-8")


@pytest.mark.usefixtures("small_blocks")
def test_order_and_rulesets_over_many_blocks(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(many(("150603",), 1_900), "utf-8")
    result = xueheng(
        "check", tmp_path / "r.csv", *DAY, "--format", "ndjson", "--rulesets", rulesets, "--processes", "2"
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["result"]["id"] for line in lines if "result" in line] == [f"s-{i}" for i in range(1_900)]
    assert [next(iter(line)) for line in lines].count("ruleset") == 1
    errors = [line["result"]["error"]["row"] for line in lines if "error" in line.get("result", {})]
    assert errors == [i + 2 for i in range(0, 1_900, 97) if i % 5]


# --- parents ----------------------------------------------------------------------------------


def family_file(counties: int, schools: int) -> str:
    """Schools first, then their county; the first school of every county is wrong."""
    lines = ["id,parent,division,subject,小学最大班额,已制定规划"]
    for county in range(counties):
        for i in range(schools):
            lines.append(f"s-{county}-{i},c-{county},150603,school,{45 if i else 'x'},")
        lines.append(f"c-{county},,150603,county,,是")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_members_of_a_file_know_their_parent(xueheng: Call, rulesets: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"r.{kind}"
    record = {"division": "150603", "subject": "school", "id": "s-1", "parent": "c-1", "max_class_size_primary": 45}
    wrong = {**record, "id": "s-2", "parent": "c-2"}
    county = {"division": "150603", "subject": "county", "id": "c-1"}
    rows = [record, county, wrong]
    match kind:
        case "csv":
            heads = list(record)
            lines = [",".join(str(row.get(head, "")) for head in heads) for row in rows]
            path.write_text("\n".join([",".join(heads), *lines]) + "\n", "utf-8")
        case "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case _:
            path.write_text("".join(json.dumps({**row, "facts": {}}) + "\n" for row in map(nested, rows)), "utf-8")
    result = xueheng("check", path, *DAY, "--format", "ndjson", "--rulesets", rulesets)
    assert result.exit_code == 1, result.stderr
    school, above, lost = results(result)
    assert "codes" in school
    assert "codes" in above
    assert lost["error"]["type"].endswith("unknown-parent")
    assert "no record of the batch has the id `c-2`" in lost["error"]["detail"]


def nested(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "max_class_size_primary"}


@pytest.mark.parametrize(
    ("row", "slug", "column", "says"),
    [
        ("s-1,c,150603,school,45,", "duplicate-id", "id", "first at row 3"),
        ("c,,150603,county,,", "duplicate-id", "id", "first at row 2"),
        ("s-2,x,150603,school,45,", "unknown-parent", "parent", "no record of the batch has the id `x`"),
        ("s-2,s-2,150603,school,45,", "unknown-parent", "parent", "cannot be its own parent"),
        ("s-2,c,150602,school,45,", "member-elsewhere", "division", "`150602` lies outside `150603`"),
        ("d,s-1,150603,county,,是", "member-not-allowed", "parent", "`county` cannot be a member of `school`"),
    ],
)
def test_ties_that_are_wrong_are_told_with_row_and_column(
    xueheng: Call, rulesets: Path, tmp_path: Path, row: str, slug: str, column: str, says: str
) -> None:
    text = f"id,parent,division,subject,小学最大班额,已制定规划\nc,,150603,county,,是\ns-1,c,150603,school,45,\n{row}\n"
    (tmp_path / "r.csv").write_text(text, "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, "--format", "ndjson", "--rulesets", rulesets)
    assert result.exit_code == 1
    county, school, bad = results(result)
    assert "codes" in county
    assert "codes" in school
    assert (bad["error"]["type"], bad["error"]["row"], bad["error"]["column"]) == (f"/problems/{slug}", 4, column)
    assert says in bad["error"]["detail"]


def test_a_member_that_cannot_be_read_is_missed(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(family_file(1, 3), "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, "--format", "ndjson", "--rulesets", rulesets)
    county = results(result)[-1]
    assert county["refused_members"] == 1


@pytest.mark.parametrize("order", ["together", "apart"])
def test_families_are_not_parted(
    xueheng: Call, rulesets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr("api.services.checking.BLOCK_RECORDS", 20)
    head, *lines = family_file(30, 5).splitlines()
    if order == "apart":
        lines.sort(key=lambda line: (line[0] == "c", line[::-1]))
    (tmp_path / "r.csv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    found = []
    for processes in ("1", "2"):
        result = xueheng(
            "check", tmp_path / "r.csv", *DAY, "--format", "ndjson", "--rulesets", rulesets, "--processes", processes
        )
        found.append(result.stdout)
        told = results(result)
        assert [r["id"] for r in told] == [line.split(",")[0] for line in lines]
        assert [r["refused_members"] for r in told if r["id"].startswith("c")] == [1] * 30
    assert found[0] == found[1]


def test_parents_in_a_stream_that_cannot_be_looked_through() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    line = json.dumps({"division": "150603", "subject": "school", "id": "s", "parent": "c", "facts": {}})
    stdin = Pipe(line.encode())
    with pytest.raises(BadFile, match="line 1 names a parent"):
        list(open_table(stdin, "ndjson", [], Defaults())[0].blocks())
