"""`POST /v1/evaluations` and `/v1/evaluations/batch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response, post
from litestar.response import Stream

from api.observe.meter import Meter
from api.problems import language_of
from api.routes.bodies import ARROW, JSON, NDJSON, content_encoding, media_type, read_body, read_pieces
from api.routes.state import AppState
from api.services.batches import BatchJob, Form
from api.services.evaluate import evaluate_one
from api.wire.packing import ENCODINGS
from api.wire.requests import read_evaluation

__all__ = ["ROUTES"]

SMALL_BODY_BYTES = 32 * 1024
"""A body up to this length is answered at once; a longer one would keep other requests waiting."""

_FORMS: dict[str, Form] = {JSON: "json", NDJSON: "ndjson", ARROW: "arrow"}


@post("/v1/evaluations", status_code=200)
async def evaluate(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Judge one subject."""
    state = AppState.of(request)
    media_type(request, (JSON,))
    content_encoding(request)
    body = await read_body(request, state.limits.single_body_bytes, state.limits.body_seconds)
    meter = Meter().begin()

    def answer() -> bytes:
        return evaluate_one(state.plans, read_evaluation(body), state.limits, meter)

    reply = answer() if len(body) <= SMALL_BODY_BYTES else await asyncio.to_thread(answer)
    state.metrics.add(meter)
    return Response(reply, media_type=JSON)


@post("/v1/evaluations/batch", status_code=200)
async def evaluate_batch(request: Request[Any, Any, Any]) -> Response[bytes] | Stream:
    """Judge many records."""
    state = AppState.of(request)
    kind = media_type(request, tuple(_FORMS))
    packed = content_encoding(request, ENCODINGS)
    language = language_of(request.headers.get("accept-language"))
    body = await read_pieces(request, state.limits.body_bytes, state.limits.body_seconds)
    job = BatchJob(list(request.query_params.multi_items()), language, _FORMS[kind], packed)
    # Columns, and what is compressed, say much in few bytes.
    if job.form != "arrow" and packed is None and sum(map(len, body)) <= SMALL_BODY_BYTES:
        meter = Meter()
        reply = b"".join(state.batches.now(job, b"".join(body), meter))
        state.metrics.add(meter)
        return Response(reply, media_type=kind)
    pieces = state.batches.aside(job, body, state.metrics.add)
    # What refuses the whole batch comes before the first piece, and still has a status of its own.
    first = await anext(pieces)
    return Stream(_all(first, pieces), media_type=kind)


async def _all(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in others:
        yield piece


ROUTES = (evaluate, evaluate_batch)
