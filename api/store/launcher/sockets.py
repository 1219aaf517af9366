"""The private folder that holds PostgreSQL's socket."""

import os
import stat
import tempfile
from pathlib import Path

import structlog

from api.store.errors import EmbeddedPostgresError

__all__ = ["PORT", "SOCKET", "forget_short_folder", "renew_folder", "socket_folder"]

log = structlog.get_logger(__name__)

PORT = 5432  # part of the socket's name only: there is no TCP
SOCKET = f".s.PGSQL.{PORT}"
FOLDER = "postgres-socket"
RECORD = "postgres-socket.path"
SHORT_PREFIX = "xueheng-"
# `sun_path` holds 108 bytes with the final zero.
LONGEST_PATH_BYTES = 107
LONGEST_FOLDER_BYTES = LONGEST_PATH_BYTES - len(f"/{SOCKET}")


def socket_folder(data_dir: Path) -> Path:
    """A folder that only this user may enter: in `data_dir` if the path fits, else a short temporary one.

    The temporary one is recorded in `data_dir`, so that `forget_short_folder` finds it after any kind of end.
    Raises `EmbeddedPostgresError` where there is no place for one.
    """
    inside = data_dir / FOLDER
    if _usable(inside):
        renew_folder(inside)
        return inside
    for base in _short_bases():
        if len(os.fsencode(base)) + len("/") + len(SHORT_PREFIX) + 8 <= LONGEST_FOLDER_BYTES:
            short = Path(tempfile.mkdtemp(prefix=SHORT_PREFIX, dir=base))
            _write_private(data_dir / RECORD, str(short))
            return short
    raise EmbeddedPostgresError(
        f"the path {data_dir} is too long for a socket (over {LONGEST_FOLDER_BYTES} bytes), and there is no short "
        "temporary folder; set XUEHENG_DATA_DIR to a shorter path"
    )


def renew_folder(folder: Path) -> None:
    """Make `folder` where it is missing, close it to others where it was opened, remove what a dead server left in it.

    PostgreSQL takes any living process whose pid stands in a left lock file for a server, and refuses to start.
    Raises `EmbeddedPostgresError` when something of another user's stands in its place.
    """
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            raise EmbeddedPostgresError(f"{folder} is not a folder of this user; remove it and start again") from None
        if facts.st_mode & 0o077:
            folder.chmod(0o700)
        _remove_sockets(folder)


def forget_short_folder(data_dir: Path) -> None:
    """Remove the temporary folder that `socket_folder` recorded, if there is one."""
    record = data_dir / RECORD
    try:
        short = Path(record.read_text("utf-8"))
    except FileNotFoundError:
        return
    try:
        facts = short.lstat()
    except FileNotFoundError:
        pass  # whoever cleans temporary folders was first
    else:
        if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and short.name.startswith(SHORT_PREFIX):
            _remove_sockets(short)
            if any(short.iterdir()):
                log.warning("socket_folder_kept", folder=str(short), why="it holds files that are not ours")
            else:
                short.rmdir()
    record.unlink()


def _remove_sockets(folder: Path) -> None:
    for name in (SOCKET, f"{SOCKET}.lock"):
        (folder / name).unlink(missing_ok=True)


def _usable(folder: Path) -> bool:
    """Whether the folder's path can be given to PostgreSQL and to a driver: short, a text, and no list of several."""
    text = str(folder)
    return len(os.fsencode(folder)) <= LONGEST_FOLDER_BYTES and text.isprintable() and "," not in text


def _short_bases() -> list[Path]:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    bases = [Path(path) for path in (runtime, tempfile.gettempdir(), "/tmp") if path]
    return [base for base in bases if _safe_base(base) and _usable(base)]


def _safe_base(base: Path) -> bool:
    """Our own folder, or one where everybody may make files but nobody may rename ours."""
    try:
        facts = base.stat()
    except OSError:
        return False
    if not stat.S_ISDIR(facts.st_mode) or not base.is_absolute():
        return False
    own = facts.st_uid == os.geteuid() and not facts.st_mode & 0o022
    return own or facts.st_mode & 0o1003 == 0o1003


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
