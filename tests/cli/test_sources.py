"""`xueheng sources verify` on small originals."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.small import lay_out, small_files

Call = Callable[..., Result]
TEXT = "小学班额不超过45人。"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = small_files("""
facts: [{fact: a, type: integer}]
rules: [{id: size, span: [0, 10], figures: [45人], require: a <= 45}]
""")
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    files["small/1/clauses.yaml"] = f"- {{clause: 一, span: [0, {len(TEXT)}], sha256: {digest}, kind: duty}}\n"
    head = files["small/1/ruleset.yaml"].replace("'" + "0" * 64 + "'", digest)
    files["small/1/ruleset.yaml"] = head.replace("code_points: 100", f"code_points: {len(TEXT)}")
    facts_only = (
        files["small/1/ruleset.yaml"].replace("id: small", "id: national").replace("version: '1'", "version: '2'")
    )
    kept = [
        line for line in facts_only.splitlines() if line.split(":")[0].strip() not in ("file", "sha256", "code_points")
    ]
    files["national/2/ruleset.yaml"] = "\n".join(kept) + "\nsource: facts_only\n"
    files["national/2/clauses.yaml"] = "- {clause: 一, kind: duty, reason: background}\n"
    return lay_out(files, tmp_path / "rulesets")


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals/small.txt").write_text(TEXT, "utf-8")
    return tmp_path / "originals"


def test_proven(xueheng: Call, folder: Path, originals: Path) -> None:
    result = xueheng("sources", "verify", originals, "--rulesets", folder)
    assert result.exit_code == 0, result.output
    national, small = result.stdout.splitlines()
    assert national.startswith("national@2: skipped")
    assert small == "small@1: proven; 小规划, small.txt; 1 clauses, 1 citations, 1 sentences"


def test_drift_is_named_and_fails(xueheng: Call, folder: Path, originals: Path) -> None:
    (originals / "small.txt").write_text("附：" + TEXT, "utf-8")
    result = xueheng("sources", "verify", originals, "small", "--rulesets", folder)
    assert result.exit_code == 1
    assert "一: [0, 11] its words moved by +2 code points [clause-moved]; now at [2, 13]" in result.stdout
    assert "in 1 of 1 documents" in result.stdout


def test_an_absent_original_fails(xueheng: Call, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = xueheng("sources", "verify", tmp_path / "empty", "--rulesets", folder)
    assert result.exit_code == 1
    assert "small.txt: the file is not in the folder [no-original]" in result.stdout


def test_some_rulesets_only(xueheng: Call, folder: Path, originals: Path) -> None:
    result = xueheng("sources", "verify", originals, "national@2", "--rulesets", folder)
    assert result.exit_code == 0
    assert "small" not in result.stdout


def test_an_unknown_ruleset_is_refused(xueheng: Call, folder: Path, originals: Path) -> None:
    result = xueheng("sources", "verify", originals, "smal", "--rulesets", folder)
    assert result.exit_code == 2
    assert "did you mean `small`?" in result.stderr


def test_no_rulesets_is_no_proof(xueheng: Call, originals: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert xueheng("sources", "verify", originals, "--rulesets", tmp_path / "none").exit_code == 2


def numerals(xueheng: Call, folder: Path, originals: Path, *options: str) -> tuple[int, list[str]]:
    result = xueheng("sources", "numerals", originals, "small", *options, "--rulesets", folder)
    return result.exit_code, result.stdout.splitlines()


def test_numerals_all_accounted_for(xueheng: Call, folder: Path, originals: Path) -> None:
    code, lines = numerals(xueheng, folder, originals)
    assert code == 0
    assert lines == [
        "[7, 9]  额不超过【45】人。  一  small/size",
        "small@1: 1 numerals (1 in figures, 0 in words): 1 in rules, 1 of them stated as figures; without a rule: none;"
        " 0 nowhere; besides 0 list marks and 0 in fixed words",
    ]


def test_a_numeral_that_went_nowhere_fails(xueheng: Call, folder: Path, originals: Path) -> None:
    """The rule's words end before the figure."""
    rules = folder / "small/1/rules/planning.yaml"
    rules.write_text(rules.read_text("utf-8").replace("[0, 10]", "[0, 7]"), "utf-8")
    code, lines = numerals(xueheng, folder, originals, "--lost")
    assert code == 1
    assert lines[0].startswith("[7, 9]  额不超过【45】人。  一  NOWHERE")
    assert "1 nowhere" in lines[-1]


def test_a_figure_that_no_rule_states_is_marked(xueheng: Call, folder: Path, originals: Path) -> None:
    rules = folder / "small/1/rules/planning.yaml"
    rules.write_text(rules.read_text("utf-8").replace("45人", "不超过"), "utf-8")
    code, lines = numerals(xueheng, folder, originals)
    assert code == 0
    assert lines[0].endswith("  一  ~ small/size")


def test_numerals_of_another_text_are_refused(xueheng: Call, folder: Path, originals: Path) -> None:
    (originals / "small.txt").write_text(TEXT.replace("45", "50"), "utf-8")
    code, lines = numerals(xueheng, folder, originals)
    assert code == 1
    assert lines == ["small@1: small.txt is not the text that was read: see `xueheng sources verify`"]
    (originals / "small.txt").unlink()
    assert numerals(xueheng, folder, originals)[0] == 1


def test_without_an_original_there_are_no_numerals(xueheng: Call, folder: Path, originals: Path) -> None:
    result = xueheng("sources", "numerals", originals, "national", "--rulesets", folder)
    assert result.exit_code == 0
    assert result.stdout.startswith("national@2: skipped")
