"""Record batches are judged: groups of rows by plan → blocks → what the plans say, as columns in the rows' order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from api.observe.meter import Meter
from api.problems import Problem
from api.services import judge
from api.services.batch import Batch
from api.services.families import Family, families
from api.services.intake import Where
from api.services.kin import Kin, Records, coded, kin_of, pairs_of
from api.services.members import fact_errors
from api.services.plans import Plan, Plans
from api.services.results import Results
from api.services.told import Telling, Words, columns_of, fields_of, ignored_of, included_of, nulls
from api.settings import Limits
from api.wire.frames import Frame
from api.wire.requests import BatchOptions
from engine.backends.base import Context
from engine.backends.letters import Indexes
from engine.facts import Facts

__all__ = ["FrameBatch", "Tied", "Told"]

_ENCODE = msgspec.json.Encoder().encode
_UNTIED = b"{}"
_LISTS = pa.list_(pa.int32())


@dataclass(frozen=True, slots=True)
class Tied:
    """What `parent` ties together: plain families as columns, and all others by number."""

    kin: Kin
    families: Mapping[int, Family]


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of some records: `columns` with numbers for words, null in rows that have a problem."""

    columns: dict[str, Any]
    problems: dict[int, Problem]


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows that are judged by the same plans, a context for each row; those of included plans by their place.

    `kin`: where members stay columns. A block has its members in columns or in trees.
    """

    plans: tuple[Plan, ...]
    rows: Indexes
    contexts: tuple[list[Context], ...]
    kin: Kin | None


class FrameBatch(Batch):
    """A batch whose records come as columns."""

    def __init__(
        self, plans: Plans, options: BatchOptions, limits: Limits, language: str, meter: Meter | None = None
    ) -> None:
        super().__init__(plans, options, limits, language, ndjson=False, meter=meter)
        self.telling = Telling(options.detail, Words())
        self.rulesets: list[bytes] = []

    @property
    def ruleset_names(self) -> list[str]:
        """The rulesets that were named, `id@version`, by their index."""
        return list(self._indexes)

    def fields(self) -> dict[str, pa.DataType]:
        """The columns of what is told, with numbers for words."""
        found = fields_of(self.telling)
        if self._options.detail != "codes":
            found["ignored"] = _LISTS
        found["refused_members"] = pa.int32()
        if self._options.include:
            found["included"] = pa.list_(pa.struct(list(fields_of(self.telling).items())))
        return found

    def gathered(self, records: Records) -> Tied:
        """The records that are tied to others by their `parent`."""
        kin = kin_of(self._library, records)
        if not len(kin.odd):
            return Tied(kin, {})
        raws: list[bytes] = [_UNTIED] * records.frame.count
        problems = _said(records, kin.odd, raws)
        found = dict(families(self._library, self._members, raws, self._shown))
        # What is wrong with a record itself comes before what that means for its family.
        return Tied(kin, {**found, **problems})

    def _shown(self, place: int) -> str:
        """Where a record stands, in a message."""
        return f"record {place}"

    def judged(self, records: Records, tied: Tied | None, first: int) -> Told:
        """What is told of some records. `first`: the number of the first of them among all that are tied."""
        self.meter.begin()
        problems: dict[int, Problem] = {}
        whole: dict[int, Facts] = {}
        odd = tied.families if tied is not None else {}
        for row in range(records.frame.count) if odd else ():
            family = odd.get(first + row)
            if isinstance(family, Problem):
                problems[row] = family
            elif family is not None:
                whole[row] = family
        groups = self._groups(records, problems, None if tied is None else tied.kin, whole)
        self.meter.end("decode")
        parts: list[dict[str, Any]] = []
        places: list[Indexes] = []
        for group in groups:
            rows, columns = self._group(records.frame, group, whole, problems, first)
            if len(rows):
                places.append(rows)
                parts.append(columns)
            self.meter.end("encode")
        for problem in problems.values():
            self.meter.refused(problem.type.slug)
        told = Told(self._together(parts, places, records.frame.count), problems)
        self.meter.end("encode")
        return told

    # --- groups -------------------------------------------------------------------------------

    def _groups(
        self, records: Records, problems: dict[int, Problem], kin: Kin | None, in_trees: Collection[int]
    ) -> list[_Group]:
        """The rows by plan, those with members in trees by themselves; `problems` gets those that nobody can judge."""
        division_of, divisions = coded(records.divisions)
        subject_of, subjects = coded(records.subjects)
        # The last place is that of rows that name none.
        pairs, pair_of = pairs_of(division_of, subject_of)
        plans: dict[tuple[Plan, ...], list[int]] = {}
        wheres: dict[int, Where] = {}
        for number, (division, subject) in enumerate(pairs):
            try:
                where = self._where(divisions[division], subjects[subject])
            except Problem as problem:
                for row in np.flatnonzero(pair_of == number).tolist():
                    # Where nobody judges a record, nothing else is said of it.
                    problems[row] = problem
                continue
            wheres[number] = where
            plans.setdefault((where.plan, *(plan for plan, _ in where.included)), []).append(number)
        out = np.zeros(records.frame.count, dtype=bool)
        out[list(problems)] = True
        trees = np.zeros(records.frame.count, dtype=bool)
        trees[list(in_trees)] = True
        sides = [(~trees, kin), (trees, None)]
        groups: list[_Group] = []
        for key, numbers in plans.items():
            wanted = np.zeros(len(pairs), dtype=bool)
            wanted[numbers] = True
            for side, members in sides:
                rows = np.flatnonzero(wanted[pair_of] & ~out & side)
                if len(rows):
                    groups.append(_Group(key, rows, _contexts(wheres, pair_of[rows], len(key)), members))
        return groups

    def _where(self, division: str | None, subject: str | None) -> Where:
        if division is None:
            raise self._unsaid("division")
        if subject is None:
            raise self._unsaid("subject")
        return self._intake.where(division, subject)

    def _unsaid(self, place: str) -> Problem:
        return Problem("invalid-request", f"`{place}` is missing", pointer=f"/{place}")

    def _group(
        self,
        frame: Frame,
        group: _Group,
        whole: Mapping[int, Facts],
        problems: dict[int, Problem],
        first: int,
    ) -> tuple[Indexes, dict[str, Any]]:
        """The rows of a group that could be judged, and what is told of them."""
        count = len(group.rows)
        chosen = frame if count == frame.count else frame.take(group.rows)
        own = {i: whole[row] for i, row in enumerate(group.rows.tolist()) if row in whole} if whole else {}
        plan = group.plans[0]
        framed = chosen.block(plan.program, plan.layout, plan.reader, own)
        wrong = np.zeros(count, dtype=bool)
        for row, found in framed.problems.items():
            wrong[row] = True
            problems[int(group.rows[row])] = Problem.of(tuple(fact_errors(found)))
        if group.kin is not None:
            group.kin.put_below(framed.block, plan.program, group.rows + first, group.contexts[0])
        self.meter.end("columns")
        judged = [judge.judge_block(plan.program, framed.block, group.contexts[0])]
        for other, contexts in zip(group.plans[1:], group.contexts[1:], strict=True):
            block = chosen.block(other.program, other.layout, other.reader, framed.read).block
            if group.kin is not None:
                group.kin.put_below(block, other.program, group.rows + first, contexts)
            judged.append(judge.judge_block(other.program, block, contexts))
        self.meter.end("evaluate")
        rows = np.flatnonzero(~wrong)
        if not len(rows):
            return rows, {}
        detail = self._options.detail
        told = []
        for each, one in zip(group.plans, judged, strict=True):
            index = self._index(each)
            results = Results(each, one, self._selection, index)
            counts = self.meter.judged(each.name, results.codes_of(rows))
            if each is plan:
                self._counts.update(counts)
            told.append(columns_of(results, each, index, rows, self.telling))
        self.meter.recorded(plan.program.subject, len(rows))
        columns = told[0]
        if detail != "codes":
            columns["ignored"] = ignored_of(framed.ignored, rows, self.telling.names)
        columns["refused_members"] = _refused(own, rows)
        if self._options.include:
            columns["included"] = (
                included_of(told[1:], self.telling)
                if len(told) > 1
                else pa.array([[]] * len(rows), self.fields()["included"])
            )
        return group.rows[rows], columns

    def _index(self, plan: Plan) -> int:
        if plan.name not in self._indexes:
            self._indexes[plan.name] = len(self._indexes)
            self.rulesets.append(self._ruleset(plan))
        return self._indexes[plan.name]

    # --- columns ------------------------------------------------------------------------------

    def _together(self, parts: Sequence[Mapping[str, Any]], places: Sequence[Indexes], count: int) -> dict[str, Any]:
        """The columns of all groups in the order of the rows; rows of no group are null."""
        fields = self.fields()
        told = sum(map(len, places))
        if len(parts) == 1 and told == count:
            return dict(parts[0])
        source = np.full(count, told, dtype=np.int64)
        if told:
            source[np.concatenate(places)] = np.arange(told)
        order = pa.array(source)
        return {
            name: pa.concat_arrays([*(part[name] for part in parts), nulls(kind)]).take(order)
            for name, kind in fields.items()
        }


def _contexts(wheres: Mapping[int, Where], pair_of: Indexes, plans: int) -> tuple[list[Context], ...]:
    numbers = pair_of.tolist()
    own = {number: where.context for number, where in wheres.items()}
    found = [[own[number] for number in numbers]]
    for place in range(plans - 1):
        others = {n: where.included[place][1] for n, where in wheres.items() if len(where.included) > place}
        found.append([others[number] for number in numbers])
    return tuple(found)


def _refused(own: Mapping[int, Facts], rows: Indexes) -> Any:
    """How many members of each record could not be read; null where all could."""
    refused = {row: sum(facts.refused.values()) for row, facts in own.items() if facts.refused}
    return (
        pa.array([refused.get(row) for row in rows.tolist()], pa.int32())
        if refused
        else pa.nulls(len(rows), pa.int32())
    )


def _said(records: Records, rows: Indexes, raws: list[bytes]) -> dict[int, Problem]:
    """Put some rows as JSON into their places in `raws`. Returns what could not be said in JSON, by row."""
    chosen = pa.array(rows)
    about = {"division": records.divisions, "subject": records.subjects, "id": records.ids, "parent": records.parents}
    named = {name: array.take(chosen).to_pylist() for name, array in about.items() if array is not None}
    by_subject: dict[str, list[int]] = {}
    for i, subject in enumerate(named["subject"]):
        by_subject.setdefault(subject or "", []).append(i)
    problems: dict[int, Problem] = {}
    for subject, places in by_subject.items():
        for i, (facts, wrong) in zip(places, records.frame.raws(rows[places], subject), strict=True):
            record: dict[str, object] = {name: values[i] for name, values in named.items() if values[i] is not None}
            row = int(rows[i])
            if wrong:
                # Sent on without facts, so that it is refused as a member too.
                problems[row] = Problem.of(tuple(fact_errors(wrong)))
            else:
                record["facts"] = facts
            raws[row] = _ENCODE(record)
    return problems
