"""What a worker tells of itself without being asked: a scrape that reaches another worker must find it too."""

from __future__ import annotations

import asyncio

from api.observe.metrics import Metrics
from api.services.plans import Plans
from api.services.standing import Standings
from api.services.storekeeper import Storekeeper

__all__ = ["Gauges"]

PAUSE_S = 1.0
"""How old a gauge may be."""


class Gauges:
    """Keeps the gauges of one worker up to date while it runs."""

    def __init__(self, metrics: Metrics, plans: Plans, storekeeper: Storekeeper | None) -> None:
        self._metrics = metrics
        self._plans = plans
        self._storekeeper = storekeeper
        self._shown: Standings | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to tell. Called in the worker's loop, before it serves."""
        self._metrics.begin_worker()
        self._look()
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Tell no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(PAUSE_S)
            self._look()

    def _look(self) -> None:
        standings = self._plans.standings
        if standings is not self._shown:
            self._shown = standings
            self._metrics.serve(
                (name, ruleset.document.authority, standings.published(name))
                for name, ruleset in self._plans.library.rulesets.items()
                if name not in standings.refused
            )
        use = None if self._storekeeper is None else self._storekeeper.use()
        if use is not None:
            self._metrics.pool(use.open, use.free, use.limit)
