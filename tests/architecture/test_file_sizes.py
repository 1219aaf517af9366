"""Files stay small enough to be read whole."""

import warnings
from pathlib import Path

import pytest

WARN_ABOVE_LINES = 400
FAIL_ABOVE_LINES = 800
ARCHITECTURE_LINES = 200


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


@pytest.mark.filterwarnings("default:long file")
def test_python_files_are_short(root: Path, python_files: list[Path]) -> None:
    sizes = {path.relative_to(root): lines(path) for path in python_files}
    for path, size in sizes.items():
        if WARN_ABOVE_LINES < size <= FAIL_ABOVE_LINES:
            warnings.warn(f"long file: {path} has {size} lines; think of splitting it", stacklevel=1)
    assert not {str(path): size for path, size in sizes.items() if size > FAIL_ABOVE_LINES}


def test_the_architecture_fits_in_one_reading(root: Path) -> None:
    assert lines(root / "ARCHITECTURE.md") <= ARCHITECTURE_LINES
