"""`xueheng check` on files of many blocks and of families: one process and several."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.tabular.opening import open_table
from api.tabular.records import BadFile, Defaults
from tests.cli.lines import DAY, Call, results

# --- blocks and processes ---------------------------------------------------------------------


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
