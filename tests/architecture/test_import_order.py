"""The contracts under `[tool.importlinter]` hold, and each of them can be broken."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_keep_to_the_order(root: Path) -> None:
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout + result.stderr


# A file, a line appended to it, and the contract that must notice.
BREACHES = [
    ("engine/words.py", "import api", "the service imports the engine, never the reverse"),
    ("engine/source.py", "import engine.check.ir", "the engine goes one way"),
    ("engine/unplaced.py", "", "the engine goes one way"),
    ("engine/backends/__init__.py", "import engine.load.tree", "only the typed IR crosses into a back end"),
    ("api/settings.py", "import durable_rules_engine", "only the durable back end knows durable_rules"),
    ("engine/values.py", "import time", "the engine has no clock, files, network or logger"),
    ("engine/values.py", "import asyncio", "the engine has no clock, files, network or logger"),
    ("api/settings.py", "import api.cli", "the service goes one way"),
    ("api/services/__init__.py", "import litestar", "services know no HTTP and no SQL"),
    ("api/store/__init__.py", "import granian", "the store knows no HTTP"),
]


@pytest.fixture(scope="module")
def broken(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy with all breaches at once."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copy(root / "pyproject.toml", copy)
    for package in ("engine", "api"):
        shutil.copytree(root / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, line, _ in BREACHES:
        with (copy / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    return lint_imports(copy).stdout


@pytest.mark.parametrize("contract", sorted({contract for _, _, contract in BREACHES}))
def test_a_breach_is_noticed(broken: str, contract: str) -> None:
    assert f"{contract} BROKEN" in broken, broken


@pytest.mark.parametrize("module", ["engine.unplaced", "time", "asyncio", "litestar", "granian", "engine.load.tree"])
def test_a_breach_is_named(broken: str, module: str) -> None:
    assert module in broken


def test_every_contract_is_tried(root: Path) -> None:
    config = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    contracts = {contract["name"] for contract in config["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for _, _, contract in BREACHES}
