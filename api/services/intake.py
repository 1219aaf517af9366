"""Records of a batch as they come → groups that are judged together, each decoded by the shape of its plan.

Most records of a batch are of the kind of the one before, so that kind is tried first. A record that its shape
refuses is read by itself, which says what is wrong with it or takes what a shape does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from api.problems import Problem
from api.services.evaluate import read_record_facts
from api.services.families import Family
from api.services.members import MemberReader, fact_errors
from api.services.plans import Plan, Plans
from api.services.situations import Governing, ParameterReader, check_place, governing
from api.wire.requests import Options, read_record
from engine.backends.base import Context
from engine.backends.columns import Block
from engine.facts import Facts

__all__ = ["Group", "Intake", "Raw", "Where"]

Raw = bytes | msgspec.Raw
_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises; which mistake it was is found out by reading the record by itself."""


class _Named(msgspec.Struct):
    """What a record says of itself."""

    division: str
    subject: str


_NAMED = msgspec.json.Decoder(_Named)


@dataclass(frozen=True, slots=True)
class Where:
    """Who judges the records of one division and subject, and what else they include."""

    plan: Plan
    context: Context
    included: tuple[tuple[Plan, Context], ...]


@dataclass(slots=True)
class Group:
    """Records judged by the same plans. All lists have one entry per record.

    `places`: where they stand in their block. `shaped`: their facts as the shape decoded them. `read`: by row,
    the facts that were read by themselves.
    """

    plan: Plan
    included: tuple[Plan, ...]
    places: list[int] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    shaped: list[Any] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    included_contexts: list[tuple[Context, ...]] = field(default_factory=list)
    read: dict[int, Facts] = field(default_factory=dict)

    def add(self, place: int, id_: str | None, where: Where, shaped: Any) -> None:
        """One more record."""
        self.places.append(place)
        self.ids.append(id_)
        self.shaped.append(shaped)
        self.contexts.append(where.context)
        if where.included:
            self.included_contexts.append(tuple(context for _, context in where.included))

    def block(self) -> tuple[Block, dict[int, Problem]]:
        """The columns of the records, and what is wrong with those that have bad facts, by row."""
        shape = self.plan.shape
        block, again = shape.block(self.shaped, self.read)
        problems: dict[int, Problem] = {}
        for row in again:
            facts, wrong = self.plan.reader.read(shape.raw(self.shaped[row]))
            if wrong:
                problems[row] = Problem.of(tuple(fact_errors(wrong)))
            else:
                self.read[row] = facts
                block.put(self.plan.layout, row, facts)
        return block, problems


class Intake:
    """Sorts the records of one batch into groups."""

    def __init__(
        self, plans: Plans, on: date, options: Options, parameters: ParameterReader, members: MemberReader
    ) -> None:
        self._plans = plans
        self._library = plans.library
        # One for the whole batch, whatever the database says meanwhile.
        self._standings = plans.standings
        self._on = on
        self._options = options
        self._parameters = parameters
        self._members = members
        self.families: Mapping[int, Family] | None = None
        """By number, the records that are tied to others; None while nobody has looked for them."""
        self._governing: dict[str, Governing | Problem] = {}
        self._contexts: dict[tuple[str, str], Context] = {}
        self._wheres: dict[tuple[str, str], Where] = {}
        self._last: Where | None = None

    def take(self, records: Sequence[tuple[int, Raw]]) -> tuple[list[Group], dict[int, Problem]]:
        """The groups of a block of records, and what is wrong with those that cannot be judged, by place."""
        groups: dict[tuple[Plan, ...], Group] = {}
        of_where: dict[int, Group] = {}
        problems: dict[int, Problem] = {}
        families = self.families or {}
        for place, (number, raw) in enumerate(records):
            try:
                family = families.get(number)
                where, id_, shaped, facts = self._one(raw) if family is None else self._by_itself(raw, family)
            except Problem as problem:
                problems[place] = problem
                continue
            group = of_where.get(id(where))
            if group is None:
                key = (where.plan, *(plan for plan, _ in where.included))
                group = of_where[id(where)] = groups.setdefault(key, Group(where.plan, key[1:]))
            if facts is not None:
                group.read[len(group.places)] = facts
            group.add(place, id_, where, shaped)
        return list(groups.values()), problems

    def _one(self, raw: Raw) -> tuple[Where, str | None, Any, Facts | None]:
        where = self._last
        if where is not None:
            taken = self._shaped(where, raw)
            if taken is None:
                where = self._named_by(raw)
                taken = None if where is None else self._shaped(where, raw)
            if taken is not None:
                return taken
        return self._by_itself(raw)

    def _shaped(self, guess: Where, raw: Raw) -> tuple[Where, str | None, Any, Facts | None] | None:
        """A record as the shape of a plan decodes it, if it is one of that plan."""
        if guess.included:
            return None
        try:
            record = guess.plan.shape.decode(raw)
        except _REFUSED:
            return None
        where = self._wheres.get((record.division, record.subject))
        if where is None or where.plan is not guess.plan:
            return None
        self._last = where
        return where, record.id, record.facts, None

    def _named_by(self, raw: Raw) -> Where | None:
        """Who judges a record, by what it says of itself, if such a one was met before."""
        try:
            named = _NAMED.decode(raw)
        except _REFUSED:
            return None
        return self._wheres.get((named.division, named.subject))

    def _by_itself(self, raw: Raw, family: Family | None = None) -> tuple[Where, str | None, Any, Facts | None]:
        """A record of a kind not met before, with facts that no shape takes, or with members. Raises Problem."""
        record = read_record(raw)
        where = self.where(record.division, record.subject)
        if isinstance(family, Problem):
            raise _copy(family)
        if record.parent is not None and self.families is None:
            raise Problem("unknown-parent", "records that come one by one cannot name a `parent`", pointer="/parent")
        self._last = where
        facts = family or read_record_facts(where.plan, record.facts, record.members, record.division, self._members)
        return where, record.id, where.plan.shape.nothing, facts

    def where(self, division: str, subject: str) -> Where:
        """Who judges the records of a division and subject. Raises Problem, afresh for each record."""
        found = self._wheres.get((division, subject))
        if found is not None:
            return found
        check_place(self._library, division, subject)
        govern = self._governing.get(division)
        if govern is None:
            try:
                govern = governing(self._library, self._standings, division, self._on, self._options)
            except Problem as problem:
                govern = problem
            self._governing[division] = govern
        if isinstance(govern, Problem):
            raise _copy(govern)
        plan = self._plans.get(govern.ruleset.name, subject)
        others = [self._plans.get(ruleset.name, subject) for ruleset in govern.included]
        included = tuple((other, self._context(other, division)) for other in others)
        found = self._wheres[division, subject] = Where(plan, self._context(plan, division), included)
        return found

    def _context(self, plan: Plan, division: str) -> Context:
        key = (plan.name, division)
        context = self._contexts.get(key)
        if context is None:
            context = Context(self._on, self._library.path(division), self._parameters.of(plan))
            self._contexts[key] = context
        return context


def _copy(problem: Problem) -> Problem:
    """The same problem for another record: pointers are completed in place."""
    return Problem(
        problem.type.slug, problem.detail, pointer=problem.pointer, help=problem.help, extra=dict(problem.extra)
    )
