"""How the served versions stand: published, retired, refused. A value, replaced as a whole when it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

from api.problems import Problem
from engine.registry import Library

__all__ = ["CHINA", "Standing", "Standings"]

CHINA = timezone(timedelta(hours=8))
"""The days of a retirement are those of the places that the plans are for: one zone, no summer time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database says of one version."""

    published_at: datetime
    retired_at: datetime | None = None
    sunset_at: datetime | None = None


@dataclass(frozen=True)
class Standings:
    """All versions: what stands in `published.csv` is published whatever the database says.

    `refused` says why a version is not served: what was published under its name is not what its files say.
    """

    recorded: frozenset[str] = frozenset()
    by_name: Mapping[str, Standing] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    retired: Mapping[str, date] = field(init=False, compare=False)
    """The day from which a version is no longer chosen."""

    def __post_init__(self) -> None:
        days = {n: s.retired_at.astimezone(CHINA).date() for n, s in self.by_name.items() if s.retired_at is not None}
        object.__setattr__(self, "retired", days)

    @classmethod
    def of_files(cls, library: Library) -> Standings:
        """What is known without a database."""
        return cls(frozenset(library.publications))

    def published(self, name: str) -> bool:
        """True when a version can never change."""
        return name in self.recorded or name in self.by_name

    def require_served(self, names: Iterable[str]) -> None:
        """Raise Problem `ruleset-refused` when one of the versions is not served."""
        if not self.refused:
            return
        for name in names:
            if name in self.refused:
                raise Problem("ruleset-refused", self.refused[name].split("\n", 1)[0])
