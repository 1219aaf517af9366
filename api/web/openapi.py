"""`/schema`: the API's description, OpenAPI 3.1, made once from the shapes on the wire."""

from __future__ import annotations

from typing import Any

import msgspec

from api.problems import CATALOGUE
from api.web.examples import BATCH, BATCH_LINES, EVALUATION
from api.wire import listings, replies
from api.wire.packing import ENCODINGS
from api.wire.requests import BatchRequest, EvaluationRequest, MemberRequest, RecordRequest
from engine.words import EVIDENCE, FORCES, SUBJECTS, TOPICS

__all__ = ["document"]

Json = dict[str, Any]

_JSON = "application/json"
_NDJSON = "application/x-ndjson"
_ARROW = "application/vnd.apache.arrow.stream"
_REFERENCE = "#/components/schemas/{name}"
_REPLIES = (replies.EvaluationReply, replies.BatchReply, replies.BatchLine, replies.ProblemReply)
_TAGS = (("/v1/evaluations", "evaluations"), ("/v1/", "rulesets, facts, divisions"), ("/", "server"))
_ANYWHERE = ("foreign-host", "forwarded-request", "internal-error")
_DAY: Json = {
    "type": "string",
    "format": "date",
    "description": "a day from 1900 to 2200",
    "examples": ["2026-11-22"],
}
_CODE: Json = {"type": "string", "pattern": "^[0-9]{6}$", "examples": ["150603"]}
_FROM_BODY = ("malformed-json", "nested-too-deeply", "invalid-request", "missing-as-of", "bad-date")
_SENT = (*_FROM_BODY, "unsupported-media-type", "body-too-large", "body-too-slow", "storage-unavailable")
_OPTIONS = ("unknown-ruleset", "ruleset-refused", "ruleset-not-applicable", "unknown-parameter", "bad-parameter")
_RECORD = (
    "unknown-subject",
    "unknown-division",
    "no-ruleset",
    "member-not-allowed",
    "duplicate-id",
    "member-elsewhere",
    "too-many-members",
    "unknown-fact",
    "wrong-type",
    "out-of-bounds",
    "unknown-option",
    "bad-period",
)
_COLUMNS = """\
An Arrow IPC stream, closed by its writer. Columns `division` and `subject`, if wanted `id` and `parent` (string, also \
under a dictionary; ids may be integers), and one for each fact, by its name; null is missing. Numbers are integers, \
floats or decimals: a float32 counts by its shortest text, a decimal must fit a float64 without being rounded. Yes or \
no is bool, categories are strings, dates date32, date64 or text; checklists are a struct of bools or a map; values by \
period a struct or map by period, or JSON as text. A column of another kind of subject is ignored, an unknown one or \
one of another type refuses the batch. Buffers may be compressed.
"""
_REPLY_COLUMNS = """\
An Arrow IPC stream with a row for each record, in order: `id`, `ruleset` (`id@version`), `outcome_all`, \
`outcome_measured`, `codes`; by detail `findings` (a list of `rule`, the place among the codes, `actual` as JSON text, \
`gap`), `verdicts` and `derived` (JSON text), `missing`, `ignored`; `refused_members`; `included` where it was asked \
for; `error` (`type`, `title`, `detail`, `pointer`, `help`, `more` as JSON text), null where the record was judged. \
The schema's metadata hold `rulesets` and `counts` as in the JSON reply.
"""
_DESCRIPTION = """\
Facts about schools and counties in, compliance verdicts with clause citations out.

The server has no clock of its own: every evaluation names its day in `as_of`. A missing or null fact is unknown, \
never zero or false. Refusals are `application/problem+json`; what each type means stands at `/problems`.
"""


def document(version: str) -> Json:
    """The whole description."""
    paths = _paths()
    for path, item in paths.items():
        for operation in item.values():
            operation["tags"] = [next(tag for prefix, tag in _TAGS if path.startswith(prefix))]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Xueheng", "version": version, "description": _DESCRIPTION},
        "paths": paths,
        "components": {"schemas": _schemas(), "responses": _problem_responses()},
    }


