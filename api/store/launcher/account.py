"""Under which account PostgreSQL runs.

PostgreSQL refuses to run as root, and looks its own user up by name. An ordinary user with a name runs it as is. Root,
and a user without a name (as containers have them), runs it in a user namespace, where the same user appears under
another number: no account is created and no file changes hands, since outside the namespace nothing differs.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from api.store.errors import EmbeddedPostgresError

__all__ = ["Account", "check_entry", "postgres_account"]

OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")
NO_ENTRY = 3
INSTEAD = (
    "start it as an ordinary user with a name in the user database, "
    "or set XUEHENG_DATABASE_URL to a PostgreSQL server of your own"
)


@dataclass(frozen=True, slots=True)
class Account:
    """`name` is what PostgreSQL calls its own user; `prefix` stands before each of its commands."""

    name: str
    prefix: tuple[str, ...] = ()


def postgres_account(uid: int | None = None) -> Account:
    """The account for user `uid`, by default the effective user.

    Raises `EmbeddedPostgresError` where a namespace is needed and this machine grants none.
    """
    uid = os.geteuid() if uid is None else uid
    if uid != 0:
        try:
            return Account(pwd.getpwuid(uid).pw_name)
        except KeyError:
            why = f"PostgreSQL needs a user with a name, and user {uid} has none"
    else:
        why = "PostgreSQL does not run as root"
    program = shutil.which("unshare")
    if program is None:
        raise EmbeddedPostgresError(f"{why}, and the program `unshare`, which helps, is not installed; {INSTEAD}")
    name, prefix = _namespace(program, uid, why)
    try:
        trial = subprocess.run(
            [*prefix, "true"], capture_output=True, text=True, errors="replace", check=False, timeout=30
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{why}, and `unshare` failed ({error}); {INSTEAD}") from error
    if trial.returncode != 0:
        said = trial.stderr.strip() or f"exit status {trial.returncode}"
        raise EmbeddedPostgresError(f"{why}, and this machine grants it no user namespace ({said}); {INSTEAD}")
    return Account(name, prefix)


def _namespace(program: str, uid: int, why: str) -> tuple[str, tuple[str, ...]]:
    # Every user outside the namespace appears in it under the overflow number: whoever has that name could be anyone,
    # so PostgreSQL must not trust it.
    anyone = int(OVERFLOW_UID.read_text("ascii"))
    for entry in pwd.getpwall():
        if entry.pw_uid not in {0, anyone, uid}:
            prefix = (program, "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_uid}", "--")
            return pwd.getpwuid(entry.pw_uid).pw_name, prefix
    raise EmbeddedPostgresError(f"{why}, and the user database has no other name to show it under; {INSTEAD}")


def check_entry(account: Account, program: Path, folder: Path) -> None:
    """Raise `EmbeddedPostgresError` unless `account` may run `program` and write in `folder`.

    Inside a namespace root has no rights over other users' folders, so a private folder on the way shuts it out.
    """
    if not account.prefix:
        return
    script = f'{{ test -x "$1" && test -w "$2" && test -x "$2"; }} || exit {NO_ENTRY}'
    command = [*account.prefix, "sh", "-c", script, "sh", str(program), str(folder)]
    trial = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=30, cwd="/")
    if trial.returncode == NO_ENTRY:
        closed = [str(path) for path in (*_closed(program), *_closed(folder))]
        raise EmbeddedPostgresError(
            f"as root PostgreSQL runs without root's right to enter other users' folders, and it needs {program} and "
            f"{folder}; closed on the way: {', '.join(dict.fromkeys(closed)) or 'unknown'}; run as the user who owns "
            "these folders, set XUEHENG_DATA_DIR to a folder of root's, or set XUEHENG_DATABASE_URL"
        )
    if trial.returncode != 0:
        raise EmbeddedPostgresError(
            f"cannot look at {folder} from a user namespace ({trial.stderr.strip()}); {INSTEAD}"
        )


def _closed(path: Path) -> list[Path]:
    closed = []
    for folder in path.parents:
        facts = folder.stat()
        if facts.st_uid == os.geteuid():
            entry = facts.st_mode & 0o100
        elif facts.st_gid == os.getegid():
            entry = facts.st_mode & 0o010
        else:
            entry = facts.st_mode & 0o001
        if not entry:
            closed.append(folder)
    return closed
