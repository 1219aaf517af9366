"""Rulesets as they are served: compiled, with their heads and verdicts ready to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from api.services.blanks import Blank, facts_by_rule
from api.services.following import Following
from api.services.standing import Standings
from api.tabular.names import Column
from api.wire.findings import Failures
from api.wire.shapes import Shape
from api.wire.verdicts import VerdictWriter, encode
from engine.backends.base import Context, ParameterValue
from engine.backends.missing import names_of
from engine.backends.plan import plan_of
from engine.check.ir import Citation, Program, Ruleset
from engine.citations.quotes import Quote
from engine.digests import SEMANTICS
from engine.facts import FactReader
from engine.registry import Library

__all__ = ["Chosen", "Plan", "Plans", "Selection", "authority_notices", "incorporated_json", "notices_on", "rule_ids"]

Pick = Callable[[str], Iterable[str]]
Published = Callable[[str], bool]
_KEPT_BLANKS = 512
_ANY_DAY = date(2020, 1, 1)
_AUTHORITY_NOTICES = {"consultation_draft": "consultation_draft", "unofficial_copy": "unofficial_copy"}


def authority_notices(ruleset: Ruleset, *, published: bool) -> list[str]:
    """What a reader must know about a ruleset whatever the day."""
    found = [notice for authority, notice in _AUTHORITY_NOTICES.items() if ruleset.document.authority == authority]
    if not published:
        found.append("unpublished")
    if ruleset.source == "facts_only":
        found.append("text_not_at_hand")
    return found


def notices_on(ruleset: Ruleset, on: date, *, published: bool) -> list[str]:
    """The notices of a ruleset on a day: the plan stays the yardstick after its period, and says so."""
    ended = ruleset.period is not None and on.year > ruleset.period[1]
    return [*(["plan_period_ended"] if ended else []), *authority_notices(ruleset, published=published)]


def incorporated_json(library: Library, standard: Ruleset, notices: list[str]) -> dict[str, object]:
    """A ruleset whose rules another one incorporates: which version, and what to know about it."""
    return {
        "id": standard.id,
        "version": standard.version,
        "digest": library.digests[standard.name][0],
        "authority": standard.document.authority,
        "notices": notices,
    }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules a request wants; None is all."""

    evidence: frozenset[str] | None = None
    topics: frozenset[str] | None = None
    force: frozenset[str] | None = None

    @classmethod
    def of(cls, evidence: Iterable[str] | None, topics: Iterable[str] | None, force: Iterable[str] | None) -> Selection:
        """A selection from the lists of a request."""
        return cls(*(None if words is None else frozenset(words) for words in (evidence, topics, force)))


