"""A target that is not yet due says where the straight line from the plan's own figure stands on the day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.files import bundled_rulesets
from api.settings import Settings
from api.wire.replies import EvaluationReply
from tests.api.conftest import BASE_URL, Client


@pytest.fixture(scope="module")
def plans() -> Iterator[Client]:
    """The service over the rulesets that came with the program."""
    with TestClient(create_app(Settings(rulesets=bundled_rulesets())), base_url=BASE_URL) as client:
        yield client


def verdicts(client: Client, facts: dict[str, Any], as_of: str) -> dict[str, Any]:
    request = {"division": "140107", "subject": "county", "as_of": as_of, "facts": facts}
    response = client.post("/v1/evaluations", json=request)
    assert response.status_code == 200, response.text
    msgspec.json.decode(response.content, type=EvaluationReply)
    return {verdict["rule"]: verdict for verdict in response.json()["verdicts"]}


def test_a_target_on_its_way(plans: Client) -> None:
    """Of 1,826 days from the end of 2020 to that of 2025, 1,095 have passed at the end of 2023."""
    found = verdicts(plans, {"safe_campus_share": 96.5}, "2023-12-31")["xinghualing/safe-campus-share"]
    assert found["verdict"] == "not_yet_due"
    assert found["pace"].pop("expected_today") == pytest.approx(96 + 1095 / 1826, abs=1e-9)
    assert found["pace"] == {
        "baseline": 96,
        "at": "2020-12-31",
        "target": 97,
        "due": "2025-12-31",
        "actual": 96.5,
        "ahead": False,
    }
    assert "匀速推进" in found["message"]["zh"]
    assert "straight line" in found["message"]["en"]


@pytest.mark.parametrize(("share", "as_of"), [(97, "2023-12-31"), (96.5, "2026-01-01")])
def test_what_is_met_or_late_has_no_pace(plans: Client, share: float, as_of: str) -> None:
    found = verdicts(plans, {"safe_campus_share": share}, as_of)["xinghualing/safe-campus-share"]
    assert found["pace"] is None


def test_what_has_no_baseline_has_no_pace(plans: Client) -> None:
    for verdict in verdicts(plans, {}, "2023-12-31").values():
        assert verdict["pace"] is None
