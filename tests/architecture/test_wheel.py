"""The wheel holds the program and its rulesets, and finds them from any current folder."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the contents of a freshly built wheel, as installing it would lay them out."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["-I", "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([sys.executable, *command, "--wheel-dir", str(folder), str(root)], check=True)
    (wheel,) = folder.glob("xueheng-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("part", ["engine", "api", "rulesets"])
def test_a_wheel_holds_what_the_checkout_holds(root: Path, installed: Path, part: str) -> None:
    assert contents(installed / part) == contents(root / part)


def test_a_wheel_holds_nothing_else(installed: Path) -> None:
    names = {path.name.split("-")[0] for path in installed.iterdir()}
    assert names == {"engine", "api", "rulesets", "xueheng"}


@pytest.mark.parametrize("place", ["wheel", "checkout"])
def test_rulesets_are_found_from_a_folder_with_other_rulesets(
    root: Path, installed: Path, tmp_path: Path, place: str
) -> None:
    """`importlib.resources` would answer with the folder of that name in the current folder."""
    (tmp_path / "rulesets").mkdir()
    base = installed if place == "wheel" else root
    # As in a console script: the current folder is not on the path, the installed packages are.
    code = f"import sys; sys.path.insert(0, {str(base)!r}); from api.files import bundled_rulesets as b; print(b())"
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(result.stdout.strip()) == base / "rulesets"
