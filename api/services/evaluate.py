"""One subject is judged: the use case behind `POST /v1/evaluations`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from api.observe.meter import Meter
from api.problems import Problem
from api.services import judge
from api.services.judge import Explainer
from api.services.members import MemberReader, fact_errors
from api.services.plans import Chosen, Plan, Plans, Selection
from api.services.situations import ParameterReader, check_place, governing
from api.settings import Limits
from api.wire.derived import derived_json
from api.wire.requests import EvaluationRequest, read_day
from api.wire.verdicts import counts_json, encode, joined
from engine.backends.base import Context
from engine.facts import Facts
from engine.rollup.derived import derived_facts
from engine.verdicts import CODES, overall

__all__ = [
    "derived_of",
    "differing_of",
    "evaluate_one",
    "missing_facts",
    "outcome_json",
    "read_record_facts",
    "shown_codes",
    "verdicts_of",
]


def read_record_facts(
    plan: Plan, raw: Mapping[str, Any], members: list[Any] | None, division: str, reader: MemberReader
) -> Facts:
    """Checked facts of a record with its members. Raises Problem with every mistake of both at once."""
    facts, problems = plan.reader.read(raw)
    below, errors = reader.read(plan.program.subject, division, members) if members else ((), ())
    if problems or errors:
        raise Problem.of((*fact_errors(problems), *errors))
    return facts.with_members(below) if below else facts


def derived_of(plan: Plan, facts: Facts, record: Explainer) -> bytes:
    """What was rolled up from the members of a record, and what it supplied otherwise than derived, as JSON."""
    if not facts.members and not any(name in facts.plain or name in facts.keyed for name in plan.derived):
        return b"[]"
    return derived_json(derived_facts(record.evaluation))


def differing_of(record: Explainer, names: Collection[str]) -> bytes:
    """What a record supplied otherwise than derived, among some facts, as JSON."""
    return derived_json(fact for fact in derived_facts(record.evaluation, names) if fact.differs)


def outcome_json(chosen: Chosen, codes: str) -> bytes:
    """`{"all": …, "measured": …}` from the codes of all rules: the wanted ones that are no advice count."""
    return b'{"all":"%s","measured":"%s"}' % (
        _overall(chosen.counted_codes(codes)),
        _overall(chosen.measured_codes(codes)),
    )


def _overall(codes: Iterable[str]) -> bytes:
    return str(overall([CODES[code] for code in set(codes)]).value).encode()


def verdicts_of(
    plan: Plan, facts: Facts, context: Context, record: Explainer, rules: Iterable[int]
) -> tuple[list[bytes], list[str]]:
    """The verdicts of some rules as JSON, and all facts that they lack, each once, in rule order.

    Rules of which no fact was given say the same of every such record.
    """
    if facts.members:
        # Any derived fact may rest on them, so no rule is sure to lack everything.
        pairs = [plan.writer.verdict(record, i) for i in rules]
        return [verdict for verdict, _ in pairs], list(dict.fromkeys(name for _, lacks in pairs for name in lacks))
    given = facts.plain.keys() | facts.keyed.keys()
    needed, blank = plan.facts_by_rule, plan.blank(context)
    verdicts: list[bytes] = []
    missing: dict[str, None] = {}
    for i in rules:
        written, lacks = plan.writer.verdict(blank if needed[i].isdisjoint(given) else record, i)
        verdicts.append(written)
        if lacks:
            missing.update(dict.fromkeys(lacks))
    return verdicts, list(missing)


def missing_facts(plan: Plan, facts: Facts, context: Context, record: Explainer, rules: Iterable[int]) -> list[str]:
    """All unknown facts that leave some rules undecided, each once, in rule order."""
    if facts.members:
        return list(dict.fromkeys(name for i in rules for name in record.finding(i).missing))
    given = facts.plain.keys() | facts.keyed.keys()
    needed, blank = plan.facts_by_rule, plan.blank(context)
    found: dict[str, None] = {}
    for i in rules:
        finding = blank.finding(i) if needed[i].isdisjoint(given) else record.finding(i)
        found.update(dict.fromkeys(finding.missing))
    return list(found)


def shown_codes(chosen: Chosen, codes: str) -> str:
    """The codes of the rules that the request wants."""
    return codes if chosen.everything else "".join([codes[i] for i in chosen.rules])


def _judged(
    plan: Plan, facts: Facts, context: Context, request: EvaluationRequest, meter: Meter
) -> tuple[bytes, list[str]]:
    """`"outcome": …, "counts": …, "verdicts": […], "derived": […]` of one record under one plan, and what is missing.

    Where the request wants them `"consequences": […]` follow: of the verdicts that it wants, and of all events.
    """
    record = next(judge.judge(plan.program, [facts], [context], meter.columns_stand))
    meter.end("evaluate")
    chosen = plan.choose(Selection.of(request.evidence, request.topics, request.force))
    verdicts, missing = verdicts_of(plan, facts, context, record, chosen.rules)
    if request.trace:
        traces = [judge.trace(plan.program, i, facts, context) for i in chosen.rules]
        verdicts = [plan.writer.write(record.finding(i), t) for i, t in zip(chosen.rules, traces, strict=True)]
    codes = shown_codes(chosen, record.codes)
    counts = meter.judged(plan.name, codes)
    body = b'"outcome":%s,"counts":%s,"verdicts":%s,"derived":%s' % (
        outcome_json(chosen, record.codes),
        counts_json(counts),
        joined(verdicts),
        derived_of(plan, facts, record),
    )
    if request.consequences:
        body += b',"consequences":' + plan.following.json(facts, context, record.codes, chosen.rules)
    meter.end("encode")
    return body, missing


def evaluate_one(plans: Plans, request: EvaluationRequest, limits: Limits, meter: Meter) -> bytes:
    """The reply to a single evaluation, as JSON. `meter` has begun. Raises Problem."""
    on = read_day(request.as_of)
    library = plans.library
    check_place(library, request.division, request.subject)
    govern = governing(library, plans.standings, request.division, on, request)
    plan = plans.get(govern.ruleset.name, request.subject)
    parameters = ParameterReader(library, request.parameters)
    taking_part = (plan.ruleset, *govern.included)
    parameters.refuse_unused([name for ruleset in taking_part for name in (ruleset.name, *ruleset.standards)])
    reader = MemberReader(library, limits.members)
    facts = read_record_facts(plan, request.facts, request.members, request.division, reader)
    path = library.path(request.division)
    echoed: dict[str, object] = {}

    def run(one: Plan) -> tuple[bytes, list[str]]:
        values = parameters.of(one)
        echoed.update(parameters.shown(one, values))
        return _judged(one, facts, Context(on, path, values), request, meter)

    meter.end("decode")
    body, missing = run(plan)
    meter.recorded(request.subject)
    included = []
    for ruleset in govern.included:
        other = plans.get(ruleset.name, request.subject)
        included.append(b'{"ruleset":%s},%s}' % (other.head(on), run(other)[0]))
    return b"".join(
        (
            b'{"ruleset":',
            plan.head(on),
            b'},"also_applicable":',
            encode(govern.also),
            b',"subject":"%s","id":' % request.subject.encode(),
            encode(request.id),
            b',"as_of":"%s",' % on.isoformat().encode(),
            body,
            b',"missing":',
            encode(missing),
            b',"ignored":',
            encode(facts.ignored),
            b',"included":',
            joined(included),
            b',"parameters":',
            encode(echoed),
            b',"receipt":null}',
        )
    )
