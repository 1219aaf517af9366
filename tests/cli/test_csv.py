"""`xueheng check` on CSV files that are not quite: quotation marks, ragged rows, line ends, delimiters, odd signs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Call = Callable[..., Result]
OPTIONS = ("--as-of", "2026-11-22", "--division", "150603", "--subject", "school", "--format", "ndjson")
CLASS_SIZE = 1
HEAD = "id,primary_classes,小学最大班额\n"


@pytest.fixture
def check(xueheng: Call, rulesets: Path, tmp_path: Path) -> Callable[..., Result]:
    """Checks a text."""

    def call(text: str | bytes, *options: str) -> Result:
        (tmp_path / "r.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return xueheng("check", tmp_path / "r.csv", *OPTIONS, "--rulesets", rulesets, *options)

    return call


Check = Callable[..., Result]


def results(result: Result) -> list[dict[str, Any]]:
    return [line["result"] for line in map(json.loads, result.stdout.splitlines()) if "result" in line]


def told(result: Result) -> list[tuple[Any, str]]:
    """The ids with the letter of the rule on class sizes, or with the row that is refused."""
    return [
        (r["id"], r["codes"][CLASS_SIZE]) if "codes" in r else (f"row {r['error']['row']}", r["error"]["detail"])
        for r in results(result)
    ]


NONE_CLOSES = "a quotation mark opens a cell in this line and none closes it"
GOES_ON = "a cell goes on behind the quotation mark that closes it"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ('"a,1,45\nb,1,45\nc,1,46\n', [("row 2", NONE_CLOSES), ("b", "C"), ("c", "N")]),
        ('a,1,45\n"b",1,"45\nc,1,46\nd,1,45', [("a", "C"), ("row 3", NONE_CLOSES), ("c", "N"), ("d", "C")]),
        ('a,1,45\nb,1,"45', [("a", "C"), ("row 3", NONE_CLOSES)]),
        # The next quotation mark closes it, and then something goes on.
        ('"a,1,45\nb,1,45\n"c\nx",1,46\n', [("row 2", GOES_ON), ("b", "C"), ("c\nx", "N")]),
        ('a,1,"45"x\nb,1,46\n', [("row 2", GOES_ON), ("b", "N")]),
        ('a,1,"4""5"\nb,1,46\n', [("row 2", 'found the text `4"5`'), ("b", "N")]),
        # A quotation mark inside of a cell that does not begin with one is a sign like others.
        ('5"a,1,45\nb,1,46\n', [('5"a', "C"), ("b", "N")]),
        ('"a\r\nb",1,45\r\n"c","1","46"\r\n', [("a\r\nb", "C"), ("c", "N")]),
    ],
)
def test_a_quotation_mark_spoils_its_own_row_only(check: Check, rows: str, found: list[tuple[str, str]]) -> None:
    result = check(HEAD + rows)
    assert result.exit_code == (1 if any(name.startswith("row") for name, _ in found) else 0)
    assert len(results(result)) == len(found)
    for (name, said), (wanted, word) in zip(told(result), found, strict=True):
        assert name == wanted
        assert word in said


def test_a_quotation_mark_in_a_long_file_spoils_its_own_row_only(check: Check) -> None:
    rows = [f"s-{i},1,{'45' if i % 2 else '46'}" for i in range(20_000)]
    rows[7] = '"' + rows[7]
    rows[9_000] = rows[9_000].replace(",46", ',"46')
    result = check(HEAD + "\n".join(rows) + "\n", "--detail", "codes")
    assert result.exit_code == 1
    assert [r["id"] for r in results(result) if "codes" in r] == [
        f"s-{i}" for i in range(20_000) if i not in (7, 9_000)
    ]
    assert [r["error"]["row"] for r in results(result) if "error" in r] == [9, 9_002]


def test_a_long_cell_that_is_closed_is_one_row(check: Check) -> None:
    text = "\n".join(["x" * 80] * 1_000)
    result = check(f'{HEAD}"{text}",1,45\nb,1,46\n')
    assert [name for name, _ in told(result)] == ["row 2", "b"]
    assert "longer than 32,767 characters" in results(result)[0]["error"]["detail"]


@pytest.mark.parametrize(
    "text", ['"id,primary_classes\na,1\n', '"id,primary_classes', '\n"id"x,primary_classes\na,1\n']
)
def test_a_quotation_mark_in_the_headings(check: Check, text: str) -> None:
    result = check(text)
    assert result.exit_code == 2
    assert f"row {2 if text[0] == chr(10) else 1}: a " in result.stderr


def test_rows_with_fewer_cells_are_noted(check: Check) -> None:
    result = check(HEAD + "a,1,45\nb,1\nc\n,\nd,1,46,\n")
    assert result.exit_code == 0
    assert told(result) == [("a", "C"), ("b", "U"), ("c", "U"), ("d", "N")]
    assert "fewer cells than headings, the rest read as empty: row 3, 4\n" in result.stderr


def test_rows_with_more_cells_are_refused(check: Check) -> None:
    result = check(HEAD + "a,1,45,9\nb,1,46,,,\n")
    assert told(result) == [("row 2", "expected at most 3 cells, as many as headings, found 4"), ("b", "N")]


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("\n", ",\n") + "a,1,45,\nb,1,46,\n",
        (HEAD + "a,1,45\nb,1,46").replace("\n", "\r\n"),
        (HEAD + "a,1,45\nb,1,46\n").replace("\n", "\r"),
        HEAD + "\n,,\n  ,　,\na,1,45\n\n\nb,1,46\n\n",
        "sep=;\n" + (HEAD + "a,1,45\nb,1,46\n").replace(",", ";"),
        "\ufeff" + HEAD + "a,1,45\nb,1,46\n",
        HEAD.replace(",", "\t学校名称\t", 1).replace(",", "\t") + 'a\t"甲,乙,丙,丁,戊"\t1\t45\nb\t"己,庚"\t1\t46\n',
        HEAD.replace(",", ";学校名称;", 1).replace(",", ";") + 'a;"甲, ""乙,丙"",丁,戊";1;45\nb;"己,\n庚,,,,,";1;46\n',
    ],
    ids=["trailing delimiters", "CRLF", "CR", "blank rows", "sep=", "byte order mark", "quoted commas", "over lines"],
)
def test_what_changes_nothing(check: Check, text: str) -> None:
    result = check(text)
    assert (result.exit_code, told(result)) == (0, [("a", "C"), ("b", "N")])


@pytest.mark.parametrize(
    "cell", ["NaN", "nan", "Infinity", "-inf", "1e400", "-", "4 5", "四十五", "#N/A", "=40+5", "45。"]
)
def test_what_is_no_number(check: Check, cell: str) -> None:
    result = check(f"{HEAD}a,1,{cell}\nb,1,46\n")
    bad, good = results(result)
    assert (bad["error"]["row"], bad["error"]["column"]) == (2, "小学最大班额")
    assert "expected a whole number" in bad["error"]["detail"]
    assert good["codes"][CLASS_SIZE] == "N"


def test_every_cut_of_a_file_is_read_or_refused_in_words(check: Check) -> None:
    whole = (HEAD + '"甲",1,45\n"乙\n二",1,46\n').encode()
    for cut in range(len(whole)):
        result = check(whole[:cut])
        assert result.exit_code in (0, 1, 2)
        assert result.exit_code != 2 or "Error: " in result.stderr
        # Where a quoted cell is cut, its line is refused; what stands below is a row by itself.
        read = {r["id"] for r in results(result) if "codes" in r}
        assert read <= {"甲", "乙\n二"} or (result.exit_code == 1 and read <= {"甲", "二"})
