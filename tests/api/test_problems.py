"""Problem types: stable, explained in two languages, each with a page."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from litestar import get
from litestar.testing import TestClient
from structlog.testing import capture_logs

from api.app import create_app
from api.problems import CATALOGUE, language_of
from api.wire.listings import ProblemTypeReply, ProblemTypesReply
from api.wire.replies import ProblemReply
from tests.api.conftest import BASE_URL, SETTINGS, Client

HTML = {"accept": "text/html"}
JSON = {"accept": "application/json"}
# A slug once used keeps its meaning: this list only grows.
SLUGS = [
    "malformed-json",
    "nested-too-deeply",
    "duplicate-key",
    "invalid-request",
    "missing-as-of",
    "bad-date",
    "bad-period",
    "unknown-fact",
    "wrong-type",
    "out-of-bounds",
    "unknown-option",
    "unknown-subject",
    "unknown-division",
    "unknown-ruleset",
    "ruleset-not-applicable",
    "no-ruleset",
    "unknown-parameter",
    "bad-parameter",
    "member-not-allowed",
    "duplicate-id",
    "member-elsewhere",
    "unknown-parent",
    "too-many-members",
    "storage-unavailable",
    "too-many-records",
    "body-too-large",
    "body-too-slow",
    "took-too-long",
    "unsupported-media-type",
    "not-found",
    "method-not-allowed",
    "foreign-host",
    "forwarded-request",
    "internal-error",
]


class Text(HTMLParser):
    """Only what a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(html)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_slugs_are_stable() -> None:
    assert set(SLUGS) <= set(CATALOGUE)


@pytest.mark.parametrize("slug", CATALOGUE)
def test_texts_are_whole_and_in_their_language(slug: str) -> None:
    type_ = CATALOGUE[slug]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
    assert 400 <= type_.status < 600
    for text in (type_.title, type_.meaning, type_.remedy):
        assert re.search(r"[\u4e00-\u9fff]", text["zh"])
        assert not re.search(r"[\u4e00-\u9fff，。；：]", text["en"])
        assert text["en"][0].isupper() or text["en"][0] in "`"
        # Chinese sentences have Chinese marks.
        assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", text["zh"])
    for text in (type_.meaning, type_.remedy):
        assert text["en"].endswith(".")
        assert text["zh"].endswith("。")


@pytest.mark.parametrize("slug", CATALOGUE)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_type_has_its_page(client: Client, slug: str, language: str) -> None:
    type_ = CATALOGUE[slug]
    response = client.get(f"/problems/{slug}", headers={**HTML, "accept-language": language})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-language"] == language
    page = Text(response.text).text
    for text in (type_.title, type_.meaning, type_.remedy):
        assert text[language].replace("`", "") in page


def test_all_types_stand_on_one_page_and_in_one_reply(client: Client) -> None:
    page = client.get("/problems", headers=HTML).text
    assert re.findall(r'href="/problems/([a-z-]+)"', page) == list(CATALOGUE)
    reply = client.get("/problems", headers=JSON)
    listed = msgspec.json.decode(reply.content, type=ProblemTypesReply)
    assert [p.type for p in listed.problems] == [t.path for t in CATALOGUE.values()]
    one = client.get("/problems/unknown-fact", headers={**JSON, "accept-language": "zh"})
    assert msgspec.json.decode(one.content, type=ProblemTypeReply).title == "未知指标"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB, zh;q=0.5", "en"),
        ("fr, zh-Hans;q=0.4, en;q=0.3", "zh"),
        ("en;q=0.2, ZH-TW", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=x, en", "en"),
        (";;,,zh;q=0.1", "zh"),
        ("zh;q=nan", "en"),
    ],
)
def test_the_preferred_language(accept: str | None, language: str) -> None:
    assert language_of(accept) == language


@pytest.mark.parametrize(("language", "title"), [("en", "Unknown division"), ("zh-CN", "未知行政区划")])
def test_titles_follow_the_language(client: Client, language: str, title: str) -> None:
    body: dict[str, Any] = {"division": "x", "subject": "school", "as_of": "2024-01-01", "facts": {}}
    response = client.post("/v1/evaluations", json=body, headers={"accept-language": language})
    problem = msgspec.json.decode(response.content, type=ProblemReply)
    assert (problem.title, response.headers["content-language"]) == (title, language[:2])
    assert response.headers["vary"] == "accept-language"


def test_our_own_mistake_is_logged_and_not_told() -> None:
    @get("/boom")
    async def boom() -> None:
        raise ZeroDivisionError("the secret of row 7")

    with TestClient(create_app(SETTINGS, extra_routes=[boom]), base_url=BASE_URL) as client, capture_logs() as events:
        response = client.get("/boom")
    assert (response.status_code, response.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in response.text
    (event,) = [event for event in events if event["log_level"] == "error"]
    assert (event["event"], event["route"], event["error"]) == ("internal_error", "/boom", "ZeroDivisionError")
    assert any("test_problems.py" in frame and frame.endswith(" boom") for frame in event["frames"])
    # The words of an error may hold facts.
    assert "secret" not in repr(events)
