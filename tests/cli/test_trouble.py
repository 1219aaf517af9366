"""`xueheng check` when the machine fails it: full disks, files that cannot be read to the end, Ctrl-C."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

OPTIONS = ("--as-of", "2026-11-22", "--division", "150603", "--subject", "school")
ROOM = 40_000
"""Bytes that a file may have where disks are full: less than any output, more than what is read at start."""


@pytest.fixture
def start(rulesets: Path, data_dir: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the command in a process and session of its own; nothing of it outlives the test."""
    running: list[subprocess.Popen[bytes]] = []

    def call(file: Path, *options: str | Path, room: int | None = None, **more: object) -> subprocess.Popen[bytes]:
        def limited() -> None:
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        (tmp_path / "tmp").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "api.cli", "check", file, *OPTIONS, "--rulesets", rulesets, *options]
        process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=limited,  # noqa: PLW1509 - this process has no other thread while it forks
            **more,  # type: ignore[call-overload]  # what a test wants of standard output
        )
        running.append(process)
        return process

    yield call
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


Start = Callable[..., "subprocess.Popen[bytes]"]


def rows(path: Path, number: int) -> Path:
    path.write_text("id,primary_classes,小学最大班额\n" + "".join(f"s-{i},1,{40 + i % 20}\n" for i in range(number)))
    return path


def said(process: subprocess.Popen[bytes]) -> str:
    _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors
    return errors.decode()


def left_over(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.startswith((".o", "xueheng"))
    )


@pytest.mark.parametrize("name", ["o.ndjson", "o.txt", "o.parquet", "o.xlsx"])
def test_a_disk_that_is_full(start: Start, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("before")
    process = start(rows(tmp_path / "r.csv", 20_000), "-o", tmp_path / name, room=ROOM)
    message = said(process)
    assert process.returncode == 2
    assert f"Error: {tmp_path / name} cannot be written to the end: File too large" in message
    assert (tmp_path / name).read_text() == "before"
    assert left_over(tmp_path) == []


def test_the_archive_of_a_workbook_on_a_full_disk(start: Start, tmp_path: Path) -> None:
    """Rows fit where they wait, one sheet a file; the archive of all does not fit where it goes."""
    process = start(rows(tmp_path / "r.csv", 5), "-o", tmp_path / "o.xlsx", room=7_000)
    message = said(process)
    assert process.returncode == 2
    assert f"Error: {tmp_path / 'o.xlsx'} cannot be written to the end: File too large" in message
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("form", ["ndjson", "table"])
@pytest.mark.parametrize("number", [1, 20_000])
def test_standard_output_that_is_full(start: Start, tmp_path: Path, form: str, number: int) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(rows(tmp_path / "r.csv", number), "--format", form, stdout=full)
        message = said(process)
    assert process.returncode == 2
    assert "Error: standard output cannot be written to the end: No space left on device" in message


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet", "xlsx"])
def test_a_file_that_cannot_be_read(start: Start, kind: str) -> None:
    # Readable by its permissions; reading it fails.
    process = start(Path("/proc/self/mem"), "--input", kind, stdout=subprocess.DEVNULL)
    message = said(process)
    assert process.returncode == 2
    assert "/proc/self/mem: it " in message
    assert "Input/output error" in message or "Invalid argument" in message


@pytest.mark.parametrize("name", ["o.ndjson", "o.parquet", "o.xlsx"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle(start: Start, tmp_path: Path, name: str, number: int, code: int) -> None:
    (tmp_path / name).write_text("before")
    process = start(rows(tmp_path / "r.csv", 300_000), "-o", tmp_path / name)
    end = time.monotonic() + 60
    while not left_over(tmp_path) and time.monotonic() < end:
        time.sleep(0.02)
    assert left_over(tmp_path)
    os.killpg(process.pid, number)
    message = said(process)
    assert process.returncode == code
    assert (message == "stopped\n") == (number == signal.SIGINT)
    assert (tmp_path / name).read_text() == "before"
    assert left_over(tmp_path) == []
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_reader_that_goes_away(start: Start, tmp_path: Path) -> None:
    process = start(rows(tmp_path / "r.csv", 50_000), "--format", "ndjson", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b'{"ruleset"')
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr is not None
    assert process.stderr.read() == b""
