"""What the embedded PostgreSQL promises to the machine it runs on."""

import asyncio
import contextlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.store.embedded import EmbeddedPostgres, connections_for
from api.store.errors import EmbeddedPostgresError, FolderInUse
from api.store.launcher.binaries import wheel_binaries
from api.store.launcher.processes import postgres_processes

ORDINARY_UID = 1000
LISTEN = "0A"

pytestmark = pytest.mark.anyio


async def ask(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def permissions(folder: Path, ours: Path) -> dict[str, tuple[int, int, int]]:
    """Mode, owner and group of each folder above `folder`, and of all that lies beside them from `ours` on down.

    What lies beside `ours` itself belongs to others, who may change it meanwhile.
    """
    seen = {}
    for parent in folder.parents:
        for path in (parent, *(parent.iterdir() if parent.is_relative_to(ours) else ())):
            facts = path.lstat()
            seen[str(path)] = (facts.st_mode, facts.st_uid, facts.st_gid)
    return seen


def listening_inodes() -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes


def open_files(pid: int) -> set[str]:
    return {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}


async def test_a_path_with_spaces_and_chinese(tmp_path: Path) -> None:
    folder = tmp_path / "数据 of the 学衡, \"quoted\" & 'more' $HOME %s"
    async with EmbeddedPostgres(folder) as server:
        assert (await ask(server.dsn, "SHOW server_version")).startswith("18.")
        assert await ask(server.dsn, "SELECT current_user || current_database()") == "xueheng" * 2
        assert await ask(server.dsn, "SELECT upper('é') || length('学衡')") == "É2"
    assert not postgres_processes(folder / "postgres")


async def test_everything_in_the_data_folder_is_private(server: EmbeddedPostgres) -> None:
    opened = [
        path
        for path in (server.data_dir, *server.data_dir.rglob("*"))
        if not path.is_symlink() and path.name != ".s.PGSQL.5432" and path.stat().st_mode & 0o077
    ]
    assert not opened


async def test_nothing_listens_on_the_network(server: EmbeddedPostgres) -> None:
    processes = postgres_processes(server.cluster)
    assert server.pid in processes
    assert not set().union(*(open_files(pid) for pid in processes)) & listening_inodes()
    assert await ask(server.dsn, "SHOW listen_addresses") == ""


async def test_it_leaves_the_callers_terminal(server: EmbeddedPostgres) -> None:
    assert server.pid is not None
    assert os.getsid(server.pid) != os.getsid(0)


async def test_it_keeps_what_was_committed_safe(server: EmbeddedPostgres) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert await ask(server.dsn, f"SHOW {setting}") == "on"


async def test_the_service_is_no_superuser(server: EmbeddedPostgres) -> None:
    assert await ask(server.dsn, "SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user")


async def test_the_log_shows_no_rows(server: EmbeddedPostgres) -> None:
    begin = server.log_file.size()
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute("CREATE TEMPORARY TABLE pupil (name text UNIQUE CHECK (name <> 'Li Ming'))")
        for name in ("Li Ming", "Wang Fang", "Wang Fang"):
            with contextlib.suppress(asyncpg.IntegrityConstraintViolationError):
                await connection.execute("INSERT INTO pupil VALUES ($1)", name)
    finally:
        await connection.close()
    said = server.log_file.tail(begin)
    assert "violates check constraint" in said
    assert "violates unique constraint" in said
    assert "Wang" not in said
    assert "INSERT INTO pupil VALUES ($1)" in said


async def test_room_for_every_pool(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, max_connections=connections_for(3, 7)) as server:
        assert int(await ask(server.dsn, "SHOW max_connections")) > 3 * 7


async def test_permissions_outside_stay_as_they_were(public_tmp: Path) -> None:
    folder = public_tmp / "a" / "data"
    for beside in (folder.parent, public_tmp / "beside", folder.parent / "beside"):
        beside.mkdir(mode=0o751)
    before = permissions(folder, public_tmp)
    async with EmbeddedPostgres(folder) as server:
        await ask(server.dsn, "SELECT 1")
        during = permissions(folder, public_tmp)
    after = permissions(folder, public_tmp)
    private = (stat.S_IFDIR | 0o700, os.geteuid(), os.getegid())
    assert during == after == {**before, str(folder): private}


def test_a_data_folder_that_exists_keeps_its_mode(data_dir: Path) -> None:
    data_dir.chmod(0o755)
    (data_dir / "postgres-socket").chmod(0o755)
    with EmbeddedPostgres(data_dir):
        assert stat.S_IMODE((data_dir / "postgres-socket").stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o755
    data_dir.chmod(0o700)


async def test_only_our_own_user_gets_in(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as server:
        for role in ("nobody", "root"):
            with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
                await asyncpg.connect(server.dsn_of(role, "postgres"))


def test_another_user_stays_out_even_with_the_folders_open(public_tmp: Path, is_root: bool, own_data_dir: Path) -> None:
    # Only root can become someone else; for others the kernel's closed folder is all there is to test.
    folder = shutil.move(own_data_dir, public_tmp / "data")
    with EmbeddedPostgres(folder):
        if not is_root:
            assert stat.S_IMODE((folder / "postgres-socket").stat().st_mode) == 0o700
            return
        folder.chmod(0o755)
        (folder / "postgres-socket").chmod(0o755)
        (folder / "postgres-socket" / ".s.PGSQL.5432").chmod(0o777)
        answers = {uid: speak_as(uid, str(folder / "postgres-socket" / ".s.PGSQL.5432")) for uid in (0, 1, 1000, 65534)}
    assert answers[0].startswith(b"R\0\0\0\x08\0\0\0\0")  # authentication is complete
    for uid in (1, 1000, 65534):
        assert b"Peer authentication failed" in answers[uid], uid


def speak_as(uid: int, path: str) -> bytes:
    """The first answer to a greeting as role `xueheng`, from a process of user `uid`."""
    script = (
        "import os, socket, struct, sys\n"
        "os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))\n"
        "body = struct.pack('!i', 196608) + b'user\\0xueheng\\0database\\0xueheng\\0\\0'\n"
        "link = socket.socket(socket.AF_UNIX); link.connect(sys.argv[2])\n"
        "link.sendall(struct.pack('!i', len(body) + 4) + body)\n"
        "sys.stdout.buffer.write(link.recv(4096))\n"
    )
    return subprocess.run([sys.executable, "-c", script, str(uid), path], stdout=subprocess.PIPE, check=True).stdout


def test_as_root(start_owner: Callable[..., Any], public_tmp: Path, is_root: bool) -> None:
    # Whoever is not root is root in a namespace of its own.
    owner = start_owner(public_tmp / "data", prefix=() if is_root else ("unshare", "--map-root-user", "--"))
    assert owner.uid == 0
    assert owner.version.startswith("18.")
    assert "\nCapEff:\t0000000000000000\n" in Path(f"/proc/{owner.postgres}/status").read_text("ascii")
    owner.finish()


def test_as_an_ordinary_user(start_owner: Callable[..., Any], public_tmp: Path, is_root: bool) -> None:
    home = public_tmp / "home"
    home.mkdir(mode=0o700)
    user: tuple[str, ...] = ()
    if is_root:
        os.chown(home, ORDINARY_UID, ORDINARY_UID)
        # As the wheel lays them out: programs, and beside the package the libraries they look for.
        installed = wheel_binaries().folder.parent
        package = installed.parent
        programs = shutil.copytree(installed, public_tmp / package.name / installed.name)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.with_name(libraries), public_tmp / libraries)
        user = (str(ORDINARY_UID), str(programs / "bin"))
    owner = start_owner(home / "data", *user)
    assert owner.uid == (ORDINARY_UID if is_root else os.geteuid())
    assert owner.version.startswith("18.")
    assert (home / "data" / "postgres").stat().st_uid == owner.uid
    owner.finish()


def test_a_second_owner_is_told_the_first(start_owner: Callable[..., Any], data_dir: Path) -> None:
    owner = start_owner(data_dir)
    with pytest.raises(FolderInUse, match=f"in use by process {owner.pid}.*XUEHENG_DATA_DIR") as refusal:
        EmbeddedPostgres(data_dir).start()
    assert refusal.value.pid == owner.pid
    assert refusal.value.dsn == owner.dsn
    # The refused one left the first alone, and can reach its database.
    assert asyncio.run(ask(owner.dsn, "SELECT 1")) == 1
    owner.finish()
    with EmbeddedPostgres(data_dir):
        pass


def test_the_same_process_is_refused_too(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir), pytest.raises(FolderInUse, match=str(os.getpid())):
        EmbeddedPostgres(data_dir).start()


def test_a_killed_owner_hinders_nothing(start_owner: Callable[..., Any], data_dir: Path) -> None:
    owner = start_owner(data_dir)
    asyncio.run(ask(owner.dsn, "CREATE TABLE kept AS SELECT 7 AS seven"))
    owner.process.kill()
    owner.process.wait()
    assert owner.postgres in postgres_processes(data_dir / "postgres")
    began = time.monotonic()
    with EmbeddedPostgres(data_dir) as server:
        assert time.monotonic() - began < 3
        assert owner.postgres not in postgres_processes(data_dir / "postgres")
        assert asyncio.run(ask(server.dsn, "SELECT seven FROM kept")) == 7


def test_all_killed_at_once_hinders_nothing(start_owner: Callable[..., Any], data_dir: Path) -> None:
    owner = start_owner(data_dir)
    asyncio.run(ask(owner.dsn, "CREATE TABLE kept_too AS SELECT 7 AS seven"))
    owner.process.kill()
    for pid in postgres_processes(data_dir / "postgres"):
        with contextlib.suppress(ProcessLookupError):  # children go with the first
            os.kill(pid, 9)
    owner.process.wait()
    began = time.monotonic()
    with EmbeddedPostgres(data_dir) as server:
        assert time.monotonic() - began < 3
        assert asyncio.run(ask(server.dsn, "SELECT seven FROM kept_too")) == 7


def test_a_worker_that_outlives_the_owner_does_not_hold_the_folder(data_dir: Path) -> None:
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from api.store.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start()\n"
        "worker = os.fork()\n"
        "if worker == 0:\n"
        "    server.stop()\n"  # not its to stop
        "    time.sleep(60)\n"
        "    os._exit(0)\n"
        "print('worker', worker, flush=True)\n"
        "sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, data_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    worker = next(int(line.split()[1]) for line in owner.stdout if line.startswith("worker"))
    try:
        time.sleep(0.1)
        assert postgres_processes(data_dir / "postgres")
        owner.kill()
        owner.wait()
        with EmbeddedPostgres(data_dir) as server:
            assert asyncio.run(ask(server.dsn, "SELECT 1")) == 1
    finally:
        os.kill(worker, 9)
        owner.kill()
        owner.communicate()


@pytest.fixture
def bystander(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with PostgreSQL, though it stands in its folder."""
    process = subprocess.Popen(["sleep", "60"], cwd=data_dir / "postgres")
    yield process
    process.kill()
    process.wait()


def test_a_reused_pid_is_left_alone(data_dir: Path, bystander: subprocess.Popen[bytes]) -> None:
    lines = [str(bystander.pid), str(data_dir / "postgres"), "1700000000", "5432", str(data_dir), "", " 1 1", "ready"]
    (data_dir / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    sockets = data_dir / "postgres-socket"
    sockets.mkdir(mode=0o700, exist_ok=True)
    (sockets / ".s.PGSQL.5432.lock").write_text("\n".join(lines) + "\n")
    with EmbeddedPostgres(data_dir) as server:
        assert asyncio.run(ask(server.dsn, "SELECT 1")) == 1
    assert bystander.poll() is None


def test_a_path_too_long_for_a_socket(own_data_dir: Path, tmp_path: Path, start_owner: Callable[..., Any]) -> None:
    (tmp_path / ("长" * 40)).mkdir()
    folder = own_data_dir.rename(tmp_path / ("长" * 40) / "data")
    with EmbeddedPostgres(folder) as server:
        sockets = Path((folder / "postgres-socket.path").read_text("utf-8"))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert len(str(sockets)) < 60
        assert asyncio.run(ask(server.dsn, "SELECT 1")) == 1
    assert not sockets.exists()
    owner = start_owner(folder)
    left = Path((folder / "postgres-socket.path").read_text("utf-8"))
    owner.process.kill()
    owner.process.wait()
    assert left.exists()
    with EmbeddedPostgres(folder):
        assert not left.exists()


def test_the_callers_settings_for_other_servers_do_not_matter(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"PGPORT": "1", "PGDATA": "/nowhere", "PGDATESTYLE": "german", "PGHOST": "db", "LC_ALL": "xx_YY.UTF-8"}
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(data_dir) as server:
        assert asyncio.run(ask(server.dsn, "SELECT date '2026-11-22'::text")) == "2026-11-22"


def test_half_a_cluster_of_a_killed_start_is_removed(data_dir: Path) -> None:
    half = data_dir / "postgres.new-x"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data_dir):
        assert not half.exists()


async def test_a_cancelled_start_is_undone(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.005), server:
            pytest.fail("it started in no time")
    assert not postgres_processes(data_dir / "postgres")
    async with server:
        assert await ask(server.dsn, "SELECT 1") == 1


def test_stopping_twice_and_starting_again(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.stop()
    server.start()
    with pytest.raises(EmbeddedPostgresError, match="already started"):
        server.start()
    server.stop()
    server.stop()
    assert server.pid is None
    server.start()
    server.stop()


def test_the_end_of_the_process_stops_it(data_dir: Path) -> None:
    script = "import sys; from pathlib import Path; from api.store.embedded import EmbeddedPostgres\n"
    script += "EmbeddedPostgres(Path(sys.argv[1])).start()\n"
    subprocess.run([sys.executable, "-c", script, data_dir], check=True, stdout=subprocess.DEVNULL)
    assert not postgres_processes(data_dir / "postgres")
    assert "database system is shut down" in (data_dir / "postgres.log").read_text("utf-8")