def _pick(places: tuple[int, ...]) -> Pick:
    """What takes the codes at some places from the codes of all rules."""
    return itemgetter(*places) if places else lambda _: ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules of a program under a selection: their places, and those that outcomes count."""

    rules: tuple[int, ...]
    counted: tuple[int, ...]
    measured: tuple[int, ...]
    counted_codes: Pick
    measured_codes: Pick
    everything: bool
    """True when no rule was left out."""


class Plan:
    """One ruleset for one subject."""

    def __init__(self, library: Library, name: str, subject: str, quote: Quote, published: Published) -> None:
        self._library = library
        self._quote = quote
        self.ruleset = library.rulesets[name]
        self.name = name
        self.program: Program = library.program(name, subject)
        self.reader: FactReader = library.reader(subject)
        self.writer = VerdictWriter(self.program, quote)
        self.layout = plan_of(self.program).layout
        self._published = published
        self.choose = lru_cache(maxsize=256)(self._choose)
        self._kept_lacks = lru_cache(maxsize=16)(self._lacks)
        self._kept_head = lru_cache(maxsize=16)(self._head)
        self._blanks: dict[tuple[date, tuple[str, ...]], Blank] = {}
        self.facts_by_rule = facts_by_rule(self.program)
        # In their order, which is that of lists of derived facts.
        self.derived = tuple(name for name, spec in self.program.facts.items() if spec.derive is not None)
        self._digests = library.digests
        self.defaults: dict[str, ParameterValue] = {
            id_: p.default for id_, p in self.program.parameters.items() if p.default is not None
        }

    @cached_property
    def shape(self) -> Shape:
        """How this plan's records are decoded into columns."""
        return Shape(self.program, self.layout)

    @cached_property
    def failures(self) -> Failures:
        """Writes the failing rules of a batch."""
        return Failures(self.program, self.writer)

    def lacks(self, on: date) -> tuple[tuple[str, ...], npt.NDArray[np.object_]]:
        """All that a record can lack on a day, in the order in which it is listed, and the same as JSON."""
        return self._kept_lacks(on)

    def _lacks(self, on: date) -> tuple[tuple[str, ...], npt.NDArray[np.object_]]:
        names = names_of(self.program, on)
        # An array of objects: many are taken out of it at once.
        return names, np.array([encode(name) for name in names], dtype=object)

    @cached_property
    def following(self) -> Following:
        """What follows from this plan's verdicts and events."""
        return Following(self._library, self.ruleset, self.program, self._quote)

    def blank(self, context: Context) -> Blank:
        """What this plan says of a record without facts. Kept, unless the request set parameters."""
        if context.parameters != self.defaults:
            return Blank(self.program, context)
        key = (context.on, context.path)
        found = self._blanks.get(key)
        if found is None:
            found = Blank(self.program, context)
            if len(self._blanks) >= _KEPT_BLANKS:
                self._blanks.clear()
            self._blanks[key] = found
        return found

    def _choose(self, selection: Selection) -> Chosen:
        def wanted(words: frozenset[str] | None, word: str) -> bool:
            return words is None or word in words

        rules = tuple(
            i
            for i, rule in enumerate(self.program.rules)
            if wanted(selection.evidence, rule.evidence)
            and wanted(selection.topics, rule.topic)
            and wanted(selection.force, rule.force)
        )
        counted = tuple(i for i in rules if self.program.rules[i].force != "advisory")
        measured = tuple(i for i in counted if self.program.rules[i].evidence == "measured")
        return Chosen(rules, counted, measured, _pick(counted), _pick(measured), len(rules) == len(self.program.rules))

    def head(self, on: date) -> bytes:
        """The `ruleset` of a reply without its closing brace."""
        return self._kept_head(on, tuple(map(self._published, (self.name, *self.ruleset.standards))))

    def _head(self, on: date, published: tuple[bool, ...]) -> bytes:
        standards = [self._library.rulesets[name] for name in self.ruleset.standards]
        return encode(
            {
                "id": self.ruleset.id,
                "version": self.ruleset.version,
                "digest": self._digests[self.name][0],
                "semantics": SEMANTICS,
                "authority": self.ruleset.document.authority,
                "notices": notices_on(self.ruleset, on, published=published[0]),
                "incorporated": [
                    incorporated_json(self._library, standard, notices_on(standard, on, published=known))
                    for standard, known in zip(standards, published[1:], strict=True)
                ],
            }
        )[:-1]


def rule_ids(plan: Plan, selection: Selection) -> list[str]:
    """The wanted rules of a plan, in the order of codes."""
    return [plan.program.rules[i].id for i in plan.choose(selection).rules]


class Plans:
    """All plans, built on first use; `warm` builds them at start.

    `standings` is replaced as a whole when the database says something new. Who needs it twice keeps it.
    """

    def __init__(self, library: Library, quotes: dict[str, Quote]) -> None:
        self.library = library
        self.standings = Standings.of_files(library)
        self._quotes = quotes
        self._plans: dict[tuple[str, str], Plan] = {}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """What a column of a batch may hold, by its name."""
        # Here, because files of text are checked without Arrow.
        from api.wire.streams import known_columns

        return known_columns(self.library.dictionary.facts.values())

    def get(self, name: str, subject: str) -> Plan:
        """The plan of a ruleset (`id@version`) for a subject."""
        key = (name, subject)
        plan = self._plans.get(key)
        if plan is None:
            plan = Plan(self.library, name, subject, self.quote, self.published)
            self._plans[key] = plan
        return plan

    def quote(self, citation: Citation) -> str | None:
        """The words of a citation, of whatever ruleset: None where the original is not at hand."""
        quote = self._quotes.get(citation.ruleset)
        return None if quote is None else quote(citation)

    def published(self, name: str) -> bool:
        """True when the version is published and can never change."""
        return self.standings.published(name)

    def warm(self) -> None:
        """Build the plan of every subject that a ruleset has rules for, down to the first judgement."""
        for name, ruleset in self.library.rulesets.items():
            for subject in {subject for rule in ruleset.running for subject in rule.subjects}:
                plan = self.get(name, subject)
                Blank(plan.program, Context(ruleset.starts or _ANY_DAY, self.library.path(ruleset.jurisdiction)))
