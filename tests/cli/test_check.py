"""`xueheng check`: spreadsheets and NDJSON, judged without a server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result

Call = Callable[..., Result]
DAY = ("--as-of", "2026-11-22")
# The rules for schools, in the order of codes.
RULES = ["area", "class-size", "kind", "no-key-class", "open", "rooms", "rotation"]


@pytest.fixture
def check(xueheng: Call, rulesets: Path, tmp_path: Path) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    """Checks a text and gives the exit code and the NDJSON output."""

    def call(text: str | bytes, *options: str, name: str = "r.csv") -> tuple[int, list[dict[str, Any]]]:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        result = xueheng("check", file, *DAY, "--format", "ndjson", "--rulesets", rulesets, *options)
        return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]

    return call


Check = Callable[..., tuple[int, list[dict[str, Any]]]]
SCHOOL = ("--division", "150603", "--subject", "school")


def results(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["result"] for line in lines if "result" in line]


def verdicts(lines: list[dict[str, Any]]) -> dict[str, str]:
    """The letters of the one record by rule."""
    [result] = results(lines)
    return dict(zip(RULES, result["codes"], strict=True))


def test_headings_by_name_alias_and_chinese(check: Check) -> None:
    code, lines = check("编号,区划代码,评估对象,primary_classes,小学最大班额\ns-1,150603,school,12,47\n")
    assert code == 0
    assert [next(iter(line)) for line in lines] == ["ruleset", "result", "counts"]
    [result] = results(lines)
    assert result["id"] == "s-1"
    assert result["outcome"]["all"] == "non_compliant"
    assert result["findings"] == [{"rule": 1, "actual": {"max_class_size_primary": 47}, "gap": 2}]
    assert verdicts(lines)["class-size"] == "N"


@pytest.mark.parametrize("heading", ["最大班额(小学)", "最大班额（小学）", " 小学最大班额 ", "MAX_CLASS_SIZE_PRIMARY"])
def test_headings_are_forgiving(check: Check, heading: str) -> None:
    code, lines = check(f"primary_classes,{heading}\n1,45\n", *SCHOOL)
    assert code == 0
    assert verdicts(lines)["class-size"] == "C"


@pytest.mark.parametrize(
    ("heading", "cell", "rule", "letter"),
    [
        ("max_class_size_primary", "４５", "class-size", "C"),
        ("max_class_size_primary", "４６", "class-size", "N"),
        ("max_class_size_primary", "45.0", "class-size", "C"),
        ("max_class_size_primary", " 45 ", "class-size", "C"),
        ("max_class_size_primary", "", "class-size", "U"),
        ("rate", "10%", "rotation", "C"),
        ("rate", "９．９９％", "rotation", "N"),
        ("rate@2025", "10", "rotation", "C"),
        ("年度交流比例(2025)", "10", "rotation", "C"),
        ("年度交流比例（2025年）", "9", "rotation", "N"),
        ("rate", '"{""2024"": 20, ""2025"": 9}"', "rotation", "N"),
        ("area_m2", "3.825", "area", "C"),
        ("area_m2", "3.8249999999999997", "area", "C"),
        ("area_m2", "3.82499999", "area", "N"),
        ("area_m2", '"1,234.5"', "area", "C"),
        ("area_m2", "-1", "area", "!"),
        ("area_m2", '"1,2"', "area", "!"),
        ("area_m2", "3.9平方米", "area", "C"),
        ("area_m2", "3.9 m²", "area", "C"),
        ("area_m2", "3.9万平方米", "area", "!"),
        ("max_class_size_primary", "４５人", "class-size", "C"),
        ("max_class_size_primary", "45班", "class-size", "!"),
        ("max_class_size_primary", "约45", "class-size", "!"),
        ("area_m2", "45²", "area", "!"),
        ("area_m2", "10%", "area", "!"),
        ("area_m2", "-", "area", "!"),
        ("area_m2", "٤٥", "area", "!"),
        ("area_m2", "NaN", "area", "!"),
        ("area_m2", "1e5", "area", "!"),
        ("key_class_kept", "是", "no-key-class", "N"),
        ("设有重点班", "否", "no-key-class", "C"),
        ("key_class_kept", "TRUE", "no-key-class", "N"),
        ("key_class_kept", "0", "no-key-class", "C"),
        ("key_class_kept", "√", "no-key-class", "N"),
        ("key_class_kept", "也许", "no-key-class", "!"),
        ("opened", "2020/9/1", "open", "C"),
        ("opened", "2021年1月1日", "open", "N"),
        ("建校日期", "2020-12-31", "open", "C"),
        ("opened", "2020-13-01", "open", "!"),
        ("kind", "九年一贯制", "kind", "C"),
        ("kind", "Nine-year", "kind", "C"),
        ("kind", "primary", "kind", "N"),
        ("kind", "高中", "kind", "!"),
        ("rooms", '"{""music"": true, ""art"": true}"', "rooms", "C"),
        ("rooms", "音乐", "rooms", "!"),
    ],
)
def test_cells(check: Check, heading: str, cell: str, rule: str, letter: str) -> None:
    code, lines = check(f"primary_classes,{heading}\n1,{cell}\n", *SCHOOL)
    if letter == "!":
        assert code == 1
        [result] = results(lines)
        assert result["error"]["row"] == 2
        assert result["error"]["column"] == heading.strip()
    else:
        assert code == 0
        assert verdicts(lines)[rule] == letter


def test_items_of_a_checklist(check: Check) -> None:
    code, lines = check("rooms.music,专用教室.美术\n是,是\n是,\n是,否\n", *SCHOOL)
    assert code == 0
    at = RULES.index("rooms")
    assert [result["codes"][at] for result in results(lines)] == ["C", "U", "N"]
    assert "rooms.art" in results(lines)[1]["missing"]


def test_periods_side_by_side(check: Check) -> None:
    code, lines = check("rate@2024,rate@2025\n20,9\n20,\n", *SCHOOL)
    assert code == 0
    at = RULES.index("rotation")
    assert [result["codes"][at] for result in results(lines)] == ["N", "C"]


def test_bad_rows_never_fail_the_others(check: Check) -> None:
    text = (
        "id,division,subject,小学最大班额\n"
        "a,150603,school,45\n"
        "b,150603,school,四十五\n"
        "c,999999,school,45\n"
        "d,150603,scool,45\n"
        "e,150603,school,45,extra\n"
        ",,,\n"
        "f,,school,45\n"
        "g,620722,school,45\n"
        "h,150603,county,45\n"
        "i,150603\n"
        "j,150603,school,45\n"
    )
    code, lines = check(text)
    assert code == 1
    found = {result["id"]: result.get("error") for result in results(lines)}
    assert [id_ for id_, error in found.items() if error is None] == ["a", "h", "j"]
    assert (found["b"]["row"], found["b"]["column"]) == (3, "小学最大班额")
    assert "四十五" in found["b"]["detail"]
    assert "help" not in found["b"]
    assert (found["c"]["row"], found["c"]["column"]) == (4, "division")
    assert found["d"]["help"] == "did you mean `school`?"
    assert found["e"]["row"] == 6
    assert (found["f"]["row"], found["f"]["column"]) == (8, "division")
    assert found["g"]["type"].endswith("no-ruleset")
    assert found["i"]["row"] == 11
    # Only judged records are counted.
    assert sum(lines[-1]["counts"].values()) == 7 + 1 + 7


def test_all_mistakes_of_a_row(check: Check) -> None:
    code, lines = check("小学最大班额,kind\n四十五,高中\n", *SCHOOL)
    assert code == 1
    [result] = results(lines)
    assert [(e["row"], e["column"]) for e in result["error"]["errors"]] == [(2, "小学最大班额"), (2, "kind")]


def test_a_fact_of_another_subject_is_said_to_be_ignored(check: Check) -> None:
    _, lines = check("primary_classes,已制定规划\n1,是\n", *SCHOOL)
    [result] = results(lines)
    assert result["ignored"] == ["plan_made"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clas_size\n1\n", "unknown heading `clas_size`"),
        ("max_clas_size_primary\n1\n", "did you mean `max_class_size_primary`?"),
        ("小学最大班额,max_class_size_primary\n1,2\n", "mean the same"),
        ("id,编号\n1,2\n", "mean the same"),
        ("rate@2025年度,rate@甲\n1,2\n", "unknown heading `rate@甲`"),
        ("rooms.dance\n1\n", "unknown heading `rooms.dance`"),
        (",,\n1,2,3\n", "row 2, column 1: unknown heading `1`"),
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
    ],
)
def test_headings_that_cannot_be_used(xueheng: Call, rulesets: Path, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "r.csv").write_text(text, "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, *SCHOOL, "--rulesets", rulesets)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_column_may_be_left_out(check: Check) -> None:
    code, lines = check("校长,小学最大班额,primary_classes\n某人,45,1\n", *SCHOOL, "--ignore", "校长")
    assert code == 0
    assert verdicts(lines)["class-size"] == "C"


@pytest.mark.parametrize(
    ("encoding", "says"), [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("gb18030", "read as GB18030")]
)
def test_encodings(xueheng: Call, rulesets: Path, tmp_path: Path, encoding: str, says: str) -> None:
    (tmp_path / "r.csv").write_bytes("小学班数,小学最大班额\r\n1,45\r\n".encode(encoding))
    result = xueheng("check", tmp_path / "r.csv", *DAY, *SCHOOL, "--format", "ndjson", "--rulesets", rulesets)
    assert result.exit_code == 0, result.output
    assert '"codes":"UC' in result.stdout
    assert says in result.stderr


@pytest.mark.parametrize("sign", [";", "\t"])
def test_other_delimiters(check: Check, sign: str) -> None:
    code, lines = check(f"primary_classes{sign}小学最大班额\n1{sign}45\n", *SCHOOL)
    assert code == 0
    assert verdicts(lines)["class-size"] == "C"


def test_line_ends_inside_quotes(check: Check) -> None:
    code, lines = check('id,primary_classes,小学最大班额\n"a\nb",1,45\nc,1,x\n', *SCHOOL)
    assert code == 1
    first, second = results(lines)
    assert first["id"] == "a\nb"
    assert second["error"]["row"] == 3


def test_no_encoding_of_that_name(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("小学班数\n1\n", "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, "--encoding", "utf-99", "--rulesets", rulesets)
    assert result.exit_code == 2


def test_bytes_that_do_not_fit_the_encoding(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("小学班数\n1\n".encode("gb18030"))
    result = xueheng("check", tmp_path / "r.csv", *DAY, "--encoding", "utf-8", "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "--encoding" in result.stderr


def record(**facts: object) -> str:
    return json.dumps({"division": "150603", "subject": "school", "id": "s", "facts": facts}) + "\n"


def test_ndjson(check: Check) -> None:
    code, lines = check(record(primary_classes=1, max_class_size_primary=46), name="r.ndjson")
    assert code == 0
    assert verdicts(lines)["class-size"] == "N"


def test_ndjson_takes_the_options_where_it_says_nothing(check: Check) -> None:
    text = '{"facts": {"primary_classes": 1, "max_class_size_primary": 45}}\n{"subject": "county", "facts": {}}\n'
    code, lines = check(text, *SCHOOL, name="r.jsonl")
    assert code == 0
    assert [len(result["codes"]) for result in results(lines)] == [7, 1]


def test_bad_lines_never_fail_the_others(check: Check) -> None:
    good = record(primary_classes=1)
    text = good + "no json\n\n" + record(clas_size=1) + '{"a": NaN}\n' + "[]\n" + good
    code, lines = check(text.encode() + b"\xff\n" + b"[" * 10_000 + b"\n" + good.encode(), name="r.ndjson")
    assert code == 1
    errors = [result["error"]["line"] for result in results(lines) if "error" in result]
    assert errors == [2, 4, 5, 6, 8, 9]
    assert len(results(lines)) == 9


def test_an_endless_line_is_one_bad_record(check: Check) -> None:
    text = record(primary_classes=1) + '{"id": "' + "x" * 5_000_000 + '"}\n' + record(primary_classes=1)
    code, lines = check(text, name="r.ndjson")
    assert code == 1
    assert ["error" in result for result in results(lines)] == [False, True, False]
    assert "longer than" in results(lines)[1]["error"]["detail"]


def test_a_byte_order_mark_before_ndjson(check: Check) -> None:
    code, _ = check("\ufeff" + record(primary_classes=1), name="r.ndjson")
    assert code == 0


def test_standard_input(xueheng: Call, rulesets: Path) -> None:
    stdin = record(primary_classes=1).encode()
    result = xueheng("check", "-", *DAY, "--input", "ndjson", "--rulesets", rulesets, stdin=stdin)
    assert result.exit_code == 0
    assert "1 records judged" in result.stdout


def test_an_unknown_kind_of_file(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    (tmp_path / "r.doc").write_bytes(b"PK")
    result = xueheng("check", tmp_path / "r.doc", *DAY, "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "CSV, NDJSON, Parquet or a workbook?" in result.stderr


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 0),
        (("--fail-on", "non_compliant"), 3),
        (("--fail-on", "insufficient_data"), 3),
    ],
)
def test_fail_on(check: Check, options: tuple[str, ...], code: int) -> None:
    assert check("primary_classes,小学最大班额\n1,46\n", *SCHOOL, *options)[0] == code


def test_fail_on_what_is_not_there(check: Check) -> None:
    assert check("primary_classes\n1\n", *SCHOOL, "--fail-on", "non_compliant")[0] == 0


@pytest.mark.parametrize(
    "bad", [("--as-of", "2026-02-30"), ("--ruleset", "nosuch"), ("--topic", "nosuch"), ("--parameters", "{")]
)
def test_bad_options(xueheng: Call, rulesets: Path, tmp_path: Path, bad: tuple[str, str]) -> None:
    (tmp_path / "r.csv").write_text("小学班数\n1\n", "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, *SCHOOL, *bad, "--rulesets", rulesets)
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("name", "option"), [("r.csv", "--sheet"), ("r.ndjson", "--encoding"), ("r.xlsx", "--encoding")]
)
def test_options_for_other_kinds_of_files(
    xueheng: Call, rulesets: Path, tmp_path: Path, name: str, option: str
) -> None:
    (tmp_path / name).write_text("小学班数\n1\n", "utf-8")
    result = xueheng("check", tmp_path / name, *DAY, *SCHOOL, option, "utf-8", "--rulesets", rulesets)
    assert result.exit_code == 2
    assert f"{option} says nothing about a file that is read as" in result.stderr


def test_only_some_rules(check: Check) -> None:
    _, lines = check("primary_classes\n1\n", *SCHOOL, "--evidence", "attested", "--detail", "codes")
    [result] = results(lines)
    assert len(result["codes"]) == 2
    assert "findings" not in result


def test_today_is_said(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("小学班数\n1\n", "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *SCHOOL, "--rulesets", rulesets)
    assert result.stderr.startswith("as of today, 20")


def test_the_table(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    text = "编号,小学班数,小学最大班额,已制定规划\n康巴什区第一小学,1,46,是\nb,1,x,\n"
    (tmp_path / "r.csv").write_text(text, "utf-8")
    result = xueheng("check", tmp_path / "r.csv", *DAY, *SCHOOL, "--rulesets", rulesets)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == "small@1: 小规划, 小规划 (unpublished)"
    assert lines[1].split() == ["row", "id", "outcome", "measured", "only", "C", "N", "T", "X", "U"]
    assert lines[2].split() == ["2", "康巴什区第一小学", "non_compliant", "non_compliant", "0", "1", "0", "0", "6"]
    assert lines[3].strip().startswith("N small/class-size  一  max_class_size_primary <= 45: ")
    assert lines[3].endswith("max_class_size_primary is 46, off by 1")
    assert lines[4].strip().startswith("missing area_m2, kind")
    assert lines[5].strip() == "ignored, about other subjects: plan_made"
    assert lines[6].split()[:4] == ["3", "b", "not", "judged,"]
    assert "column `小学最大班额`: expected a whole number, found the text `x`" in lines[6]
    assert lines[-3:] == [
        "1 records judged: 1 non_compliant",
        "verdicts: 1 non_compliant, 6 insufficient_data",
        "1 records not judged",
    ]


def test_many_rows_in_order(check: Check) -> None:
    rows = "".join(f"s-{i},1,{40 + i % 10}\n" for i in range(2_500))
    code, lines = check("id,primary_classes,小学最大班额\n" + rows, *SCHOOL, "--detail", "codes")
    assert code == 0
    found = results(lines)
    assert [result["id"] for result in found] == [f"s-{i}" for i in range(2_500)]
    at = RULES.index("class-size")
    assert [result["codes"][at] for result in found] == ["N" if i % 10 > 5 else "C" for i in range(2_500)]


def test_a_rule_that_the_plan_adopts_is_placed_in_both_documents(xueheng: Call, tmp_path: Path) -> None:
    file = tmp_path / "counties.csv"
    file.write_text("编号,public_satisfaction_rate\nc-1,84.2\n", "utf-8")
    result = xueheng("check", file, *DAY, "--division", "150603", "--subject", "county")
    assert result.exit_code == 0
    [line] = [text for text in result.stdout.splitlines() if "national/public-satisfaction" in text]
    assert "办法/社会认可/满意度 ← 三·总体目标" in line
    assert "is 84.2, off by 0.8" in line
    book = tmp_path / "out.xlsx"
    xueheng("check", file, *DAY, "--division", "150603", "--subject", "county", "-o", book)
    cells = [
        cell for sheet in openpyxl.load_workbook(book) for row in sheet.iter_rows(values_only=True) for cell in row
    ]
    assert "教督〔2017〕6号 ← 鄂教督委发〔2021〕2号" in cells
    assert "办法/社会认可/满意度 ← 三·总体目标" in cells
