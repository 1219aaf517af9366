"""What `GET` answers, as bytes with their entity tag, kept until the standings change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from api.services.catalogue import Catalogue
from api.services.plans import Plans
from api.services.standing import Standing, Standings

__all__ = ["Representation", "Representations"]

_KEPT = 64
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Representation:
    """A body, its strong entity tag (quoted, equal for equal bytes on every worker), and whose version it shows."""

    body: bytes
    etag: str
    standing: Standing | None


class Representations:
    """The catalogue on the wire. Every call raises Problem `not-found` for a name that does not exist."""

    def __init__(self, plans: Plans, catalogue: Catalogue) -> None:
        self._plans = plans
        self._catalogue = catalogue
        self._standings: Standings = plans.standings
        self._kept: dict[tuple[str | None, ...], Representation] = {}

    def rulesets(self) -> Representation:
        """All rulesets."""
        return self._get(("rulesets",), self._catalogue.rulesets)

    def ruleset(self, name: str) -> Representation:
        """`id`: all versions; `id@version`: one with its rules."""
        if "@" not in name:
            return self._get(("versions", name), lambda: self._catalogue.versions(name))
        return self._get(("ruleset", name), lambda: self._catalogue.ruleset(name), name)

    def clauses(self, name: str) -> Representation:
        """The ledger of a version, or of the newest one."""
        found = self._plans.library.find(name)
        shown = name if found is None else found.name
        return self._get(("clauses", shown), lambda: self._catalogue.clauses(shown), shown)

    def facts(self, subject: str | None, topic: str | None) -> Representation:
        """The dictionary, or the facts of a subject or topic. Raises Problem for a word that is neither."""
        return self._get(("facts", subject, topic), lambda: self._catalogue.facts(subject, topic))

    def _get(self, key: tuple[str | None, ...], make: Callable[[], object], version: str = "") -> Representation:
        if self._standings is not self._plans.standings:
            self._standings = self._plans.standings
            self._kept.clear()
        found = self._kept.get(key)
        if found is None:
            body = _encode(make())
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            found = Representation(body, etag, self._standings.by_name.get(version))
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = found
        return found
