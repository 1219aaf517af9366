"""What `xueheng check` writes: every form, and what cannot be written."""

import json
import tempfile
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from tests.cli.lines import DAY, OPTIONS, Call

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
