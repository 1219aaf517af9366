"""The service over a small library of its own: four made-up documents, one of them with its original."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.app import create_app
from api.settings import Limits, Settings

HERE = Path(__file__).parent
SETTINGS = Settings(rulesets=HERE / "library", sources=HERE / "originals")
BASE_URL = "http://127.0.0.1:8000"
SMALL = Limits(body_bytes=4000, unpacked_bytes=6000, single_body_bytes=2000, records=5, full_records=2)

Client = TestClient[Litestar]


@pytest.fixture(scope="session")
def app() -> Litestar:
    return create_app(SETTINGS)


@pytest.fixture(scope="session")
def client(app: Litestar) -> Iterator[Client]:
    with TestClient(app, base_url=BASE_URL) as client:
        yield client


@pytest.fixture(scope="session")
def small_client() -> Iterator[Client]:
    """The same service with limits that a test can reach."""
    with TestClient(create_app(replace(SETTINGS, limits=SMALL)), base_url=BASE_URL) as client:
        yield client


@pytest.fixture(scope="session")
def evaluate(client: Client) -> Callable[..., dict[str, Any]]:
    """Evaluate a school of 康巴什 on a day in 2024; keywords replace members of the request."""

    def run(facts: dict[str, Any], **members: Any) -> dict[str, Any]:
        request = {"division": "150603", "subject": "school", "as_of": "2024-06-30", "facts": facts, **members}
        response = client.post("/v1/evaluations", json=request)
        assert response.status_code == 200, response.text
        reply: dict[str, Any] = response.json()
        return reply

    return run
