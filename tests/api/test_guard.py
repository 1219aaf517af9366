"""Without keys the server is for this machine only."""

from pathlib import Path

import pytest

from api.app import create_app
from api.library import RulesetsRefused
from api.settings import BadSetting, Settings
from tests.api.conftest import SETTINGS, Client


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "127.3.2.1:9", "localhost", "LOCALHOST:80", "[::1]", "[::1]:8000"]
)
def test_our_own_names_are_answered(client: Client, host: str) -> None:
    assert client.get("/health/live", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1@evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "localhost:x",
        "127.0.0.1:8000:1",
        " localhost",
    ],
)
def test_foreign_names_are_refused(client: Client, host: str) -> None:
    for path in ("/health/live", "/docs", "/nothing"):
        response = client.get(path, headers={"host": host})
        assert (response.status_code, response.json()["type"]) == (400, "/problems/foreign-host")


@pytest.mark.parametrize(
    "name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"]
)
def test_forwarded_requests_are_refused(client: Client, name: str) -> None:
    response = client.get("/v1/facts", headers={name: "127.0.0.1", "accept-language": "zh"})
    problem = response.json()
    assert (response.status_code, problem["type"]) == (400, "/problems/forwarded-request")
    assert problem["title"] == "拒绝转发的请求"
    assert name.lower() in problem["detail"]
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]"])
def test_loopback_may_be_served(host: str) -> None:
    Settings(host=host).require_loopback()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org", "*"])
def test_other_addresses_may_not(host: str) -> None:
    settings = Settings(host=host, rulesets=SETTINGS.rulesets)
    with pytest.raises(BadSetting, match=r"XUEHENG_HOST.*this machine only"):
        create_app(settings)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Settings()),
        ({"XUEHENG_PORT": "", "XUEHENG_RULESETS": " ", "XUEHENG_SOURCES": ""}, Settings()),
        ({"XUEHENG_PORT": "65535", "XUEHENG_HOST": "::1"}, Settings(host="::1", port=65535)),
        (
            {"XUEHENG_RULESETS": "a b", "XUEHENG_SOURCES": "c", "XUEHENG_DATA_DIR": "d"}
            | {"XUEHENG_DATABASE_URL": "postgresql://h/e"},
            Settings(rulesets=Path("a b"), sources=Path("c"), data_dir=Path("d"), database_url="postgresql://h/e"),
        ),
    ],
)
def test_settings_are_read_from_the_environment(environment: dict[str, str], expected: Settings) -> None:
    assert Settings.from_environment(environment) == expected


@pytest.mark.parametrize("port", ["x", "-1", "0", "65536", "8000.0", "٣", "8e3"])
def test_a_port_is_a_number(port: str) -> None:
    with pytest.raises(BadSetting, match="XUEHENG_PORT"):
        Settings.from_environment({"XUEHENG_PORT": port})


def test_broken_rulesets_are_refused_with_every_mistake(tmp_path: Path) -> None:
    facts = tmp_path / "facts"
    facts.mkdir()
    (facts / "a.yaml").write_text("- fact: a\n  subject: school\n  type: nothing\n- fact: b\n  sort: x\n", "utf-8")
    with pytest.raises(RulesetsRefused) as refused:
        create_app(Settings(rulesets=tmp_path))
    text = str(refused.value)
    assert "facts/a.yaml:3" in text
    assert "facts/a.yaml:5" in text
    assert "^" in text


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesetsRefused, match="no folder"):
        create_app(Settings(rulesets=tmp_path / "gone"))
