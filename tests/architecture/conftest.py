"""The files of the repository, as the tests of this folder look at them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What the targets of the Makefile make; hidden folders apart.
MADE = {"build", "dist", "reports", "__pycache__"}
HIDDEN_BUT_OURS = {".ci", ".gitignore"}


def walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in MADE or path.suffix == ".egg-info":
            continue
        if path.name.startswith(".") and path.name not in HIDDEN_BUT_OURS:
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def repository_files() -> list[Path]:
    """Every file of the checkout that is ours, without asking git: a downloaded archive has none."""
    return list(walk(ROOT))


@pytest.fixture(scope="session")
def python_files(repository_files: list[Path]) -> list[Path]:
    return [path for path in repository_files if path.suffix == ".py"]
