"""A real PostgreSQL that this process starts, watches and stops.

The data lies in `<data_dir>/postgres`; clients of the same user connect through a socket in a private folder. There is
no TCP. With several worker processes only their parent starts it; the workers get `dsn`.
"""

import asyncio
import atexit
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import structlog

from api.store.errors import EmbeddedPostgresError
from api.store.launcher.account import check_entry, postgres_account
from api.store.launcher.binaries import Binaries, wheel_binaries
from api.store.launcher.cluster import DATABASE, ROLE, configure, create_cluster, environment, serve_command
from api.store.launcher.logfile import LogFile
from api.store.launcher.owner import FolderOwner
from api.store.launcher.processes import PID_FILE, end_processes, remove_stale_pid_file
from api.store.launcher.sockets import PORT, SOCKET, forget_short_folder, renew_folder, socket_folder

__all__ = ["EmbeddedPostgres", "connections_for"]

log = structlog.get_logger(__name__)

RESERVE = 12  # migrations, the command line, an operator's psql, and the three that PostgreSQL keeps for its superuser
READY_STEP_S = 0.01
TICK_S = 5.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
# A server that ran this long had a good start: the next death is met with the first pause again.
GOOD_RUN_S = 60.0
STATUS_LINE = 7  # of postmaster.pid, counted from 0


def connections_for(workers: int, pool_size: int) -> int:
    """`max_connections` that lets every worker fill its pool."""
    return workers * pool_size + RESERVE


