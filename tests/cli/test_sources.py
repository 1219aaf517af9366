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
