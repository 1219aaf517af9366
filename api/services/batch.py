"""Many records are judged: the use case behind `POST /v1/evaluations/batch`.

Records are taken in blocks: read one by one, so that a bad one fails alone, then judged together by
plan. Results keep the order of the records.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

import msgspec

from api.observe.meter import Meter
from api.problems import Problem, pointer, problem_body
from api.services import judge
from api.services.evaluate import derived_of, missing_facts, outcome_json, read_record_facts, shown_codes, verdicts_of
from api.services.families import Family, families, names_parents
from api.services.judge import Explainer
from api.services.members import MemberReader
from api.services.plans import Plan, Plans, Selection, rule_ids
from api.services.situations import Governing, ParameterReader, check_names, check_place, governing
from api.settings import Limits
from api.wire.requests import BatchOptions, BatchRequest, read_day, read_record
from api.wire.verdicts import counts_json, encode, joined
from engine.backends.base import Context
from engine.facts import Facts
from engine.words import SUBJECTS

__all__ = ["BLOCK_RECORDS", "Batch", "lines_of"]

BLOCK_RECORDS = 1_000
"""Records that are read, judged and written together; between blocks the clock is looked at."""

_RECORD_FIELDS = ("/facts", "/division", "/subject", "/id", "/members", "/parent")


def lines_of(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines of an NDJSON body with their numbers, from 1; blank ones are left out."""
    start, number = 0, 1
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end]
        if line and not line.isspace():
            yield number, line
        start, number = end + 1, number + 1


@dataclass(slots=True)
class _Read:
    """A record that could be read: where it stands in its block, and what judges it."""

    place: int
    id: str | None
    plan: Plan
    context: Context
    facts: Facts
    included: tuple[tuple[Plan, Context], ...]


@dataclass(slots=True)
class _Block:
    """The results of a block, and the rulesets that they are the first to name."""

    results: list[bytes] = field(default_factory=list)
    rulesets: list[bytes] = field(default_factory=list)