class EmbeddedPostgres:
    """One PostgreSQL for one data folder.

    `async with EmbeddedPostgres(folder) as server:` or `with …:`, or `start` and `stop`. A server that dies is started
    again, after pauses that grow to `LONGEST_PAUSE_S`, until `stop`. A server left behind by an owner that was killed
    is stopped cleanly and started anew, with the settings and programs of this release.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        max_connections: int = 32,
        binaries: Binaries | None = None,
        start_timeout_s: float = 120.0,
        stop_timeout_s: float = 20.0,
    ) -> None:
        """`binaries` is for tests of other versions. The start may take long only when a crash left much to replay."""
        self.data_dir = Path(os.path.abspath(data_dir))
        self.cluster = self.data_dir / "postgres"
        self.log_file = LogFile(self.data_dir / "postgres.log")
        self.restarts = 0
        self._max_connections = max_connections
        self._binaries = binaries
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._guard = threading.RLock()
        self._owner: FolderOwner | None = None
        self._owner_pid = 0
        self._sockets: Path | None = None
        self._command: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._wake = -1
        self._watcher: threading.Thread | None = None

    @property
    def dsn(self) -> str:
        """Address of the database for asyncpg; the same for as long as this object runs, also over restarts."""
        return self.dsn_of(ROLE, DATABASE)

    def dsn_of(self, role: str, database: str) -> str:
        """Address for another role or database. Raises `EmbeddedPostgresError` before `start`."""
        if self._sockets is None:
            raise EmbeddedPostgresError("PostgreSQL has no address before it was started")
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self._sockets), safe='/')}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """Pid of PostgreSQL's first process, None while it is down."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def start(self) -> None:
        """Start it and wait until it accepts connections.

        Raises `FolderInUse` while another process owns the folder, `EmbeddedPostgresError` for all else that is wrong.
        """
        with self._guard:
            if self._owner is not None:
                raise EmbeddedPostgresError("this PostgreSQL is already started")
            if sys.platform != "linux":
                raise EmbeddedPostgresError(
                    "the embedded PostgreSQL is for Linux; set XUEHENG_DATABASE_URL to a PostgreSQL server of your own"
                )
            began = time.monotonic()
            self._make_data_dir()
            self._owner = FolderOwner(self.data_dir)
            self._owner_pid = os.getpid()
            self._stopping.clear()
            try:
                sockets = self._prepare()
                process = self._launch(sockets)
                self._owner.announce(self.dsn)
                self._wake = os.eventfd(0, os.EFD_CLOEXEC)
            except OSError as error:
                self._clean_up()
                raise EmbeddedPostgresError(
                    f"cannot start PostgreSQL in {self.data_dir}: {error}; "
                    "is the disk full, or are files there not yours?"
                ) from error
            except BaseException:
                self._clean_up()
                raise
            arguments = (process, sockets)
            self._watcher = threading.Thread(target=self._watch, args=arguments, name="postgres-watcher", daemon=True)
            self._watcher.start()
            atexit.register(self.stop)
            log.info("postgres_started", pid=self.pid, seconds=round(time.monotonic() - began, 3))

    def stop(self) -> None:
        """Shut it down fast and cleanly, and give the folder up. Does nothing when it is not started.

        In a process forked from the owner it does nothing either: the database is the parent's.
        """
        if self._owner_pid != os.getpid():
            return
        with self._guard:
            if self._owner is None:
                return
            atexit.unregister(self.stop)
            self._stopping.set()
            if self._watcher is not None:
                os.eventfd_write(self._wake, 1)
                self._watcher.join()
                os.close(self._wake)
                self._watcher = None
            self._clean_up()
            log.info("postgres_stopped")

    def _make_data_dir(self) -> None:
        # PostgreSQL's own files hold the path on a line of its own.
        if any(letter < " " for letter in str(self.data_dir)):
            raise EmbeddedPostgresError("the data folder's path holds control characters; set another XUEHENG_DATA_DIR")
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"cannot make the data folder {self.data_dir} ({error.strerror}); "
                "set XUEHENG_DATA_DIR to a folder that you can write"
            ) from error

    def _prepare(self) -> Path:
        """Everything up to the start of the process; returns the folder for the socket."""
        binaries = self._binaries or wheel_binaries()
        account = postgres_account()
        check_entry(account, Path(binaries.postgres), self.data_dir)
        create_cluster(self.cluster, binaries, account)
        orphans = end_processes(self.cluster, fast_s=self._stop_timeout_s)
        if orphans:
            log.warning("postgres_orphans_stopped", pids=orphans)
        forget_short_folder(self.data_dir)
        self._sockets = sockets = socket_folder(self.data_dir)
        configure(self.cluster, account, max_connections=self._max_connections)
        self._command = serve_command(self.cluster, binaries, account, sockets)
        return sockets

    def _launch(self, sockets: Path) -> subprocess.Popen[bytes]:
        """Start the process and wait until it is ready, or until someone calls `stop`."""
        # Children of one that crashed may live on for a moment.
        end_processes(self.cluster, fast_s=1.0)
        remove_stale_pid_file(self.cluster)
        renew_folder(sockets)
        self.log_file.bound()
        begin = self.log_file.size()
        output = self.log_file.open()
        try:
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment(),
                umask=0o077,
                # A Ctrl-C in the terminal is the service's to handle: it drains first, and stops the database last.
                start_new_session=True,
            )
        except OSError as error:
            raise EmbeddedPostgresError(f"cannot run {self._command[0]}: {error}") from error
        finally:
            os.close(output)
        deadline = time.monotonic() + self._start_timeout_s
        while not self._ready(process.pid) and not self._stopping.is_set():
            status = process.poll()
            late = time.monotonic() > deadline
            if status is not None or late:
                what = f"did not start within {self._start_timeout_s:.0f} s" if late else f"ended with status {status}"
                self._end()
                raise EmbeddedPostgresError(
                    f"PostgreSQL {what}; its log {self.log_file.path} says:\n{self.log_file.tail(begin)}"
                )
            time.sleep(READY_STEP_S)
        return process

    def _ready(self, pid: int) -> bool:
        try:
            lines = (self.cluster / PID_FILE).read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > STATUS_LINE and lines[0] == str(pid) and lines[STATUS_LINE].strip() == "ready"

    def _end(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(self._stop_timeout_s)
            except subprocess.TimeoutExpired:
                log.warning("postgres_stops_slowly", pid=process.pid)
        # Whatever is left: children, or one that ignored the signal.
        end_processes(self.cluster, fast_s=1.0)
        if process is not None:
            process.wait()

    def _clean_up(self) -> None:
        owner, self._owner = self._owner, None
        try:
            self._end()
            forget_short_folder(self.data_dir)
        finally:
            self._process = None
            self._sockets = None
            if owner is not None:
                owner.release()

    def _watch(self, process: subprocess.Popen[bytes], sockets: Path) -> None:
        pause_s = FIRST_PAUSE_S
        began = time.monotonic()
        while self._wait_for_death(process, sockets):
            if time.monotonic() - began > GOOD_RUN_S:
                pause_s = FIRST_PAUSE_S
            while True:
                if self._stopping.wait(pause_s):
                    return
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                try:
                    process = self._launch(sockets)
                except (EmbeddedPostgresError, OSError) as error:
                    log.error("postgres_restart_failed", error=str(error), next_try_s=pause_s)
                else:
                    break
            began = time.monotonic()
            self.restarts += 1
            log.info("postgres_restarted", pid=process.pid, restarts=self.restarts)

    def _wait_for_death(self, process: subprocess.Popen[bytes], sockets: Path) -> bool:
        """True when PostgreSQL must be started again, False when `stop` was called."""
        handle = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            poll.register(self._wake, select.POLLIN)
            while process.poll() is None:
                poll.poll(TICK_S * 1000)
                if self._stopping.is_set():
                    return False
                self._look_after_files(process, sockets)
        finally:
            os.close(handle)
        log.warning("postgres_died", status=process.returncode)
        return True

    def _look_after_files(self, process: subprocess.Popen[bytes], sockets: Path) -> None:
        try:
            self.log_file.bound()
            if process.poll() is None and not (sockets / SOCKET).exists():
                # Nobody can connect any more, and only a new start makes a new socket.
                log.warning("postgres_socket_gone", folder=str(sockets))
                self._end()
        except (EmbeddedPostgresError, OSError) as error:
            log.error("postgres_files_not_looked_after", error=str(error))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        start = asyncio.create_task(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(start)
        except asyncio.CancelledError:
            # A thread cannot be cancelled: let it come to its end, then undo it.
            await asyncio.wait([start])
            if start.exception() is None:
                await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))