# --- shapes -----------------------------------------------------------------------------------


def _schemas() -> Json:
    types = [getattr(listings, name) for name in listings.__all__]
    _, found = msgspec.json.schema_components(
        [*types, *_REPLIES, EvaluationRequest, BatchRequest, RecordRequest, MemberRequest], ref_template=_REFERENCE
    )
    schemas: Json = dict(found)
    for name in ("EvaluationRequest", "BatchRequest"):
        _describe_options(schemas[name])
    for name in ("EvaluationRequest", "RecordRequest"):
        properties = schemas[name]["properties"]
        properties["division"] = {
            **_CODE,
            "description": "GB/T 2260 code; a superseded one is followed to its successor",
        }
        properties["subject"] = {"type": "string", "enum": list(SUBJECTS)}
        properties["facts"] |= {
            "description": "by name as listed at /v1/facts; null is unknown, a checklist is an object of its items, a "
            "periodic fact may be an object of values by period; facts about other subjects are not looked at",
            "examples": [EVALUATION["facts"]],
        }
        properties["members"] = {
            "anyOf": [{"type": "array", "items": _ref(MemberRequest)}, {"type": "null"}],
            "default": None,
            "description": "what belongs to the subject, as a tree: derived facts are rolled up from it; an empty list "
            "is the same as none",
        }
    schemas["RecordRequest"]["properties"]["parent"] |= {
        "description": "the id of the record of the same batch that this one is a member of, wherever it stands"
    }
    member = schemas["MemberRequest"]["properties"]
    member["subject"] = {"type": "string", "enum": list(SUBJECTS)}
    member["division"] = {"anyOf": [_CODE, {"type": "null"}], "default": None, "description": "inside its container's"}
    records = schemas["BatchRequest"]["properties"]["records"]
    records["items"] = {"$ref": _REFERENCE.format(name="RecordRequest")}
    schemas["EvaluationRequest"]["properties"]["consequences"] |= {
        "description": "tell also what follows from the verdicts and attested events, step by step; without it the "
        "reply has no `consequences`"
    }
    schemas["EvaluationRequest"]["examples"] = [EVALUATION]
    schemas["BatchRequest"]["examples"] = [BATCH]
    return schemas


def _describe_options(schema: Json) -> None:
    """What the decoder cannot say: the day is required, lists have their words, nothing is stored yet."""
    properties = schema["properties"]
    properties["as_of"] = {**_DAY, "description": "the day of the evaluation, from 1900 to 2200"}
    schema["required"] = sorted({*schema.get("required", ()), "as_of"})
    for name, words in (("evidence", EVIDENCE), ("topics", TOPICS), ("force", FORCES)):
        properties[name] = {
            "anyOf": [{"type": "array", "items": {"enum": list(words)}}, {"type": "null"}],
            "default": None,
            "description": "only these rules; null is all",
        }
    properties["ruleset"] |= {"description": "judge by this one, as `id@version`, instead of the applicable one"}
    properties["include"] |= {"description": "of `also_applicable`, those to run as well"}
    properties["parameters"] |= {
        "description": "by ruleset `id@version` (the one that judges, one included, or one whose rules they "
        "incorporate), then by parameter id"
    }
    properties["store"] = {"type": "boolean", "const": False, "default": False, "description": "not available yet"}


def _ref(shape: type) -> Json:
    return {"$ref": _REFERENCE.format(name=shape.__name__)}


# --- replies ----------------------------------------------------------------------------------


def _problem_responses() -> Json:
    """One reusable response for each status that a problem can have."""
    by_status: dict[int, list[str]] = {}
    for type_ in CATALOGUE.values():
        by_status.setdefault(type_.status, []).append(type_.path)
    return {
        f"Problem{status}": {
            "description": "one of " + ", ".join(f"`{path}`" for path in sorted(paths)),
            "content": {"application/problem+json": {"schema": _ref(replies.ProblemReply)}},
        }
        for status, paths in sorted(by_status.items())
    }


def _problems(*slugs: str) -> Json:
    statuses = sorted({CATALOGUE[slug].status for slug in (*slugs, *_ANYWHERE)})
    return {str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in statuses}


