"""The folder that PostgreSQL keeps its data in: made whole or not at all, configured anew at every start."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import structlog

from api.store.errors import EmbeddedPostgresError
from api.store.launcher.account import Account
from api.store.launcher.binaries import Binaries
from api.store.launcher.sockets import PORT

__all__ = ["DATABASE", "ROLE", "SUPERUSER", "configure", "create_cluster", "environment", "serve_command"]

log = structlog.get_logger(__name__)

ROLE = "xueheng"  # owns the database, and is no superuser: what works here works on a server of the operator's own
DATABASE = "xueheng"
SUPERUSER = "postgres"
NEW_PREFIX = "postgres.new-"
CREATE_TIMEOUT_S = 300.0
# Versions from 17 bring UTF-8 rules of their own; before, `C` compares the same way, by code point.
BUILTIN_LOCALE_SINCE = 17

SETTINGS = """\
# Written anew at every start. Your own settings go into postgresql.auto.conf, by ALTER SYSTEM.
max_connections = {max_connections}
shared_buffers = 64MB
wal_level = minimal
max_wal_senders = 0
# A small log is replayed quickly after a crash.
max_wal_size = 256MB
# The cores belong to the workers of the service.
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
# The detail of an error may show a row, and a row may be about people.
log_error_verbosity = terse
"""


def environment() -> dict[str, str]:
    """The variables PostgreSQL's programs see: none of the caller's `PG…`, which would change what they do."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def create_cluster(cluster: Path, binaries: Binaries, account: Account) -> None:
    """Make `cluster` with the role and the database, unless it exists.

    Call it only while owning the data folder. Raises `EmbeddedPostgresError` when the folder holds something else, was
    made by another major version, or cannot be made.
    """
    _remove_unfinished(cluster.parent)
    if cluster.is_dir() and any(cluster.iterdir()):
        _check_version(cluster, binaries)
        return
    # Under another name until it is whole, so that an end at any moment leaves no half a cluster.
    new = Path(tempfile.mkdtemp(prefix=NEW_PREFIX, dir=cluster.parent))
    locale = ["--locale=C"]
    if binaries.major >= BUILTIN_LOCALE_SINCE:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    fixed = [f"--pgdata={new}", "--encoding=UTF8", f"--username={SUPERUSER}", "--auth-local=peer", "--auth-host=reject"]
    try:
        _run([*account.prefix, binaries.initdb, *fixed, *locale, "--no-instructions", "--no-clean"], "")
        _run(
            [*account.prefix, binaries.postgres, "--single", "-D", str(new), "-c", "log_checkpoints=off", "postgres"],
            f"CREATE ROLE {ROLE} LOGIN;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n",
        )
    except EmbeddedPostgresError:
        shutil.rmtree(new, ignore_errors=True)
        raise
    new.rename(cluster)
    _flush_folder(cluster.parent)


def _remove_unfinished(data_dir: Path) -> None:
    for folder in data_dir.glob(f"{NEW_PREFIX}*"):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            # The initdb of an owner killed a moment ago may still be writing; the next start removes it.
            log.warning("unfinished_cluster_kept", folder=str(folder), error=str(error))


def _check_version(cluster: Path, binaries: Binaries) -> None:
    try:
        major = (cluster / "PG_VERSION").read_text("ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        raise EmbeddedPostgresError(f"{cluster} holds no PostgreSQL data; move it away and start again") from None
    if major != str(binaries.major):
        raise EmbeddedPostgresError(
            f"the data in {cluster} belongs to PostgreSQL {major}, and this release brings {binaries.major}; "
            f"dump it with the release that wrote it and restore it into an empty XUEHENG_DATA_DIR, "
            f"or set XUEHENG_DATABASE_URL to a PostgreSQL {major} server"
        )


def _run(command: list[str], sql: str) -> None:
    program = "single-user PostgreSQL" if sql else "initdb"
    try:
        done = subprocess.run(
            command,
            input=sql.encode(),
            capture_output=True,
            check=False,
            timeout=CREATE_TIMEOUT_S,
            cwd="/",
            env=environment(),
            umask=0o077,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedPostgresError(f"{program} did not finish: {error}") from error
    said = done.stderr.decode("utf-8", "replace")
    # Single-user mode goes on after an error and ends with status 0.
    if done.returncode != 0 or "ERROR:" in said:
        raise EmbeddedPostgresError(
            f"{program} failed with exit status {done.returncode}; is the disk full or read-only? It said:\n"
            + "\n".join(said.strip().splitlines()[-15:])
        )


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def configure(cluster: Path, account: Account, *, max_connections: int) -> None:
    """Write the settings and who may connect: `account`'s own user, through the socket, and nobody else."""
    name = account.name.replace('"', '""')
    files = {
        "postgresql.conf": SETTINGS.format(max_connections=max_connections),
        "pg_hba.conf": "local all all peer map=owner\n",
        "pg_ident.conf": "".join(f'owner "{name}" {role}\n' for role in (ROLE, SUPERUSER)),
    }
    for file, text in files.items():
        path = cluster / file
        path.write_text(text, "utf-8")
        path.chmod(0o600)


def serve_command(cluster: Path, binaries: Binaries, account: Account, sockets: Path) -> list[str]:
    """The command that serves `cluster`. What no setting of the operator may change stands here, not in the file."""
    quoted = str(sockets).replace('"', '""')
    fixed = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "fsync": "on",
        "full_page_writes": "on",
        "log_destination": "stderr",
        "logging_collector": "off",
    }
    options = [part for name, value in fixed.items() for part in ("-c", f"{name}={value}")]
    return [*account.prefix, binaries.postgres, "-D", str(cluster), *options]
