"""Batches in compressed bodies: all forms, several members, and what is no such body."""

import gzip
import json
from typing import Any

import pyarrow as pa
import pytest

from tests.api.conftest import Client
from tests.api.test_arrow import ARROW, TO, batch, stream

RECORDS = [
    {"division": "150603", "subject": "school", "id": f"s-{i}", "facts": {"primary_classes": i, "clubs": i}}
    for i in range(5)
]
BODIES = {
    "application/json": json.dumps({"records": RECORDS}).encode(),
    "application/x-ndjson": "".join(json.dumps(record) + "\n" for record in RECORDS).encode(),
    ARROW: stream(batch(), compression="lz4"),
}


def packed(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(body)
    found: bytes = pa.compress(body, encoding, asbytes=True)
    return found


def post(client: Client, body: bytes, encoding: str, kind: str = "application/json") -> Any:
    headers = {"content-type": kind, "content-encoding": encoding}
    return client.post(TO, params={"as_of": "2024-06-30"}, content=body, headers=headers)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("kind", BODIES)
def test_every_form_may_be_compressed(client: Client, kind: str, encoding: str) -> None:
    plain = post(client, BODIES[kind], "identity", kind)
    assert plain.status_code == 200
    response = post(client, packed(BODIES[kind], encoding), encoding, kind)
    assert (response.status_code, response.content) == (200, plain.content)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "zstd", "ZSTD"])
def test_several_members_are_one_body(client: Client, encoding: str) -> None:
    body = BODIES["application/x-ndjson"]
    codec = encoding.lower().removeprefix("x-")
    parts = packed(body[:100], codec) + packed(body[100:101], codec) + packed(body[101:], codec)
    response = post(client, parts, encoding, "application/x-ndjson")
    assert (response.status_code, response.text.count('"result"')) == (200, 5)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_what_cannot_be_unpacked_is_refused(client: Client, encoding: str) -> None:
    body = packed(BODIES["application/json"], encoding)
    other = packed(BODIES["application/json"], "zstd" if encoding == "gzip" else "gzip")
    # In the head: a frame of zstd need not have a checksum of what it holds.
    damaged = bytearray(body)
    damaged[2] ^= 0xFF
    bad = [b"", body[:1], body[:5], body[:-1], body[: len(body) // 2], body + b"garbage", body * 2 + b"\0", other]
    for sent in [*bad, bytes(damaged), BODIES["application/json"]]:
        response = post(client, sent, encoding)
        assert response.status_code == 400, (sent[:20], response.text)
        assert response.json()["type"] == "/problems/malformed-compression"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_left_packed(small_client: Client, encoding: str) -> None:
    body = packed(b" " * 10_000_000, encoding)
    # The one that is short enough to come in whole.
    body = body if len(body) < 4_000 else packed(b" " * 100_000, encoding)
    assert len(body) < 4_000
    response = post(small_client, body, encoding)
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/body-too-large"
    assert "compressed" in response.json()["detail"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "gzip, zstd", "lz4"])
def test_other_encodings_are_refused(client: Client, encoding: str) -> None:
    response = post(client, b"{}", encoding)
    assert response.status_code == 415
    assert "`gzip`, `zstd`" in response.json()["detail"]


def test_single_evaluations_are_not_compressed(client: Client) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    response = client.post("/v1/evaluations", content=gzip.compress(b"{}"), headers=headers)
    assert response.status_code == 415
