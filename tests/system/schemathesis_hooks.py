"""What Schemathesis is told about this API beyond `/schema`; it imports this module in a process of its own.

- Names that exist: a made-up place or fact is refused long before the reply that is to be looked at.
- NDJSON, which it cannot write or read by itself.
- Records fail one by one: a batch with a wrong record is answered 200, the record has an error.
- What happens to every record is checked by `records_answered_in_place`.
"""

import copy
import json
import os
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import AcceptedNegativeData, Failure, ServerError

URL = "XUEHENG_URL"
NDJSON = "application/x-ndjson"
DAYS = ["2026-11-22", "2021-06-30"]
BATCH = "POST /v1/evaluations/batch"
EVALUATE = "POST /v1/evaluations"

Json = dict[str, Any]
Case = schemathesis.Case[Any]


def fetch(path: str) -> Json:
    connection = HTTPConnection(urlsplit(os.environ[URL]).netloc, timeout=30)
    connection.request("GET", path, headers={"accept": "application/json"})
    response = connection.getresponse()
    assert response.status == 200, path
    body: Json = json.loads(response.read())
    connection.close()
    return body


# --- what exists ------------------------------------------------------------------------------


def fact_schema(fact: Json) -> Json:
    low, high = fact["bounds"] or (0, 0)
    options = [option["id"] for option in fact["options"]]
    types: dict[str, Json] = {
        "boolean": {"type": "boolean"},
        "integer": {"type": "integer", "minimum": low, "maximum": high},
        "number": {"type": "number", "minimum": low, "maximum": high},
        "percent": {"type": "number", "minimum": low, "maximum": high},
        "date": {"type": "string", "enum": DAYS},
        "category": {"enum": options},
        "grade": {"enum": options},
        "checklist": {
            "type": "object",
            "properties": {option: {"type": "boolean"} for option in options},
            "additionalProperties": False,
        },
    }
    return types[fact["type"]]


def some_facts() -> Json:
    """Schemas of the first fact of each type about schools, by name."""
    first = {f["type"]: f for f in reversed(fetch("/v1/facts?subject=school")["facts"]) if f["period"] is None}
    return {fact["fact"]: fact_schema(fact) for fact in first.values()}


DESCRIBED: Json = fetch("/schema")
RULESETS = [f"{r['id']}@{r['version']}" for r in fetch("/v1/rulesets")["rulesets"]]
DIVISIONS = ["150603", "150602", "140107", "620722", "110101"]
FACTS = some_facts()
PROBLEMS = [p["type"].rpartition("/")[2] for p in fetch("/problems")["problems"]]
NAMES = {"name": RULESETS, "code": DIVISIONS, "slug": PROBLEMS, "as_of": DAYS, "ruleset": RULESETS, "include": RULESETS}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: Json) -> None:
    """Narrow free texts to names that exist. What breaks only this is no breach of the description."""
    schemas = raw_schema["components"]["schemas"]
    for name in ("EvaluationRequest", "RecordRequest"):
        properties = schemas[name]["properties"]
        properties["division"]["enum"] = DIVISIONS
        properties["facts"] |= {"properties": FACTS, "additionalProperties": False}
        # Drawn at random hardly any member can belong to its container; tests of their own send members.
        properties["members"] = {"anyOf": [{"type": "array", "maxItems": 0}, {"type": "null"}]}
    for name in ("EvaluationRequest", "BatchRequest"):
        properties = schemas[name]["properties"]
        properties["as_of"]["enum"] = DAYS
        properties["ruleset"] = {"enum": [None, *RULESETS]}
        properties["include"]["items"]["enum"] = RULESETS
        properties["parameters"]["maxProperties"] = 0
    lines = raw_schema["paths"]["/v1/evaluations/batch"]["post"]["requestBody"]["content"][NDJSON]
    # Once a media type is registered, its examples have to be bytes.
    lines["example"] = lines["example"].encode()
    for item in raw_schema["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in NAMES:
                    parameter["schema"] = {**parameter["schema"], "enum": NAMES[parameter["name"]]}
                elif parameter["name"] == "parameters":
                    parameter["content"]["application/json"]["schema"]["maxProperties"] = 0


# --- NDJSON -----------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_RECORDS = st.fixed_dictionaries(
    {
        "division": st.sampled_from([*DIVISIONS, "000000"]),
        "subject": st.sampled_from(["school", "county", "city", "nothing"]),
        "facts": st.dictionaries(st.sampled_from([*FACTS, "unheard_of"]), _VALUES, max_size=4),
    },
    optional={"id": st.none() | st.text(), "members": st.none()},
)
_LINES = (_RECORDS | _VALUES).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40)
schemathesis.openapi.media_type(NDJSON, st.lists(_LINES, max_size=6).map(b"\n".join))