def _ok(description: str, content: Json) -> Json:
    return {"200": {"description": description, "content": content}}


def _json(shape: type, example: object = None) -> Json:
    body: Json = {"schema": _ref(shape)}
    return {_JSON: body if example is None else {**body, "example": example}}


# --- paths ------------------------------------------------------------------------------------


def _parameter(where: str, name: str, schema: Json, description: str, *, required: bool = False) -> Json:
    return {"name": name, "in": where, "required": required, "schema": schema, "description": description}


def _text(**more: object) -> Json:
    return {"type": "string", **more}


def _words(words: tuple[str, ...]) -> Json:
    return {"type": "array", "items": {"enum": list(words)}}


def _get(id_: str, summary: str, content: Json, *problems: str, parameters: list[Json] | None = None) -> Json:
    operation: Json = {"operationId": id_, "summary": summary}
    if parameters:
        operation["parameters"] = parameters
    operation["responses"] = {**_ok(summary, content), **_problems(*problems)}
    return {"get": operation}


def _tag(item: Json, *, retiring: bool) -> None:
    """The reply of a GET has an entity tag; `retiring`: it may be of a version that is retired."""
    operation = item["get"]
    condition = _parameter("header", "If-None-Match", _text(), "tags that the caller has; one that fits answers 304")
    operation["parameters"] = [*operation.get("parameters", ()), condition]
    headers: Json = {"ETag": {"schema": _text(), "description": "strong: equal for equal bytes, on every worker"}}
    if retiring:
        headers["Deprecation"] = {"schema": _text(), "description": "from when on it is retired (RFC 9745)"}
        headers["Sunset"] = {"schema": _text(), "description": "until when at least it can be read (RFC 8594)"}
    operation["responses"]["200"]["headers"] = headers
    operation["responses"]["304"] = {"description": "the caller has it already", "headers": headers}


def _batch_parameters() -> list[Json]:
    def query(name: str, schema: Json, description: str) -> Json:
        return _parameter("query", name, schema, f"{description}; a JSON body may say it itself and comes first")

    by_ruleset = query("parameters", {}, "by ruleset `id@version`, then by parameter id")
    # Its text is JSON: OpenAPI says that by `content` in place of `schema`.
    by_ruleset["content"] = {_JSON: {"schema": {"type": "object", "additionalProperties": {"type": "object"}}}}
    del by_ruleset["schema"]
    lists = [
        {**query(name, _words(words), "only these rules, separated by commas"), "style": "form", "explode": False}
        for name, words in (("evidence", EVIDENCE), ("topics", TOPICS), ("force", FORCES))
    ]
    return [
        query("as_of", _DAY, "the day of the evaluation, required in one of the two"),
        query("detail", {"enum": ["codes", "findings", "full"]}, "how much is told of each record"),
        query("ruleset", _text(), "judge by this one, as `id@version`"),
        query("authority", {"enum": ["any", "official"]}, "`official` takes only documents in force"),
        query("include", _text(), "further rulesets, separated by commas"),
        *lists,
        by_ruleset,
        query("store", {"enum": ["false"]}, "not available yet"),
    ]