class Batch:
    """One batch under way: its options, the rulesets named so far, its counts."""

    def __init__(
        self,
        plans: Plans,
        options: BatchRequest | BatchOptions,
        limits: Limits,
        language: str,
        *,
        ndjson: bool,
        meter: Meter | None = None,
    ) -> None:
        self._plans = plans
        self._library = plans.library
        # One for the whole batch, whatever the database says meanwhile.
        self._standings = plans.standings
        self._options = options
        self._on: date = read_day(options.as_of)
        check_names(self._library, options)
        self._parameters = ParameterReader(self._library, options.parameters)
        self._selection = Selection.of(options.evidence, options.topics, options.force)
        self._members = MemberReader(self._library, limits.members)
        self._limit = limits.full_records if options.detail == "full" else limits.records
        self._give_up_at = time.monotonic() + limits.batch_seconds
        self._seconds = limits.batch_seconds
        self._language = language
        self._ndjson = ndjson
        self._indexes: dict[str, int] = {}
        self._contexts: dict[tuple[str, str], Context] = {}
        self._governing: dict[str, Governing | Problem] = {}
        self._families: Mapping[int, Family] = {}
        self._gathered = False
        self._counts: Counter[str] = Counter()
        self.meter = Meter() if meter is None else meter

    def json(self, records: Sequence[msgspec.Raw], *, tied: bool = True) -> bytes:
        """The reply to a JSON batch. `tied`: there may be records that name a parent. Raises Problem."""
        self._check_length(len(records))
        if tied:
            self._gather(list(enumerate(records)))
        results: list[bytes] = []
        rulesets: list[bytes] = []
        for block in self._blocks(enumerate(records)):
            results += block.results
            rulesets += block.rulesets
        self.meter.begin()
        reply = b'{"rulesets":%s,"results":%s,"counts":%s}' % (joined(rulesets), joined(results), self._counted())
        self.meter.end("encode")
        return reply

    def ndjson(self, body: bytes) -> Iterator[bytes]:
        """The reply to an NDJSON batch, block by block. Raises Problem before the first block."""
        self._check_length(sum(1 for _ in lines_of(body)))
        if names_parents(body):
            self._gather(list(lines_of(body)))
        return self.stream(lines_of(body))

    def _gather(self, records: Sequence[tuple[int, bytes | msgspec.Raw]]) -> None:
        """Tie records to their parents before any is judged: a parent may stand before its members or after."""
        self.meter.begin()
        self._gathered = True
        numbers = [number for number, _ in records]

        def shown(place: int) -> str:
            return f"line {numbers[place]}" if self._ndjson else pointer(["records", numbers[place]])

        found = families(self._library, self._members, [raw for _, raw in records], shown)
        self._families = {numbers[place]: family for place, family in found.items()}
        self.meter.end("decode")

    def stream(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
        """The NDJSON reply to numbered lines, block by block as they come: one record in, one `result` out.

        A line that names a `parent` is refused unless all lines were gathered before, as `ndjson` does.
        """
        try:
            for block in self._blocks(lines):
                yield b"".join(block.results)
        except Problem as problem:
            # The reply has begun, so the problem is its last line and `counts` does not follow.
            self.meter.refused(problem.type.slug)
            yield b'{"error":%s}\n' % encode(problem_body(problem, self._language))
            return
        yield b'{"counts":%s}\n' % self._counted()

    def _check_length(self, records: int) -> None:
        if records > self._limit:
            detail = f"expected at most {self._limit:,} records with detail `{self._options.detail}`, found {records:,}"
            raise Problem("too-many-records", detail, pointer=None if self._ndjson else "/records")

    def _counted(self) -> bytes:
        return counts_json(self._counts)

    def _blocks(self, records: Iterable[tuple[int, bytes | msgspec.Raw]]) -> Iterator[_Block]:
        stream = iter(records)
        while True:
            # Afresh for each block: the caller may have taken its time with the last one.
            self.meter.begin()
            block = list(islice(stream, BLOCK_RECORDS))
            if not block:
                return
            if time.monotonic() > self._give_up_at:
                raise Problem("took-too-long", f"the batch did not end within {self._seconds:g} seconds")
            yield self._block(block)

    # --- one block ----------------------------------------------------------------------------

    def _block(self, records: list[tuple[int, bytes | msgspec.Raw]]) -> _Block:
        block = _Block()
        written: list[bytes] = [b""] * len(records)
        heads: dict[int, list[bytes]] = {}
        reads: list[_Read] = []
        for place, (number, raw) in enumerate(records):
            try:
                read = self._read(place, number, raw)
            except Problem as problem:
                written[place] = self._error(problem, number, raw)
                continue
            reads.append(read)
            for plan in (read.plan, *(p for p, _ in read.included)):
                if plan.name not in self._indexes:
                    self._indexes[plan.name] = len(self._indexes)
                    heads.setdefault(place, []).append(self._ruleset(plan))
        self.meter.end("decode")
        judged = self._judge(reads)
        self._count(reads, judged)
        for read in reads:
            written[read.place] = self._result(read, judged[read.place])
        for place, result in enumerate(written):
            if self._ndjson:
                block.results.extend(b'{"ruleset":%s}\n' % head for head in heads.get(place, ()))
                block.results.append(b'{"result":%s}\n' % result)
            else:
                block.rulesets.extend(heads.get(place, ()))
                block.results.append(result)
        self.meter.end("encode")
        return block

    def _read(self, place: int, number: int, raw: bytes | msgspec.Raw) -> _Read:
        record = read_record(raw)
        check_place(self._library, record.division, record.subject)
        govern = self._governing.get(record.division)
        if govern is None:
            try:
                govern = governing(self._library, self._standings, record.division, self._on, self._options)
            except Problem as problem:
                govern = problem
            self._governing[record.division] = govern
        if isinstance(govern, Problem):
            raise _copy(govern)
        plan = self._plans.get(govern.ruleset.name, record.subject)
        family = self._families.get(number)
        if isinstance(family, Problem):
            raise _copy(family)
        if record.parent is not None and not self._gathered:
            raise Problem("unknown-parent", "records that come one by one cannot name a `parent`", pointer="/parent")
        facts = family or read_record_facts(plan, record.facts, record.members, record.division, self._members)
        included = tuple(
            (other, self._context(other, record.division))
            for other in (self._plans.get(r.name, record.subject) for r in govern.included)
        )
        return _Read(place, record.id, plan, self._context(plan, record.division), facts, included)

    def _context(self, plan: Plan, division: str) -> Context:
        key = (plan.name, division)
        context = self._contexts.get(key)
        if context is None:
            context = Context(self._on, self._library.path(division), self._parameters.of(plan))
            self._contexts[key] = context
        return context

    def _judge(self, reads: list[_Read]) -> dict[int, list[Explainer]]:
        """Per record, by place: judged by its own plan first, then by those that it includes."""
        groups: dict[Plan, list[tuple[int, Facts, Context]]] = {}
        for read in reads:
            groups.setdefault(read.plan, []).append((read.place, read.facts, read.context))
            for plan, context in read.included:
                groups.setdefault(plan, []).append((read.place, read.facts, context))
        by_plan: dict[tuple[Plan, int], Explainer] = {}
        for plan, rows in groups.items():
            explainers = judge.judge(plan.program, [r[1] for r in rows], [r[2] for r in rows], self.meter.columns_stand)
            for (place, _, _), explainer in zip(rows, explainers, strict=True):
                by_plan[plan, place] = explainer
            self.meter.end("evaluate")
        return {
            read.place: [by_plan[plan, read.place] for plan in (read.plan, *(p for p, _ in read.included))]
            for read in reads
        }

    def _count(self, reads: list[_Read], judged: dict[int, list[Explainer]]) -> None:
        shown: dict[tuple[Plan, bool], list[str]] = {}
        for read in reads:
            self.meter.recorded(read.plan.program.subject)
            plans = (read.plan, *(plan for plan, _ in read.included))
            for plan, record in zip(plans, judged[read.place], strict=True):
                codes = shown_codes(plan.choose(self._selection), record.codes)
                shown.setdefault((plan, plan is read.plan), []).append(codes)
        for (plan, own), codes_of_all in shown.items():
            counts = self.meter.judged(plan.name, "".join(codes_of_all))
            if own:
                self._counts.update(counts)

    # --- writing ------------------------------------------------------------------------------

    def _ruleset(self, plan: Plan) -> bytes:
        """A ruleset's head with the rules of every subject that it has rules for, in the order of codes."""
        subjects = {subject: None for subject in SUBJECTS if any(subject in r.subjects for r in plan.ruleset.running)}
        rules = {s: rule_ids(self._plans.get(plan.name, s), self._selection) for s in subjects}
        parameters = ParameterReader.shown(plan, self._parameters.of(plan))
        own = parameters.pop(plan.name, {})
        index = b'{"index":%d,' % self._indexes[plan.name] if self._ndjson else b"{"
        return b'%s%s,"parameters":%s,"incorporated_parameters":%s,"rules":%s}' % (
            index,
            plan.head(self._on)[1:],
            encode(own),
            encode(parameters),
            encode(rules),
        )

    def _result(self, read: _Read, judged: list[Explainer]) -> bytes:
        own = judged[0]
        parts = [b'{"id":%s,%s' % (encode(read.id), self._judged(read.plan, read.context, read.facts, own))]
        if read.facts.refused:
            parts.append(b',"refused_members":%d' % sum(read.facts.refused.values()))
        if read.facts.ignored and self._options.detail != "codes":
            parts.append(b',"ignored":%s' % encode(read.facts.ignored))
        if read.included:
            others = [
                b"{%s}" % self._judged(plan, context, read.facts, explainer)
                for (plan, context), explainer in zip(read.included, judged[1:], strict=True)
            ]
            parts.append(b',"included":%s' % joined(others))
        return b"".join((*parts, b"}"))

    def _judged(self, plan: Plan, context: Context, facts: Facts, record: Explainer) -> bytes:
        """What one ruleset says of one record, at the wanted detail."""
        chosen = plan.choose(self._selection)
        head = b'"ruleset":%d,"outcome":%s,"codes":"%s"' % (
            self._indexes[plan.name],
            outcome_json(chosen, record.codes),
            shown_codes(chosen, record.codes).encode(),
        )
        match self._options.detail:
            case "codes":
                return head
            case "full":
                verdicts, missing = verdicts_of(plan, facts, context, record, chosen.rules)
                derived = derived_of(plan, facts, record)
                return b'%s,"verdicts":%s,"derived":%s,"missing":%s' % (
                    head,
                    joined(verdicts),
                    derived,
                    encode(missing),
                )
            case "findings":
                codes = record.codes
                failing = [
                    plan.writer.brief(record.finding(i), position)
                    for position, i in enumerate(chosen.rules)
                    if codes[i] == "N"
                ]
                undecided = [i for i in chosen.rules if codes[i] == "U"]
                missing = missing_facts(plan, facts, context, record, undecided)
                differing = derived_of(plan, facts, record, differing=True)
                derived = b"" if differing == b"[]" else b',"derived":' + differing
                return b'%s,"findings":%s%s,"missing":%s' % (head, joined(failing), derived, encode(missing))

    def _error(self, problem: Problem, number: int, raw: bytes | msgspec.Raw) -> bytes:
        """The result of a record that could not be judged."""
        if problem.type.slug == "malformed-json" and not self._ndjson and problem.pointer is None:
            # The envelope was read without looking into texts: this is a mistake of the whole body.
            raise problem
        self.meter.refused(problem.type.slug)
        prefix = "" if self._ndjson else pointer(["records", number])
        if problem.pointer is None:
            problem.pointer = "" if self._ndjson else prefix
            problem.within("", number if self._ndjson else None)
        elif problem.pointer.startswith(_RECORD_FIELDS) or problem.type.slug == "invalid-request":
            problem.within(prefix, number if self._ndjson else None)
        return b'{"id":%s,"error":%s}' % (
            encode(_id_of(raw)),
            encode(problem_body(problem, self._language, status=False)),
        )


class _Named(msgspec.Struct):
    """The id alone of a record that is otherwise wrong."""

    id: str | None = None


_NAMED = msgspec.json.Decoder(_Named)


def _id_of(raw: bytes | msgspec.Raw) -> str | None:
    try:
        return _NAMED.decode(raw).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The record has no readable id; its place in the results tells which it is.
        return None


def _copy(problem: Problem) -> Problem:
    """A fresh problem for each record: pointers are set record by record."""
    return Problem(problem.type.slug, problem.detail, pointer=problem.pointer, help=problem.help, extra=problem.extra)
