"""The rulesets and the original documents agree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def xueheng(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("xueheng"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_span_and_digest_is_in_the_originals(sources: Path) -> None:
    result = xueheng("sources", "verify", sources)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "erdos@2021.1" in result.stdout


@pytest.mark.parametrize("plan", ["minle", "yaohai", "xinghualing", "erdos", "hanzhong"])
def test_every_numeral_is_accounted_for(sources: Path, plan: str) -> None:
    result = xueheng("sources", "numerals", sources, plan, "--lost")
    assert result.returncode == 0, result.stdout + result.stderr
    [summary] = result.stdout.splitlines()
    assert " 0 nowhere" in summary


def test_every_figure_is_printed_where_its_rule_says(sources: Path) -> None:
    result = xueheng("lint", "--sources", sources)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "W616" not in result.stdout


def test_a_drifted_original_is_noticed(sources: Path, tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    shutil.copytree(sources, folder)
    for file in folder.glob("*.txt"):
        file.chmod(0o644)
        # The character at 2000 lies inside a clause of every plan; one other character there must be seen.
        text = file.read_text("utf-8")
        file.write_text(text[:2000] + ("改" if text[2000] != "改" else "动") + text[2001:], "utf-8")
    result = xueheng("sources", "verify", folder)
    assert result.returncode != 0
    assert "erdos@2021.1" in result.stdout + result.stderr


def test_a_folder_without_originals_is_refused(tmp_path: Path) -> None:
    result = xueheng("sources", "verify", tmp_path)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
