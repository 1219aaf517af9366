"""`/health/live` and `/health/ready`: for whoever restarts and routes."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from api.routes.bodies import JSON
from api.routes.state import AppState

__all__ = ["ROUTES"]

_encode = msgspec.json.Encoder().encode
_NEVER_STORED = {"cache-control": "no-store"}


@get("/health/live")
async def live() -> Response[bytes]:
    """The process answers."""
    return Response(b'{"status":"live"}', media_type=JSON, headers=_NEVER_STORED)


@get("/health/ready")
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The rulesets are loaded and compiled; a server that cannot load them does not start."""
    names = list(AppState.of(request).plans.library.rulesets)
    body = _encode({"status": "ready", "rulesets": names})
    return Response(body, media_type=JSON, headers=_NEVER_STORED)


ROUTES = (live, ready)
