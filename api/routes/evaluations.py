"""`POST /v1/evaluations` and `/v1/evaluations/batch`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from litestar import Request, Response, post
from litestar.response import Stream

from api.problems import language_of
from api.routes.bodies import JSON, NDJSON, media_type, read_body
from api.routes.state import AppState
from api.services.batch import Batch
from api.services.evaluate import evaluate_one
from api.wire.requests import read_batch, read_evaluation, read_options

__all__ = ["ROUTES"]

SMALL_BODY_BYTES = 32 * 1024
"""A batch up to this length is answered at once; a longer one would keep other requests waiting."""


@post("/v1/evaluations", status_code=200)
async def evaluate(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Judge one subject."""
    state = AppState.of(request)
    media_type(request, (JSON,))
    body = await read_body(request, state.limits.single_body_bytes, state.limits.body_seconds)
    return Response(evaluate_one(state.plans, read_evaluation(body)), media_type=JSON)


@post("/v1/evaluations/batch", status_code=200)
async def evaluate_batch(request: Request[Any, Any, Any]) -> Response[bytes] | Stream:
    """Judge many records."""
    state = AppState.of(request)
    kind = media_type(request, (JSON, NDJSON))
    language = language_of(request.headers.get("accept-language"))
    body = await read_body(request, state.limits.body_bytes, state.limits.body_seconds)
    options = read_options(list(request.query_params.multi_items()))
    if kind == NDJSON:
        batch = Batch(state.plans, options, state.limits, language, ndjson=True)
        return Stream(_stream(batch.ndjson(body), state, len(body)), media_type=NDJSON)

    def run() -> bytes:
        wanted = read_batch(body, options)
        return Batch(state.plans, wanted, state.limits, language, ndjson=False).json(wanted.records)

    if len(body) <= SMALL_BODY_BYTES:
        return Response(run(), media_type=JSON)
    reply = await asyncio.get_running_loop().run_in_executor(state.pool, run)
    return Response(reply, media_type=JSON)


async def _stream(blocks: Iterator[bytes], state: AppState, length: int) -> AsyncIterator[bytes]:
    """The blocks of a reply, computed off the event loop when there is much to do."""
    if length <= SMALL_BODY_BYTES:
        yield b"".join(blocks)
        return
    loop = asyncio.get_running_loop()
    while block := await loop.run_in_executor(state.pool, next, blocks, b""):
        yield block


ROUTES = (evaluate, evaluate_batch)
