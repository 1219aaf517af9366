"""What names mean where an expression stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from engine.check.ir import FactSpec, Parameter
from engine.diagnostics import Collector
from engine.load.documents import BaselineDoc
from engine.source import Text

__all__ = ["MAX_PARTS", "MAX_SCOPES", "Scope", "ScopeEntry"]

MAX_PARTS = 10_000
"""Most parts of one expression with its named scopes written out."""
MAX_SCOPES = 3
"""Most named scopes inside each other."""


@dataclass(frozen=True, slots=True)
class ScopeEntry:
    """A named condition of the dictionary, before it is expanded."""

    name: str
    subjects: tuple[str, ...]
    where: Text


@dataclass(slots=True)
class Scope:
    """Names for one expression of one subject.

    `place`: `when`, `require`, `derive`, `bound` or `where`, which decides what may stand there.
    """

    subjects: tuple[str, ...]
    facts: Mapping[str, FactSpec]
    named: Mapping[str, ScopeEntry]
    collector: Collector
    place: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    rules: frozenset[str] = frozenset()
    divisions: frozenset[str] = frozenset()
    baselines: Mapping[str, BaselineDoc] = field(default_factory=dict)
    windowed: bool = False
    expanding: tuple[str, ...] = ()
    parts_left: list[int] = field(default_factory=lambda: [MAX_PARTS])
    """One number, shared with the scopes inside: how many more parts the expression may have."""

    def inside(self, member: str, place: str) -> Scope:
        """The scope of an aggregate's inner expression, about members."""
        return Scope(
            (member,),
            self.facts,
            self.named,
            self.collector,
            place,
            expanding=self.expanding,
            parts_left=self.parts_left,
        )

    def expand(self, name: str) -> Scope:
        """The scope in which a named condition is read."""
        return Scope(
            self.subjects,
            self.facts,
            self.named,
            self.collector,
            self.place,
            expanding=(*self.expanding, name),
            parts_left=self.parts_left,
        )

    def baseline(self, fact: str) -> tuple[Fraction, date] | None:
        """The figure and day of a fact's baseline in this rule."""
        doc = self.baselines.get(fact)
        return (doc.value, doc.at) if doc else None