def _paths() -> Json:
    name = _parameter("path", "name", _text(examples=["erdos@2021.1"]), "`id` or `id@version`", required=True)
    code = _parameter("path", "code", _CODE, "GB/T 2260 code", required=True)
    slug = _parameter("path", "slug", _text(examples=["unknown-fact"]), "the last part of a `type`", required=True)
    language = _parameter("header", "Accept-Language", _text(), "`zh` or `en`, which is the default")
    evaluate: Json = {
        "operationId": "evaluate",
        "summary": "Judge one subject",
        "parameters": [language],
        "requestBody": {"required": True, "content": _json(EvaluationRequest)},
        "responses": {
            **_ok("the verdicts", _json(replies.EvaluationReply)),
            **_problems(*_SENT, "duplicate-key", *_OPTIONS, *_RECORD),
        },
    }
    batch: Json = {
        "operationId": "evaluateBatch",
        "summary": "Judge many records",
        "description": "As JSON, as NDJSON with one record a line, or as an Arrow IPC stream with a column for each "
        "fact; of the last two the options stand in the query. Records that cannot "
        "be judged have an `error` in place of their results; the others are not affected. A record with a `parent` is "
        "judged itself and counts as a member of that record. When a key stands twice in an object, the last value "
        f"counts. A body may be compressed; its `Content-Encoding` is then one of {', '.join(ENCODINGS)}.",
        "parameters": [
            language,
            *_batch_parameters(),
        ],
        "requestBody": {
            "required": True,
            "content": {
                **_json(BatchRequest),
                _NDJSON: {"schema": _text(), "example": BATCH_LINES},
                _ARROW: {"schema": _text(contentMediaType=_ARROW, description=_COLUMNS)},
            },
        },
        "responses": {
            **_ok(
                "the results, in the order of the records",
                {
                    **_json(replies.BatchReply),
                    _NDJSON: {"schema": _text(description="each line is a BatchLine")},
                    _ARROW: {"schema": _text(contentMediaType=_ARROW, description=_REPLY_COLUMNS)},
                },
            ),
            **_problems(
                *_SENT, "malformed-arrow", "malformed-compression", "too-many-records", "took-too-long", *_OPTIONS
            ),
        },
    }
    topic = _parameter("query", "topic", {"enum": list(TOPICS)}, "only facts that rules of this topic read")
    subject = _parameter("query", "subject", {"enum": list(SUBJECTS)}, "only facts about this subject")
    ruleset: Json = {"anyOf": [_ref(listings.RulesetReply), _ref(listings.RulesetVersionsReply)]}
    types = {**_json(listings.ProblemTypesReply), "text/html": {"schema": _text()}}
    type_ = {**_json(listings.ProblemTypeReply), "text/html": {"schema": _text()}}
    found = ("not-found", "invalid-request")
    paths = {
        "/v1/evaluations": {"post": evaluate},
        "/v1/evaluations/batch": {"post": batch},
        "/v1/rulesets": _get("listRulesets", "All rulesets", _json(listings.RulesetsReply), "invalid-request"),
        "/v1/rulesets/{name}": _get(
            "showRuleset",
            "By id its versions, by id@version its rules",
            {_JSON: {"schema": ruleset}},
            *found,
            parameters=[name],
        ),
        "/v1/rulesets/{name}/clauses": _get(
            "listClauses",
            "Every clause of the document, with its rules or why it has none",
            _json(listings.ClausesReply),
            *found,
            parameters=[name],
        ),
        "/v1/facts": _get(
            "listFacts",
            "The fact dictionary",
            _json(listings.FactsReply),
            "invalid-request",
            "unknown-subject",
            parameters=[subject, topic],
        ),
        "/v1/divisions/{code}": _get(
            "showDivision",
            "A division, and who governs it on a day",
            _json(listings.DivisionReply),
            *found,
            "bad-date",
            parameters=[code, _parameter("query", "as_of", _DAY, "the day; without it no ruleset is chosen")],
        ),
        "/health/live": _get("live", "The process answers", _json(listings.HealthReply)),
        "/health/ready": _get("ready", "Everything works", _json(listings.HealthReply), "not-ready"),
        "/metrics": _get(
            "metrics",
            "Metrics of all workers for Prometheus, as text or, by `Accept`, as OpenMetrics",
            {"text/plain": {"schema": _text()}, "application/openmetrics-text": {"schema": _text()}},
        ),
        "/problems": _get("listProblems", "All types of problem", types, parameters=[language]),
        "/problems/{slug}": _get(
            "showProblem", "What a type of problem means", type_, "not-found", parameters=[slug, language]
        ),
        "/schema": _get("schema", "This description", {_JSON: {"schema": {"type": "object"}}}),
        "/docs": _get("docs", "This description as a page", {"text/html": {"schema": _text()}}),
    }
    for path in ("/v1/rulesets", "/v1/rulesets/{name}", "/v1/rulesets/{name}/clauses", "/v1/facts"):
        _tag(paths[path], retiring="{name}" in path)
    return paths
