"""The shapes of requests, and how they are read."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from api.problems import Problem, ProblemError, pointer
from api.wire.bodies import decode, refuse_deep, refuse_duplicates, value_problem
from engine.nearest import did_you_mean
from engine.periods import FIRST_YEAR, LAST_YEAR, parse_day
from engine.words import EVIDENCE, FORCES, TOPICS

__all__ = [
    "BatchOptions",
    "BatchRequest",
    "Detail",
    "EvaluationRequest",
    "MemberRequest",
    "Options",
    "RecordRequest",
    "read_batch",
    "read_day",
    "read_evaluation",
    "read_options",
    "read_record",
]

Authority = Literal["any", "official"]
Detail = Literal["codes", "findings", "full"]


class Options(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an evaluation may be told beside the facts."""

    as_of: str | None = None
    ruleset: str | None = None
    authority: Authority = "any"
    include: list[str] = []
    evidence: list[str] | None = None
    topics: list[str] | None = None
    force: list[str] | None = None
    parameters: dict[str, dict[str, Any]] = {}
    store: bool = False


class MemberRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A member of a subject, with its own; `division` where it is another than its container's.

    For the API's description: members are checked one by one, so that all mistakes are told at once.
    """

    subject: str
    id: Annotated[str, msgspec.Meta(min_length=1)]
    facts: dict[str, Any]
    members: list[MemberRequest] | None = None
    division: str | None = None


class EvaluationRequest(Options, kw_only=True, forbid_unknown_fields=True):
    """One subject."""

    division: str
    subject: str
    facts: dict[str, Any]
    id: str | None = None
    trace: bool = False
    consequences: bool = False
    members: list[Any] | None = None


class BatchRequest(Options, kw_only=True, forbid_unknown_fields=True):
    """Many records under the same options. A record is decoded by itself, so that it can fail by itself."""

    records: list[msgspec.Raw]
    detail: Detail = "findings"


class BatchOptions(Options, kw_only=True, forbid_unknown_fields=True):
    """The options of a batch from its query: an NDJSON body has no place for them."""

    detail: Detail = "findings"


class RecordRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One record of a batch. `parent`: the id of the record of the same batch that it is a member of."""

    division: str
    subject: str
    facts: dict[str, Any]
    id: str | None = None
    members: list[Any] | None = None
    parent: str | None = None


_DEFAULTS = BatchOptions()
_OBJECT: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])
_BATCH = msgspec.json.Decoder(BatchRequest)
_RECORD = msgspec.json.Decoder(RecordRequest)
_PARAMETERS = msgspec.json.Decoder(dict[str, dict[str, Any]])
_VOCABULARIES: dict[str, tuple[str, ...]] = {"evidence": EVIDENCE, "topics": TOPICS, "force": FORCES}
_MOST_ERRORS = 50
"""Words of limits that are told to mean nothing."""
_HELP = {"division": "send the six digits as text, in quotation marks"}


def _explained(problem: Problem, fields: tuple[str, ...]) -> Problem:
    """The same problem with a help where one can be given."""
    marked = problem.detail.split("`")
    if problem.detail.startswith("object contains unknown field") and len(marked) == 3:
        problem.help = did_you_mean(marked[1], fields)
        problem.pointer = (problem.pointer or "") + pointer([marked[1]])
    elif problem.pointer is not None and problem.help is None:
        problem.help = _HELP.get(problem.pointer.rsplit("/", 1)[-1])
    return problem


def _checked(options: Options) -> None:
    """Raise Problem for a limit that names nothing."""
    errors: list[ProblemError] = []
    for name, words in _VOCABULARIES.items():
        for i, word in enumerate(getattr(options, name) or ()):
            if word not in words and len(errors) < _MOST_ERRORS:
                listed = ", ".join(f"`{w}`" for w in words)
                detail = f"expected one of {listed}, found `{word[:60]}`"
                errors.append(ProblemError("invalid-request", detail, pointer([name, i]), did_you_mean(word, words)))
    if errors:
        raise Problem.of(tuple(errors))
    if options.store:
        raise Problem("storage-unavailable", "`store` is true, but this server keeps nothing", pointer="/store")


def read_day(text: str | None, at: str = "/as_of") -> date:
    """The day of an evaluation. Raises Problem: `missing-as-of` or `bad-date`."""
    if text is None:
        raise Problem("missing-as-of", "`as_of` is missing: say on which day", pointer=at)
    day = parse_day(text)
    if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR:
        return day
    detail = f"expected a date like `2026-11-22` between {FIRST_YEAR} and {LAST_YEAR}, found `{text[:60]}`"
    raise Problem("bad-date", detail, pointer=at)


def read_evaluation(body: bytes) -> EvaluationRequest:
    """A single evaluation. Raises Problem."""
    decoded = decode(body, _OBJECT)
    refuse_deep(decoded)
    refuse_duplicates(body, decoded)
    try:
        request = msgspec.convert(decoded, EvaluationRequest)
    except msgspec.ValidationError as error:
        raise _explained(value_problem(error), EvaluationRequest.__struct_fields__) from None
    _checked(request)
    return request


def read_batch(body: bytes, query: BatchOptions) -> BatchRequest:
    """The envelope of a JSON batch; the query stands in for what the body leaves out. Raises Problem."""
    try:
        request = decode(body, _BATCH)
    except Problem as problem:
        raise _explained(problem, BatchRequest.__struct_fields__) from None
    _checked(request)
    for name in BatchOptions.__struct_fields__:
        if getattr(request, name) == getattr(_DEFAULTS, name):
            setattr(request, name, getattr(query, name))
    return request


def read_record(raw: bytes | msgspec.Raw) -> RecordRequest:
    """One record of a batch. Raises Problem with pointers relative to the record."""
    try:
        record = decode(raw, _RECORD)
    except Problem as problem:
        raise _explained(problem, RecordRequest.__struct_fields__) from None
    for value in record.facts.values():
        if type(value) is dict or type(value) is list:
            refuse_deep(value)
    if record.members:
        refuse_deep(record.members)
    return record


def read_options(query: list[tuple[str, str]]) -> BatchOptions:
    """The options of a batch from query parameters.

    Lists are repeated or separated by commas; `parameters` is a JSON object. Raises Problem.
    """
    values: dict[str, Any] = {}
    for name, text in query:
        if name in ("include", *_VOCABULARIES):
            values.setdefault(name, []).extend(word for word in text.split(",") if word)
        elif name in values:
            raise Problem("invalid-request", f"the query parameter `{name[:60]}` stands twice")
        elif name == "parameters":
            values[name] = decode(text.encode(), _PARAMETERS)
        elif name == "store":
            if text not in ("true", "false"):
                raise Problem("invalid-request", f"expected `true` or `false` for `store`, found `{text[:60]}`")
            values[name] = text == "true"
        else:
            values[name] = text
    try:
        options = msgspec.convert(values, BatchOptions)
    except msgspec.ValidationError as error:
        problem = _explained(value_problem(error), BatchOptions.__struct_fields__)
        problem.detail = f"query: {problem.detail}"
        raise problem from None
    _checked(options)
    if options.as_of is not None:
        # Here, because a body that names its own day would hide the mistake.
        read_day(options.as_of)
    return options
