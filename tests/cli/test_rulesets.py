"""`xueheng rulesets` on the rulesets that came with the program."""

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Call = Callable[..., Result]


def test_list(xueheng: Call) -> None:
    result = xueheng("rulesets", "list")
    assert result.exit_code == 0
    [row] = [line for line in result.stdout.splitlines() if line.startswith("erdos@2021.1")]
    assert "鄂尔多斯市 150600" in row
    assert "in_force" in row
    assert "2021-05-17" in row


def test_show_has_every_clause_and_rule(xueheng: Call, rulesets: Path) -> None:
    result = xueheng("rulesets", "show", "small", "--rulesets", rulesets)
    assert result.exit_code == 0
    for rule in ("class-size", "rotation", "area", "no-key-class", "rooms", "open", "kind", "plan"):
        assert f"small/{rule}  " in result.stdout
    assert "when primary_classes > 0: max_class_size_primary <= 45" in result.stdout
    assert "school, binding, measured, each year" in result.stdout


def test_show_an_unknown_one(xueheng: Call, rulesets: Path) -> None:
    result = xueheng("rulesets", "show", "smal", "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "did you mean `small`?" in result.stderr


def test_conflicts(xueheng: Call, rulesets: Path) -> None:
    rules = rulesets / "small/1/rules/planning.yaml"
    text = rules.read_text("utf-8").replace(
        "- {id: rotation,", "- {id: rotation, conflicts_with: [area], figures: [一成, 10%], note: 两处数字不同,"
    )
    rules.write_text(text, "utf-8")
    result = xueheng("rulesets", "show", "small@1", "--conflicts", "--rulesets", rulesets)
    assert result.exit_code == 0
    assert [line.strip() for line in result.stdout.splitlines()] == [
        "1. 题 / 题",
        "small/area  [school, binding, measured]",
        "一 [0, 10]",
        "printed: no figure",
        "area_m2 >= 3.825",
        "small/rotation  [school, binding, measured, each year]",
        "一 [0, 10]",
        "printed: 一成, 10%",
        "rate >= 10",
        "note: 两处数字不同",
        "",
        "1 contradiction or tension in small@1",
    ]


def test_no_conflicts(xueheng: Call, rulesets: Path) -> None:
    result = xueheng("rulesets", "show", "small", "--conflicts", "--rulesets", rulesets)
    assert result.stdout == "0 contradictions or tensions in small@1\n"


def test_coverage(xueheng: Call, rulesets: Path) -> None:
    result = xueheng("rulesets", "coverage", "--rulesets", rulesets)
    assert result.exit_code == 0
    assert [line.strip() for line in result.stdout.splitlines()][1:6] == [
        "1 clauses, 1 with rules",
        "clauses without rules: none",
        "parts of the others without rules: none",
        "100 of 100 code points in clauses: rules cite 10 (10.0 %), 0 more have a reason",
        "8 rules: 5 measured, 3 attested; 8 binding; 1 county, 7 school",
    ]
    assert "without a worked case: small/area" in result.stdout


def test_a_broken_folder_is_refused(xueheng: Call, rulesets: Path) -> None:
    (rulesets / "facts/small.yaml").write_text("x", "utf-8")
    result = xueheng("rulesets", "list", "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "see `xueheng lint`" in result.stderr


def test_what_a_clause_adopts_is_shown_with_its_terms(xueheng: Call) -> None:
    lines = xueheng("rulesets", "show", "minle").stdout.splitlines()
    at = lines.index("  incorporates of national@2017.1 [1706, 1740]:")
    assert lines[at + 1].startswith(
        "    national/basic-balance-three-years  基本均衡认定满三年  [county, binding, attested"
    )
    assert lines[at + 1].endswith("due 2027-12-31]")
    result = xueheng("rulesets", "coverage", "minle", "xinghualing")
    assert "1 that adopt another's rules" in result.stdout
    assert result.stdout.count("incorporated: 71 rules of national@2017.1; 1 of 1 entries reviewed") == 1
