"""The PostgreSQL processes of one cluster folder, found by what the kernel knows of them.

A pid in a file may be years old and belong to anyone by now. A process counts as ours only if its program is called
`postgres` and its working folder is the cluster: PostgreSQL's processes stay in their cluster for life.
"""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from api.store.errors import EmbeddedPostgresError

__all__ = ["PID_FILE", "end_processes", "postgres_processes", "remove_stale_pid_file"]

log = structlog.get_logger(__name__)

PID_FILE = "postmaster.pid"
IMMEDIATE_S = 6.0
KILL_S = 5.0
STEP_S = 0.02


def postgres_processes(cluster: Path) -> dict[int, int]:
    """pid → parent's pid of each PostgreSQL process that lives in `cluster`; zombies are not among them."""
    try:
        home = cluster.stat()
    except FileNotFoundError:
        return {}
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parent = _parent_if_in(int(name), home)
            if parent is not None:
                found[int(name)] = parent
    return found


def _parent_if_in(pid: int, home: os.stat_result) -> int | None:
    try:
        if not os.path.samestat(Path(f"/proc/{pid}/cwd").stat(), home):
            return None
        program = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
        # After the name, which may hold anything: state, parent.
        parent = int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None  # it ended meanwhile, is the kernel's, or belongs to someone else
    return parent if Path(program).name == "postgres" else None


def end_processes(cluster: Path, *, fast_s: float) -> list[int]:
    """End every PostgreSQL process of `cluster`: by a fast shutdown within `fast_s` seconds, else at once, else killed.

    Returns the pids that there were. Raises `EmbeddedPostgresError` if some are left even then.
    """
    first = postgres_processes(cluster)
    for number, patience_s in ((signal.SIGINT, fast_s), (signal.SIGQUIT, IMMEDIATE_S), (signal.SIGKILL, KILL_S)):
        processes = postgres_processes(cluster)
        if not processes:
            return sorted(first)
        # The postmaster tells its children itself; a child whose postmaster is dead hears it from us.
        heads = {pid for pid, parent in processes.items() if parent not in processes}
        _send(processes if number == signal.SIGKILL else heads, number, cluster)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not postgres_processes(cluster):
                return sorted(first)
            time.sleep(STEP_S)
        log.warning("postgres_ignores_signal", signal=number.name, pids=sorted(heads))
    left = sorted(postgres_processes(cluster))
    if left:
        raise EmbeddedPostgresError(
            f"PostgreSQL processes {left} in {cluster} do not end; end them by hand and start again"
        )
    return sorted(first)


def _send(pids: Iterable[int], number: signal.Signals, cluster: Path) -> None:
    home = cluster.stat()
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            # Looked at once more behind the handle: the pid cannot change hands between the look and the signal.
            if _parent_if_in(pid, home) is not None:
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            continue
        finally:
            os.close(handle)


def remove_stale_pid_file(cluster: Path) -> None:
    """Remove `postmaster.pid` when no PostgreSQL lives in `cluster`.

    PostgreSQL removes a dead one itself, but takes any living process with that pid for a PostgreSQL and refuses to
    start. Call it only while owning the data folder and after `postgres_processes` found none.
    """
    (cluster / PID_FILE).unlink(missing_ok=True)
