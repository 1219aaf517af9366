"""A fresh copy in a folder whose name has spaces: every target sets itself up, and Ctrl-C leaves no process."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.running import ROOT, STOP_S, Server, free_port, status_of, wait_until_ready

# The first time packages are installed.
SET_UP_S = 400.0
# One quick folder of tests: that the suite starts and runs is the point here.
SOME_TESTS = "ARGS=-q -k test_locks"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git would hand out, without anything that the targets made."""
    folder = tmp_path_factory.mktemp("house") / "a folder with spaces"
    made = shutil.ignore_patterns(".git", ".venv*", ".xueheng", ".*_cache", ".hypothesis", "__pycache__")

    def left_out(at: str, names: list[str]) -> set[str]:
        # At the top only: a package has this name too.
        return made(at, names) | ({"reports"} if Path(at) == ROOT else set())

    shutil.copytree(ROOT, folder, ignore=left_out)
    return folder


@pytest.fixture
def make(checkout: Path) -> Iterator[Callable[..., Server]]:
    """Start `make` in a session of its own, as a terminal would, so that what it leaves behind can be found."""
    # A runner that put us into the background made us ignore it, and so would our children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> Server:
        port = free_port()
        log = checkout.parent / f"make-{arguments[0]}-{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["make", *arguments],
                cwd=checkout,
                # Containers are often set up so; the set-up compiles all the same.
                env={**os.environ, "XUEHENG_PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return Server(f"http://127.0.0.1:{port}", process, log)

    yield start
    for process in started:
        if left_of(process, checkout):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def left_of(process: subprocess.Popen[bytes], checkout: Path) -> list[str]:
    """Command lines of the living processes in the session that `process` opened, or at home in the checkout.

    A database server leaves the session; its current folder is its data folder.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # After the name in brackets: state, parent, group, session.
            state, _, _, session = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()[:4]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            home = (folder / "cwd").readlink()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # It ended while we looked, or is another user's.
        if state != "Z" and (session == str(process.pid) or home.is_relative_to(checkout)):
            found.append(command)
    return found


def assert_all_ended(server: Server, checkout: Path) -> None:
    server.process.wait(STOP_S)
    deadline = time.monotonic() + STOP_S
    while (left := left_of(server.process, checkout)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    assert status_of(f"{server.url}/health/live") is None


def test_serve_and_test_from_a_fresh_copy_at_the_same_time(make: Callable[..., Server], checkout: Path) -> None:
    serving = make("serve")
    testing = make("test", SOME_TESTS)
    wait_until_ready(serving, SET_UP_S)
    assert testing.process.wait(SET_UP_S) == 0, testing.log.read_text("utf-8")[-3000:]
    assert " passed" in testing.log.read_text("utf-8")
    assert status_of(f"{serving.url}/v1/rulesets") == 200
    assert list((checkout / "engine" / "__pycache__").glob("registry.*.pyc"))
    # A terminal sends Ctrl-C to every process of the group.
    os.killpg(serving.process.pid, signal.SIGINT)
    assert_all_ended(serving, checkout)


def test_serve_again_is_quick_and_stops_when_make_is_stopped(make: Callable[..., Server], checkout: Path) -> None:
    serving = make("serve")
    wait_until_ready(serving)
    # To make alone this time, as a supervisor does.
    serving.process.terminate()
    assert_all_ended(serving, checkout)


def test_a_second_run_installs_nothing(make: Callable[..., Server]) -> None:
    again = make("test", SOME_TESTS)
    assert again.process.wait(SET_UP_S) == 0
    assert "installing" not in again.log.read_text("utf-8")


def test_a_moved_checkout_does_not_run_the_old_one(checkout: Path, tmp_path: Path) -> None:
    """Scripts in `.venv` hold absolute paths: a copy would otherwise run the code of the folder it came from."""
    moved = tmp_path / "moved"
    # The packages themselves are not looked at, and large.
    shutil.copytree(checkout, moved, symlinks=True, ignore=shutil.ignore_patterns("site-packages"))
    # What `make serve` runs before the server.
    command = ["sh", "requirements/install.sh", "run"]
    result = subprocess.run(command, cwd=moved, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "installing" in result.stdout
    assert str(moved) in (moved / ".venv" / "bin" / "xueheng").read_text("utf-8")


def test_no_usable_interpreter_is_said_plainly(checkout: Path, tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'shim: python3.12: command not found' >&2\nexit 127\n", "utf-8")
    shim.chmod(0o755)
    result = subprocess.run(
        ["make", "install", f"PYTHON={shim}"], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "found no Python 3.11 or 3.12" in result.stderr
    assert "shim: python3.12: command not found" in result.stderr
    assert "help: " in result.stderr
