"""Many records are judged: the use case behind `POST /v1/evaluations/batch`.

Records are taken in blocks: decoded one by one, so that a bad one fails alone, then judged together by
plan. Results keep the order of the records.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

import msgspec

from api.observe.meter import Meter
from api.problems import Problem, pointer, problem_body
from api.services import judge
from api.services.families import families, names_parents
from api.services.intake import Group, Intake, Raw
from api.services.judge import Judged
from api.services.members import MemberReader
from api.services.plans import Plan, Plans, Selection, rule_ids
from api.services.results import Results
from api.services.situations import ParameterReader, check_names
from api.settings import Limits
from api.wire.requests import BatchOptions, BatchRequest, read_day
from api.wire.verdicts import counts_json, encode, joined
from engine.backends.columns import Block
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
        self._options = options
        self._on: date = read_day(options.as_of)
        check_names(self._library, options)
        self._parameters = ParameterReader(self._library, options.parameters)
        self._selection = Selection.of(options.evidence, options.topics, options.force)
        self._limits = limits
        self._limit = limits.full_records if options.detail == "full" else limits.records
        self._give_up_at = time.monotonic() + limits.batch_seconds
        self._seconds = limits.batch_seconds
        self._language = language
        self._ndjson = ndjson
        self.counted_in = "line"
        """What messages call the numbers of NDJSON records: a file's records may stand in rows."""
        self._indexes: dict[str, int] = {}
        self._members = MemberReader(self._library, limits.members)
        self._intake = Intake(plans, self._on, options, self._parameters, self._members)
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

    def _gather(self, records: Sequence[tuple[int, Raw]]) -> None:
        """Tie records to their parents before any is judged: a parent may stand before its members or after."""
        self.meter.begin()
        numbers = [number for number, _ in records]

        def shown(place: int) -> str:
            return f"{self.counted_in} {numbers[place]}" if self._ndjson else pointer(["records", numbers[place]])

        found = families(self._library, self._members, [raw for _, raw in records], shown)
        self._intake.families = {numbers[place]: family for place, family in found.items()}
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

    def _blocks(self, records: Iterable[tuple[int, Raw]]) -> Iterator[_Block]:
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

    def _block(self, records: list[tuple[int, Raw]]) -> _Block:
        block = _Block()
        written: list[bytes] = [b""] * len(records)
        heads: dict[int, list[bytes]] = {}
        groups, problems = self._intake.take(records)
        self.meter.end("decode")
        for group in groups:
            judged = self._judge(group, problems)
            valid = [row for row, place in enumerate(group.places) if place not in problems]
            if valid:
                self._name(group, heads.setdefault(group.places[valid[0]], []))
                for row, result in zip(valid, self._results(group, judged, valid), strict=True):
                    written[group.places[row]] = result
            self.meter.end("encode")
        for place, problem in problems.items():
            written[place] = self._error(problem, *records[place])
        if self._ndjson:
            for place, result in enumerate(written):
                block.results.extend(b'{"ruleset":%s}\n' % head for head in heads.get(place, ()))
                block.results.append(b'{"result":%s}\n' % result)
        else:
            block.rulesets.extend(head for place in sorted(heads) for head in heads[place])
            block.results = written
        self.meter.end("encode")
        return block

    def _judge(self, group: Group, problems: dict[int, Problem]) -> list[Judged]:
        """The records of a group under their own plan, then under those that they include."""
        columns, wrong = group.block()
        problems.update((group.places[row], problem) for row, problem in wrong.items())
        self.meter.end("columns")
        found = [judge.judge_block(group.plan.program, columns, group.contexts)]
        for number, plan in enumerate(group.included):
            facts = [group.read[row] for row in range(len(group.places))]
            contexts = [contexts[number] for contexts in group.included_contexts]
            found.append(judge.judge_block(plan.program, Block.of(plan.layout, facts), contexts))
        self.meter.end("evaluate")
        return found

    def _name(self, group: Group, heads: list[bytes]) -> None:
        for plan in (group.plan, *group.included):
            if plan.name not in self._indexes:
                self._indexes[plan.name] = len(self._indexes)
                heads.append(self._ruleset(plan))

    def _results(self, group: Group, judged: list[Judged], rows: list[int]) -> list[bytes]:
        """The results of some rows of a group, in order."""
        self.meter.recorded(group.plan.program.subject, len(rows))
        told = []
        for plan, one in zip((group.plan, *group.included), judged, strict=True):
            results = Results(plan, one, self._selection, self._indexes[plan.name])
            counts = self.meter.judged(plan.name, results.codes_of(rows))
            if plan is group.plan:
                self._counts.update(counts)
            told.append(results.parts(rows, self._options.detail))
        # Only records that were read by themselves have more to be told, among them all that include other rulesets.
        tails = {
            row: self._tail(group.read[row], [of_plan[number] for of_plan in told[1:]])
            for number, row in enumerate(rows)
            if row in group.read
        }
        return [
            b'{"id":%s,%s%s}' % (encode(group.ids[row]), result, tails.get(row, b""))
            for row, result in zip(rows, told[0], strict=True)
        ]

    def _tail(self, facts: Facts, included: Sequence[bytes]) -> bytes:
        """What stands behind the own result of a record that was read by itself."""
        tail = b""
        if facts.refused:
            tail += b',"refused_members":%d' % sum(facts.refused.values())
        if facts.ignored and self._options.detail != "codes":
            tail += b',"ignored":' + encode(facts.ignored)
        if included:
            tail += b',"included":' + joined([b"{%s}" % of_plan for of_plan in included])
        return tail

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

    def _error(self, problem: Problem, number: int, raw: Raw) -> bytes:
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


def _id_of(raw: Raw) -> str | None:
    try:
        return _NAMED.decode(raw).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # The record has no readable id; its place in the results tells which it is.
        return None
