"""`/health/live` and `/health/ready`: for whoever restarts and routes."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from api.problems import Problem
from api.routes.bodies import JSON
from api.routes.state import AppState

__all__ = ["ROUTES"]

_encode = msgspec.json.Encoder().encode
_NEVER_STORED = {"cache-control": "no-store"}
_ASK_AGAIN = {"retry-after": "2"}


@get("/health/live")
async def live() -> Response[bytes]:
    """The process answers."""
    return Response(b'{"status":"live"}', media_type=JSON, headers=_NEVER_STORED)


@get("/health/ready")
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Everything works. What does not is told: evaluations may go on all the same, so this is for operators to read."""
    state = AppState.of(request)
    troubles = [] if state.storekeeper is None else await state.storekeeper.troubles()
    if troubles:
        checks = [{"check": trouble.check, "detail": trouble.detail} for trouble in troubles]
        detail = "; ".join(trouble.detail.split("\n", 1)[0] for trouble in troubles)
        raise Problem("not-ready", detail, extra={"checks": checks}, headers=_ASK_AGAIN)
    body = _encode({"status": "ready", "rulesets": list(state.plans.library.rulesets)})
    return Response(body, media_type=JSON, headers=_NEVER_STORED)


ROUTES = (live, ready)
