"""A process that owns an embedded PostgreSQL, for tests that end it or run it as someone else.

    owner_process.py DATA_DIR [UID BINARIES]

Prints one line of JSON when the server is ready and has answered a query, or `{"error": …}`. Goes on until its input
ends, then stops the server. With UID, root becomes that user first; every import comes before, and BINARIES names a
copy of the programs, since the interpreter and the checkout may lie where that user may not look.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import asyncpg

from api.store.embedded import EmbeddedPostgres
from api.store.errors import StoreError
from api.store.launcher.binaries import binaries_in


def tell(facts: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def ask(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


def main(data_dir: Path, uid: int | None, programs: Path | None) -> None:
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        os.environ["HOME"] = str(data_dir.parent)
    try:
        server = EmbeddedPostgres(data_dir, binaries=None if programs is None else binaries_in(programs))
        server.start()
    except StoreError as error:
        tell({"error": str(error)})
        return
    try:
        version = asyncio.run(ask(server.dsn))
        facts = {"pid": os.getpid(), "uid": os.geteuid(), "postgres": server.pid, "dsn": server.dsn, "version": version}
        tell(facts)
        sys.stdin.read()
    finally:
        server.stop()


if __name__ == "__main__":
    folder, *user = sys.argv[1:]
    main(Path(folder), int(user[0]) if user else None, Path(user[1]) if user else None)
