"""The lock files hold all of pyproject.toml by hash and nothing about where to download."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCKS = ["build", "run", "dev", "lock", "peers"]


def read_lock(path: Path) -> dict[str, str]:
    """Name → version."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", path.read_text("utf-8"), flags=re.MULTILINE))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="session")
def locks(root: Path) -> dict[str, dict[str, str]]:
    return {name: read_lock(root / "requirements" / f"{name}.txt") for name in LOCKS}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_hashes_and_versions_only(root: Path, name: str) -> None:
    entry = re.compile(r"[a-z0-9-]+==\S+( ; [^\\#]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+(    # via .*\n)?")
    text = (root / "requirements" / f"{name}.txt").read_text("utf-8")
    assert text
    assert entry.sub("", text) == ""
    assert "://" not in text


def test_every_dependency_is_locked(root: Path, locks: dict[str, dict[str, str]]) -> None:
    pyproject = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    wanted = {
        "build": pyproject["build-system"]["requires"] + pyproject["dependency-groups"]["build"],
        "run": pyproject["project"]["dependencies"],
        "dev": pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"],
        "lock": pyproject["dependency-groups"]["lock"],
        "peers": pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["peers"],
    }
    unmet = [
        f"{name}: {text}"
        for name, texts in wanted.items()
        for text in texts
        if (requirement := Requirement(text))
        and not requirement.specifier.contains(locks[name].get(normal(requirement.name), "0"), prereleases=True)
    ]
    assert not unmet


def test_the_locks_agree(locks: dict[str, dict[str, str]]) -> None:
    """A larger set holds the smaller one, so that installing it after the smaller one changes nothing."""
    assert locks["run"].items() <= locks["dev"].items()
    shared = [(name, version) for lock in locks.values() for name, version in lock.items()]
    assert len({name for name, _ in shared}) == len(set(shared))
