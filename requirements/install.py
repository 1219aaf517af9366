"""Bring `.venv` up to date with the lock files (for `peers` `.venv-peers`); does nothing when it is. Called by
`install.sh`.

Every package comes from a lock file by hash. What building from source needs (`build.txt`) goes in first and builds
run without isolation, because an isolated build would fetch its own tools past the hashes.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The peers that `make bench-peers` measures bring packages of their own, which nothing else here is to see.
VENV = ROOT / (".venv-peers" if sys.argv[1:] == ["peers"] else ".venv")
PYTHON = VENV / "bin" / "python"
# Present while packages change: an interrupted installation is started over, never trusted.
UNFINISHED = VENV / ".unfinished"
# The interpreter behind a `.venv` that may be removed below, so it is looked up now.
BASE = os.path.realpath(sys.executable)
LOCKS = {
    "run": ["build", "run"],
    "dev": ["build", "dev"],
    "lock": ["build", "dev", "lock"],
    "peers": ["build", "peers"],
}
# A wanted set is also there when a larger one is.
SATISFIED_BY = {"run": ["run", "dev", "lock"], "dev": ["dev", "lock"], "lock": ["lock"], "peers": ["peers"]}
BY_HASH = ["--quiet", "--require-hashes", "--no-build-isolation", "--only-binary", ":all:"]
# The only package without wheels. All others must have one: their build tools (Rust, …) are not locked.
FROM_SOURCE = "durable-rules"


def recipe(kind: str) -> str:
    """All that the content of `.venv` depends on; scripts in it hold absolute paths, so the folder counts too."""
    locks = [(ROOT / "requirements" / f"{name}.txt").read_text("utf-8") for name in LOCKS[kind]]
    return "\0".join([place(), packaging(), *locks])


def place() -> str:
    return "\0".join([str(ROOT), BASE, sys.version])


def packaging() -> str:
    """What the installation of the project itself depends on."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return json.dumps([pyproject["build-system"], pyproject["project"], pyproject["tool"]["hatch"]])


def stamp(kind: str) -> Path:
    return VENV / f".installed-{kind}"


def recorded(kind: str) -> str:
    path = stamp(kind)
    return path.read_text("utf-8") if path.is_file() else ""


def is_current(kind: str) -> bool:
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    return any(recorded(k) == recipe(k) for k in SATISFIED_BY[kind])


def hold_lock() -> int:
    """Wait until no other installation runs; the kernel frees the lock even after `kill -9`."""
    path = VENV.with_name(f"{VENV.name}.lock")
    told = False
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            if not told:
                print(f"waiting for another installation into {VENV.name}", flush=True)
                told = True
            time.sleep(0.2)
            continue
        # `make clean` may have removed the file between open and flock: then the lock guards nothing.
        try:
            if os.fstat(fd).st_ino == path.stat().st_ino:
                return fd
        except FileNotFoundError:
            pass
        os.close(fd)


def run(lock: int, *command: str | Path) -> int:
    """Run a program that holds the lock too: when only this process is killed, the next one waits for its child."""
    elsewhere = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return subprocess.run(command, cwd=ROOT, env=environment, pass_fds=[lock], check=False).returncode


def pip(lock: int, *arguments: str) -> None:
    # -I: no PYTHONPATH and no user site of the caller reaches the installation.
    if run(lock, PYTHON, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments) != 0:
        sys.exit(f"error: pip {arguments[0]} failed (see above); run the same target again once that is solved")


def install(kind: str, lock: int) -> None:
    compilers = [(os.environ.get("CC") or "cc").split()[0], "cc", "gcc", "clang"]
    if not any(shutil.which(name) for name in compilers):
        sys.exit(
            f"error: found no C compiler; {FROM_SOURCE} is built from source (on Debian: install gcc and libc6-dev)"
        )
    print(f"installing the locked packages into {VENV.name} ({kind}); the first time takes a minute", flush=True)
    made_here = any(recorded(k).startswith(place()) for k in LOCKS)
    sound = made_here and PYTHON.exists() and not UNFINISHED.exists()
    if VENV.exists() and not sound:
        shutil.rmtree(VENV)
    if not VENV.exists():
        VENV.mkdir()
        UNFINISHED.touch()
        if run(lock, BASE, "-I", "-m", "venv", VENV) != 0:
            sys.exit(f"error: could not make {VENV.name} (see above)")
    UNFINISHED.touch()
    for old in LOCKS:
        stamp(old).unlink(missing_ok=True)
    # The first of them brings pip itself, so that one version of it installs all the rest everywhere.
    pip(lock, "install", *BY_HASH, "--requirement", "requirements/build.txt")
    for name in LOCKS[kind][1:]:
        pip(lock, "install", *BY_HASH, "--no-binary", FROM_SOURCE, "--requirement", f"requirements/{name}.txt")
    # Only when it must be: a server may be starting from here while the tests' packages are added.
    if recorded("project") != packaging():
        pip(lock, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
        stamp("project").write_text(packaging(), "utf-8")
    stamp(kind).write_text(recipe(kind), "utf-8")
    UNFINISHED.unlink()
    # Packages come compiled, a checkout does not: where Python may write no bytecode, every start would compile it all.
    # A file that cannot be compiled is told by whoever imports it.
    run(lock, PYTHON, "-I", "-m", "compileall", "-q", "engine", "api")


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        sys.exit(f"usage: install.sh {'|'.join(LOCKS)}")
    kind = sys.argv[1]
    if is_current(kind):
        return
    lock = hold_lock()
    try:
        if not is_current(kind):
            # A smaller set asked for after a larger one must not drop what the larger one holds.
            larger = [k for k in SATISFIED_BY[kind] if stamp(k).is_file()]
            install(larger[-1] if larger else kind, lock)
    finally:
        os.close(lock)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; the next run starts the installation over")
