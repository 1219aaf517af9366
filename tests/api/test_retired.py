"""What is retired is no longer chosen, says so, and stays readable; what the caller has is not sent again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.routes.conditional import matches
from api.services.standing import Standing, Standings
from tests.api.conftest import BASE_URL, SETTINGS, Client

PUBLISHED = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
# Midnight of 2024-07-01 in China.
RETIRED = datetime(2024, 6, 30, 16, tzinfo=UTC)
SUNSET = datetime(2029, 12, 31, 16, tzinfo=UTC)
TAGGED = ["/v1/rulesets", "/v1/rulesets/town", "/v1/rulesets/town@2021.1", "/v1/rulesets/town/clauses", "/v1/facts"]


@pytest.fixture(scope="module")
def running() -> Iterator[Client]:
    """An application whose standings a test may set."""
    with TestClient(create_app(SETTINGS), base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def own(running: Client) -> Client:
    """The same with nothing published."""
    running.app.state.xueheng.plans.standings = Standings()
    return running


def stand(client: Client, **standings: Standing) -> None:
    """What the database says, by id; all are of the versions that stand in the library."""
    versions = {"town": "town@2021.1", "upland": "upland@2019.1"}
    by_name = {versions[id_]: standing for id_, standing in standings.items()}
    client.app.state.xueheng.plans.standings = Standings(by_name=by_name)


def evaluate(client: Client, day: str, **members: Any) -> dict[str, Any]:
    request = {"division": "150603", "subject": "school", "as_of": day, "facts": {}, **members}
    reply: dict[str, Any] = client.post("/v1/evaluations", json=request).json()
    return reply


@pytest.mark.parametrize(
    ("day", "chosen"), [("2024-06-30", "town"), ("2024-07-01", "upland"), ("2030-01-01", "upland")]
)
def test_from_its_day_on_it_is_not_chosen(own: Client, day: str, chosen: str) -> None:
    stand(own, town=Standing(PUBLISHED, RETIRED))
    assert evaluate(own, day)["ruleset"]["id"] == chosen
    batch = {"as_of": day, "records": [{"division": "150603", "subject": "school", "id": "a", "facts": {}}]}
    assert own.post("/v1/evaluations/batch", json=batch).json()["rulesets"][0]["id"] == chosen
    division = own.get("/v1/divisions/150603", params={"as_of": day}).json()
    assert division["ruleset"].split("@")[0] == chosen
    assert ("town@2021.1" in division["also_applicable"]) is False
    for pin in ("town@2021.1", "town"):
        assert evaluate(own, day, ruleset=pin)["ruleset"]["id"] == "town"


def test_notices_follow_the_standing(own: Client) -> None:
    assert "unpublished" in evaluate(own, "2024-06-30")["ruleset"]["notices"]
    stand(own, town=Standing(PUBLISHED))
    assert "unpublished" not in evaluate(own, "2024-06-30")["ruleset"]["notices"]
    stand(own, upland=Standing(PUBLISHED))
    assert "unpublished" in evaluate(own, "2024-06-30")["ruleset"]["notices"]


def test_what_is_not_what_was_published_judges_nothing(own: Client) -> None:
    own.app.state.xueheng.plans.standings = Standings(refused={"town@2021.1": "it moved\n  rule changed"})
    reply = evaluate(own, "2024-06-30")
    assert (reply["type"], reply["status"], reply["detail"]) == ("/problems/ruleset-refused", 503, "it moved")
    assert evaluate(own, "2024-06-30", ruleset="upland@2019.1")["ruleset"]["id"] == "upland"
    records = [{"division": d, "subject": "school", "id": d, "facts": {}} for d in ("150603", "110101")]
    results = own.post("/v1/evaluations/batch", json={"as_of": "2024-06-30", "records": records}).json()["results"]
    assert results[0]["error"]["type"] == "/problems/ruleset-refused"
    assert "codes" in results[1]


@pytest.mark.parametrize("path", TAGGED)
def test_a_known_tag_answers_304(own: Client, path: str) -> None:
    first = own.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    assert first.headers["cache-control"] == "no-cache"
    for value in (etag, f"W/{etag}", f'"x", {etag}', "*", f'W/"a,b",{etag}'):
        again = own.get(path, headers={"if-none-match": value})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert "content-type" not in again.headers
        assert again.headers.get("content-length") in (None, "0")
    for value in ('"x"', etag.strip('"'), "", etag[:-1]):
        other = own.get(path, headers={"if-none-match": value})
        assert (other.status_code, other.content, other.headers["etag"]) == (200, first.content, etag)


def test_several_lines_of_tags_are_one_list() -> None:
    assert matches(['"a"', '"b", "c"'], '"c"')
    assert not matches(['"a"', '"b", "c"'], '"d"')
    assert not matches([], '"a"')


def test_a_tag_is_of_its_bytes(own: Client) -> None:
    tags = [own.get(path).headers["etag"] for path in (*TAGGED, "/v1/facts?subject=school", "/v1/facts?topic=culture")]
    assert len(set(tags)) == len(tags)
    before = [own.get(path) for path in TAGGED]
    stand(own, town=Standing(PUBLISHED))
    after = [own.get(path) for path in TAGGED]
    for one, other in zip(before, after, strict=True):
        assert (one.headers["etag"] == other.headers["etag"]) == (one.content == other.content)
    assert [one.content == other.content for one, other in zip(before, after, strict=True)] == [False] * 3 + [True] * 2
    assert own.get(TAGGED[0], headers={"if-none-match": before[0].headers["etag"]}).status_code == 200


def test_the_catalogue_says_how_a_version_stands(own: Client) -> None:
    members = ("published_at", "retired_at", "sunset")
    assert [own.get("/v1/rulesets/town@2021.1").json()[m] for m in members] == [None] * 3
    stand(own, town=Standing(PUBLISHED, RETIRED, SUNSET))
    found = [own.get("/v1/rulesets/town@2021.1").json()[m] for m in members]
    assert found == ["2026-11-22T08:30:00Z", "2024-06-30T16:00:00Z", "2029-12-31T16:00:00Z"]


@pytest.mark.parametrize(
    "path", ["/v1/rulesets/town@2021.1", "/v1/rulesets/town@2021.1/clauses", "/v1/rulesets/town/clauses"]
)
def test_what_is_retired_says_so_in_its_headers(own: Client, path: str) -> None:
    stand(own, town=Standing(PUBLISHED))
    assert not {"deprecation", "sunset"} & set(own.get(path).headers)
    stand(own, town=Standing(PUBLISHED, RETIRED))
    assert own.get(path).headers["deprecation"] == f"@{int(RETIRED.timestamp())}" == "@1719763200"
    assert "sunset" not in own.get(path).headers
    stand(own, town=Standing(PUBLISHED, RETIRED, SUNSET))
    shown = own.get(path)
    assert shown.headers["sunset"] == "Mon, 31 Dec 2029 16:00:00 GMT"
    again = own.get(path, headers={"if-none-match": shown.headers["etag"]})
    assert (again.status_code, again.headers["sunset"]) == (304, shown.headers["sunset"])
    assert not {"deprecation", "sunset"} & set(own.get("/v1/rulesets").headers)


def test_the_day_of_a_retirement_is_a_day_in_china() -> None:
    at = datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)
    standings = Standings(by_name={"a@1": Standing(at, at), "b@1": Standing(at, at + timedelta(seconds=1))})
    assert {name: day.isoformat() for name, day in standings.retired.items()} == {
        "a@1": "2026-11-22",
        "b@1": "2026-11-23",
    }
