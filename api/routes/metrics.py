"""`/metrics`, for Prometheus."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, get

from api.observe.metrics import OPENMETRICS, TEXT
from api.routes.state import AppState

__all__ = ["ROUTES", "wants_openmetrics"]


def wants_openmetrics(accept: str) -> bool:
    """Whether an `Accept` prefers OpenMetrics 1.0 to plain text."""
    best = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        given = dict(piece.partition("=")[::2] for piece in parameters)
        if name in best and (name == "text/plain" or given.get("version", "1.0.0") == "1.0.0"):
            best[name] = max(best[name], _quality(given.get("q", "1")))
    return best["application/openmetrics-text"] > best["text/plain"]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@get("/metrics")
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The metrics of all workers."""
    state = AppState.of(request)
    as_openmetrics = wants_openmetrics(request.headers.get("accept", ""))
    # Reading the files of many workers takes a while.
    text = await asyncio.to_thread(state.metrics.exposition, as_openmetrics=as_openmetrics)
    return Response(text, media_type=OPENMETRICS if as_openmetrics else TEXT, headers={"vary": "accept"})


ROUTES = (metrics,)
