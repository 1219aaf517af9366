"""PostgreSQL 15, the oldest supported version, as Debian 12 packages it: launcher, migrations, queries, pool."""

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from api.store.embedded import EmbeddedPostgres
from api.store.launcher.binaries import Binaries, binaries_in
from api.store.migrate import migrate, read_migrations
from api.store.pool import open_database
from api.store.rulesets import DigestMoved, NewRuleset, PublishedRulesets, RetirementRefused

DEBIAN = Path("/usr/lib/postgresql/15/bin")

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres15() -> Binaries:
    """Where `pg_config` points, else where Debian puts it. Without it these tests fail: install postgresql-15."""
    places = [DEBIAN]
    if (program := shutil.which("pg_config")) is not None:
        answer = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=True)
        places.insert(0, Path(answer.stdout.strip()))
    found = [binaries_in(place) for place in places if (place / "postgres").is_file()]
    fifteen = [binaries for binaries in found if binaries.major == 15]
    assert fifteen, f"no PostgreSQL 15 in {places}; install the package postgresql-15"
    return fifteen[0]


def ruleset(closure: bytes) -> NewRuleset:
    def digest(content: bytes) -> str:
        return "sha256:" + hashlib.sha256(content).hexdigest()

    return NewRuleset(
        id="erdos",
        version="2021.1",
        digest=digest(closure),
        texts_digest=digest(b"texts"),
        semantics="1",
        closure=closure,
        texts=b"texts",
        document={"title": {"zh": "教育规划"}},
        authority="in_force",
        jurisdiction="150600",
        starts=None,
        period=(2021, 2025),
    )


async def test_all_of_storage(postgres15: Binaries, tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "数 据", binaries=postgres15) as server:
        assert await migrate(server.dsn) == tuple(migration.name for migration in read_migrations())
        assert await migrate(server.dsn) == ()
        async with await open_database(server.dsn) as database:
            assert str((await database.health()).server_version).startswith("15.")
            published = PublishedRulesets(database)
            stored = (await published.publish(ruleset(b"rules"))).stored
            assert not (await published.publish(ruleset(b"rules"))).new
            with pytest.raises(DigestMoved):
                await published.publish(ruleset(b"other"))
            day = datetime(2026, 11, 22, tzinfo=UTC)
            await published.retire("erdos", "2021.1", at=day, sunset_at=day + timedelta(days=9))
            with pytest.raises(RetirementRefused):
                await published.retire("erdos", "2021.1", at=day, sunset_at=day)
            assert [entry.digest for entry in await published.list()] == [stored.digest]
            for statement in ("UPDATE published_ruleset SET texts = 'x'", "DELETE FROM published_ruleset"):
                with pytest.raises(asyncpg.RestrictViolationError):
                    async with database.connection() as connection:
                        await connection.execute(statement)
            with pytest.raises(asyncpg.RestrictViolationError):
                async with database.connection() as connection:
                    await connection.execute("TRUNCATE published_ruleset")