@schemathesis.deserializer(NDJSON)
def read_lines(context: schemathesis.DeserializationContext, response: schemathesis.Response) -> str:
    """Described as text; the lines are looked at by `records_answered_in_place`."""
    return response.content.decode()


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: Json) -> None:
    """Such a body has no place for the day, and OpenAPI cannot require a parameter of one media type alone."""
    if case.media_type == NDJSON and case.meta is not None and case.meta.generation.mode.is_positive:
        case.query.setdefault("as_of", DAYS[0])


# --- what is no failure -----------------------------------------------------------------------


def validator(schema: Json) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DESCRIBED["components"]}, validate_formats=True)


def shape(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def any_records() -> Json:
    """A batch whose records may be anything, since they are refused one by one."""
    schema: Json = copy.deepcopy(DESCRIBED["components"]["schemas"]["BatchRequest"])
    del schema["properties"]["records"]["items"]
    return schema


BODIES = {EVALUATE: validator(shape("EvaluationRequest")), BATCH: validator(any_records())}
RECORD, LINE = validator(shape("RecordRequest")), validator(shape("BatchLine"))


def with_query(case: Case) -> object:
    """The body of a JSON batch may leave the day to the query. Of the other operation the query says nothing."""
    body = case.body
    if case.operation.label == BATCH and isinstance(body, dict) and body.get("as_of") is None and "as_of" in case.query:
        return {**body, "as_of": case.query["as_of"]}
    return body


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Failure, case: Case, response: schemathesis.Response
) -> bool:
    """Keep a failure unless it is known to be none."""
    if isinstance(failure, ServerError):
        # Storing is described as not available yet; it is refused with 503 and this type alone.
        return not (response.status_code == 503 and response.json()["type"] == "/problems/storage-unavailable")
    if isinstance(failure, AcceptedNegativeData) and case.meta is not None:
        negative = [where for where, part in case.meta.components.items() if part.mode.is_negative]
        described = BODIES.get(case.operation.label)
        if described is not None and [where.name for where in negative] == ["BODY"]:
            return not described.is_valid(with_query(case))
    return True


# --- records ----------------------------------------------------------------------------------


def is_record(raw: bytes) -> bool:
    try:
        return RECORD.is_valid(json.loads(raw))
    except (ValueError, RecursionError):
        return False


@schemathesis.check
def records_answered_in_place(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> bool | None:
    """As many results as records, in order; what is no record has an error; every line of NDJSON as described."""
    if case.operation.label != BATCH or response.status_code != 200:
        return True
    sent = response.request.body or b""
    sent = sent.encode() if isinstance(sent, str) else sent
    assert isinstance(sent, bytes)
    if response.headers["content-type"] == [NDJSON]:
        lines = [json.loads(line) for line in response.content.splitlines()]
        for line in lines:
            assert LINE.is_valid(line), line
        assert [line for line in lines if "counts" in line] == lines[-1:]
        results = [line["result"] for line in lines if "result" in line]
        records = [is_record(line) for line in sent.split(b"\n") if line and not line.isspace()]
    else:
        results = response.json()["results"]
        records = [RECORD.is_valid(record) for record in json.loads(sent)["records"]]
    assert len(results) == len(records)
    for result, right in zip(results, records, strict=True):
        assert right or "error" in result, result
    return None
