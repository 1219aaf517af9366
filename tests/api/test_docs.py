"""`/schema` describes what the server does, and `/docs` shows it without any other machine."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import jsonschema_rs
import pytest
from litestar import Litestar

from api.web.examples import BATCH, BATCH_LINES, EVALUATION
from tests.api.conftest import BASE_URL, HERE, Client

LOADING = {"src", "href", "data", "action", "poster", "srcset", "background"}
VERBS = {"get", "post", "put", "delete", "patch"}


class Links(HTMLParser):
    """Everything that a page loads or leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in LOADING]
        self.inline += tag == "style" or (tag == "script" and not dict(attrs).get("src"))
        self.inline += any(name.startswith("on") for name, _ in attrs)


@pytest.fixture(scope="module")
def schema(client: Client) -> dict[str, Any]:
    response = client.get("/schema")
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize("path", ["/docs", "/problems", "/problems/unknown-fact"])
def test_pages_load_nothing_from_elsewhere(client: Client, path: str) -> None:
    response = client.get(path, headers={"accept": "text/html"})
    links = Links(response.text)
    assert links.found
    assert links.inline == 0
    for link in links.found:
        target = urlsplit(urljoin(BASE_URL + path, link))
        assert f"{target.scheme}://{target.netloc}" == BASE_URL
        assert client.get(link).status_code == 200, link
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "script-src 'self';" in policy


def test_styles_and_our_script_load_nothing_from_elsewhere(client: Client) -> None:
    for name in ("swagger-ui.css", "page.css", "start.js"):
        text = client.get(f"/docs/assets/{name}").text
        urls = [url for url in re.findall(r"url\(\s*[\"']?([^\"')]+)", text) if not url.startswith("data:")]
        assert not urls
        assert "@import" not in text
    start = client.get("/docs/assets/start.js").text
    assert 'url: "/schema"' in start
    # The viewer would else send the description to a public validator.
    assert "validatorUrl: null" in start


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(schema: dict[str, Any], reference: str) -> Any:
    node: Any = schema
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def validator(schema: dict[str, Any], name: str) -> Any:
    return jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}, validate_formats=True
    )


def test_the_description_is_sound(schema: dict[str, Any]) -> None:
    assert schema["openapi"] == "3.1.0"
    assert set(schema["info"]) >= {"title", "version", "description"}
    for reference in references(schema):
        assert resolve(schema, reference)
    for shape in schema["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **shape})
    operations = [op for path in schema["paths"].values() for verb, op in path.items() if verb in VERBS]
    ids = [op["operationId"] for op in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        assert "200" in operation["responses"]
        assert operation["summary"]
        for parameter in operation.get("parameters", ()):
            assert set(parameter) >= {"name", "in", "required", "description"}
            assert ("schema" in parameter) != ("content" in parameter)
            assert parameter["in"] != "path" or parameter["required"]


def test_every_route_is_described_and_nothing_else(app: Litestar, schema: dict[str, Any]) -> None:
    described = {(path, verb.upper()) for path, item in schema["paths"].items() for verb in item}
    served = {
        (re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path), method)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in ("OPTIONS", "HEAD")
    }
    assert described == served - {("/docs/assets/{name}", "GET")}
    for path, item in schema["paths"].items():
        for operation in item.values():
            inside = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert inside == set(re.findall(r"\{(\w+)\}", path))


def test_examples_work_as_they_stand(client: Client, schema: dict[str, Any]) -> None:
    for name, example in (("EvaluationRequest", EVALUATION), ("BatchRequest", BATCH)):
        validator(schema, name).validate(example)
        assert schema["components"]["schemas"][name]["examples"] == [example]
    single = client.post("/v1/evaluations", json=EVALUATION)
    validator(schema, "EvaluationReply").validate(single.json())
    as_json = client.post("/v1/evaluations/batch", json=BATCH)
    validator(schema, "BatchReply").validate(as_json.json())
    assert not [r for r in as_json.json()["results"] if "error" in r]
    as_lines = client.post(
        "/v1/evaluations/batch",
        params={"as_of": BATCH["as_of"]},
        content=BATCH_LINES,
        headers={"content-type": "application/x-ndjson"},
    )
    for line in as_lines.text.splitlines():
        validator(schema, "BatchLine").validate(json.loads(line))


@pytest.mark.parametrize("path", sorted((HERE / "golden").glob("*.json")), ids=lambda path: path.stem)
def test_golden_requests_and_replies_fit_the_description(schema: dict[str, Any], path: Any) -> None:
    golden = json.loads(path.read_text("utf-8"))
    batch = golden["to"].endswith("batch")
    validator(schema, "BatchRequest" if batch else "EvaluationRequest").validate(golden["request"])
    name = "ProblemReply" if golden["status"] != 200 else "BatchReply" if batch else "EvaluationReply"
    validator(schema, name).validate(golden["reply"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"as_of": None},
        {"subject": "scool"},
        {"facts": []},
        {"evidence": ["x"]},
        {"division": 150603},
        {"members": [{"subject": "school"}]},
        {"store": True},
        {"unknown": 1},
        {"as_of": "2024-13-01"},
    ],
)
def test_what_the_server_refuses_the_description_refuses(
    client: Client, schema: dict[str, Any], wrong: dict[str, Any]
) -> None:
    body = {**EVALUATION, **wrong}
    assert client.post("/v1/evaluations", json=body).status_code >= 400
    assert not validator(schema, "EvaluationRequest").is_valid(body)


def test_a_day_is_required_by_the_description(schema: dict[str, Any]) -> None:
    body = {k: v for k, v in EVALUATION.items() if k != "as_of"}
    assert not validator(schema, "EvaluationRequest").is_valid(body)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/rulesets", "RulesetsReply"),
        ("/v1/rulesets/town", "RulesetVersionsReply"),
        ("/v1/rulesets/town@2021.1", "RulesetReply"),
        ("/v1/rulesets/town/clauses", "ClausesReply"),
        ("/v1/facts", "FactsReply"),
        ("/v1/divisions/150603?as_of=2024-01-01", "DivisionReply"),
        ("/health/live", "HealthReply"),
        ("/health/ready", "HealthReply"),
        ("/v1/nothing", "ProblemReply"),
    ],
)
def test_replies_fit_the_description(client: Client, schema: dict[str, Any], path: str, name: str) -> None:
    validator(schema, name).validate(client.get(path).json())
