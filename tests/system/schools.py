"""Made-up schools for load, and how to send them: facts that a school can have, with values within their bounds."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

__all__ = ["AS_OF", "connected", "fetch", "post", "schools"]

AS_OF = "2026-11-22"
_DIVISION = "150603"
_FACTS = 40
_JSON = {"content-type": "application/json"}


@contextmanager
def connected(url: str) -> Iterator[HTTPConnection]:
    """A connection of its own, which may land at any worker."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=120)
    try:
        yield connection
    finally:
        connection.close()


def fetch(url: str, path: str) -> bytes:
    """The reply to a GET, which must be 200."""
    with connected(url) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        reply = response.read()
    assert response.status == 200, reply[:1000]
    return reply


def post(url: str, path: str, body: bytes) -> Any:
    """The reply to a POST, which must be 200."""
    with connected(url) as connection:
        connection.request("POST", path, body, _JSON)
        response = connection.getresponse()
        reply = response.read()
    assert response.status == 200, reply[:1000]
    return json.loads(reply)


def schools(url: str, number: int) -> list[dict[str, Any]]:
    """Records of a batch. The same on every call."""
    listed = json.loads(fetch(url, "/v1/facts?subject=school"))["facts"]
    chance = random.Random(1)
    facts = [fact for fact in listed if _value(fact, chance) is not None][:_FACTS]
    assert len(facts) == _FACTS
    return [
        {
            "division": _DIVISION,
            "subject": "school",
            "id": f"s-{i}",
            "facts": {fact["fact"]: _value(fact, chance) for fact in facts},
        }
        for i in range(number)
    ]


def _value(fact: dict[str, Any], chance: random.Random) -> bool | float | None:
    low, high = fact.get("bounds") or (None, None)
    low, high = float(low or 0), float(100 if high is None else high)
    match fact["type"]:
        case "boolean":
            return chance.random() < 0.8
        case "integer":
            return chance.randint(int(low), int(high))
        case "number" | "percent":
            return round(chance.uniform(low, high), 1)
        case _:
            return None
