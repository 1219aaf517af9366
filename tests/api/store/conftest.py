"""Real PostgreSQL for every test of storage: one shared server, a schema of its own for each test."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from api.store.embedded import EmbeddedPostgres
from api.store.launcher.processes import end_processes, postgres_processes
from api.store.migrate import migrate
from api.store.pool import Database, open_database

OWNER = Path(__file__).with_name("owner_process.py")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
async def dsn(server: EmbeddedPostgres, numbers: Iterator[int]) -> str:
    """The address of an empty schema: as good as a database, and made in a hundredth of the time."""
    name = f"test_{next(numbers)}"
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
    finally:
        await connection.close()
    return f"{server.dsn}&search_path={name}"


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """A migrated database, and a pool of connections to it."""
    await migrate(dsn)
    async with await open_database(dsn) as database:
        yield database


@pytest.fixture(scope="session")
def long_lived_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster in it. Making one takes a second, copying it not much less."""
    folder = tmp_path_factory.mktemp("made") / "data"
    with EmbeddedPostgres(folder):
        pass
    return folder


@pytest.fixture
def data_dir(long_lived_data_dir: Path) -> Iterator[Path]:
    """A data folder that has seen the tests before this one, killed owners and all; this one leaves nothing running."""
    yield long_lived_data_dir
    assert not postgres_processes(long_lived_data_dir / "postgres")


@pytest.fixture
def own_data_dir(data_dir: Path, tmp_path: Path) -> Path:
    """A copy, for a test that breaks or moves it."""
    return shutil.copytree(data_dir, tmp_path / "data")


@dataclass
class Owner:
    """A process of `owner_process.py`, and what it printed."""

    process: subprocess.Popen[str]
    pid: int
    uid: int
    postgres: int
    dsn: str
    version: str

    def finish(self) -> None:
        """Let it stop its server and end."""
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0


StartOwner = Callable[..., Owner]


@pytest.fixture
def start_owner(data_dir: Path) -> Iterator[StartOwner]:
    """Start an owner of a data folder in a process of its own; what it leaves behind is ended after the test.

    It depends on `data_dir` so that this happens before that one looks for leftovers.
    """
    started: list[tuple[Path, subprocess.Popen[str]]] = []

    def start(folder: Path, *user: str, prefix: tuple[str, ...] = ()) -> Owner:
        command = [*prefix, sys.executable, str(OWNER), str(folder), *user]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append((folder, process))
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                said = json.loads(line)
                assert "error" not in said, said["error"]
                return Owner(process, **said)
        raise AssertionError(f"the owner ended with {process.wait()} and said nothing")

    yield start
    for folder, process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
        end_processes(folder / "postgres", fast_s=5)


@pytest.fixture
def public_tmp() -> Iterator[Path]:
    """A folder that every user may enter, on the way to it too; those of `tmp_path` are private."""
    folder = Path(tempfile.mkdtemp(prefix="xueheng test 学衡 "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def is_root() -> bool:
    return os.geteuid() == 0
