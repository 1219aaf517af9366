"""Keeps a worker and its database in step: tables, published versions, standings; heals by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

import structlog

from api.services.plans import Plans
from api.services.publishing import publish_recorded, read_standings
from api.store.errors import StoreError, StoreUnavailable, UnsupportedServer
from api.store.migrate import migrate
from api.store.pool import Database, PoolUse, open_database
from api.store.rulesets import PublishedRulesets

__all__ = ["Storekeeper", "Trouble"]

log = structlog.get_logger(__name__)

PAUSE_S = 2.0
"""Between two looks at the database: so soon all workers agree."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that keeps the server from being ready; `detail` is for an operator."""

    check: Literal["database", "migrations", "ruleset"]
    detail: str


class Storekeeper:
    """One worker's connections to the database at `dsn`, and what it last read there.

    `prepared`: somebody has migrated it just now. While the database is down, what was read last stays valid.
    """

    def __init__(self, dsn: str, plans: Plans, *, prepared: bool) -> None:
        self._dsn = dsn
        self._plans = plans
        self._prepared = prepared
        self._database: Database | None = None
        self._task: asyncio.Task[None] | None = None
        self._trouble: Trouble | None = None if prepared else Trouble("migrations", "the database was not prepared yet")

    async def start(self) -> None:
        """Open the pool, which connects when it is first used, and begin to look. Called in the worker's loop."""
        self._database = await open_database(self._dsn)
        self._task = asyncio.create_task(self._keep(self._database))

    async def stop(self) -> None:
        """Stop looking and close the pool."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._database is not None:
            await self._database.close()

    def use(self) -> PoolUse | None:
        """The connections of this worker's pool; None while there is none."""
        return None if self._database is None else self._database.use()

    async def troubles(self) -> list[Trouble]:
        """All that is wrong now, the database asked afresh; empty when the server is ready."""
        if self._database is None:
            return [Trouble("database", "the server is starting or stopping")]
        health = await self._database.health()
        if health.reason is not None:
            found = [Trouble("database", f"the database does not answer: {health.reason}")]
        else:
            found = [] if self._trouble is None else [self._trouble]
        return [*found, *(Trouble("ruleset", text) for text in self._plans.standings.refused.values())]

    async def _keep(self, database: Database) -> None:
        rulesets = PublishedRulesets(database)
        if self._prepared:
            await asyncio.sleep(PAUSE_S)
        while True:
            await self._look(rulesets)
            await asyncio.sleep(PAUSE_S)

    async def _look(self, rulesets: PublishedRulesets) -> None:
        try:
            if not self._prepared:
                await migrate(self._dsn)
                self._prepared = True
            await publish_recorded(rulesets, self._plans.library)
            standings = await read_standings(rulesets, self._plans.library, self._plans.standings)
        except (StoreUnavailable, UnsupportedServer) as error:
            self._note(Trouble("database", str(error)))
        except StoreError as error:
            self._prepared = False
            self._note(Trouble("migrations", str(error)))
        except Exception as error:  # noqa: BLE001 - whatever a database answers, the next look may find it mended
            # Tables that are gone, a right that was withdrawn: migrating again puts right what can be.
            self._prepared = False
            self._note(Trouble("migrations", f"{type(error).__name__}: {error}"))
        else:
            self._note(None)
            if standings != self._plans.standings:
                self._plans.standings = standings
                log.info("rulesets_changed", published=sorted(standings.by_name), refused=sorted(standings.refused))

    def _note(self, trouble: Trouble | None) -> None:
        if trouble != self._trouble:
            if trouble is None:
                log.info("database_in_step")
            else:
                log.warning("database_out_of_step", check=trouble.check, detail=trouble.detail)
        self._trouble = trouble
