"""One event and one count for each request, around everything else that answers it."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, HTTPSendMessage, Message, Receive, Scope, Send

from api.observe.identity import Identity, identify
from api.observe.metrics import UNMATCHED, Metrics

__all__ = ["Observer", "note_problem", "route_of"]

_PROBLEM = "xueheng_problem"
_BROKEN_OFF = "aborted"
# Asked every few seconds by machines: of interest only when they fail.
_ROUTINE = frozenset({"/health/live", "/health/ready", "/metrics"})


def route_of(scope: Scope) -> str:
    """The template of the route that a request was led to; one word for all that no route answers."""
    return scope.get("path_template") or UNMATCHED


def note_problem(scope: Scope, slug: str) -> None:
    """Remember with what type of problem a request is answered."""
    cast("dict[str, object]", scope["state"])[_PROBLEM] = slug


class Observer:
    """Gives each request its identity, measures it, and tells of it when its reply has been sent."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = structlog.get_logger("xueheng").bind() if structlog.is_configured() else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and watch it."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
        else:
            await self._watch(scope, receive, send)

    async def _watch(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        request = _Watched(identify(scope["headers"]), receive, send)
        tokens = structlog.contextvars.bind_contextvars(**request.names())
        self._metrics.request_began()
        try:
            await self._app(scope, request.receive, request.send)
        except (Exception, asyncio.CancelledError):
            request.broken_off = True
            raise
        finally:
            self._ended(scope, request)
            structlog.contextvars.reset_contextvars(**tokens)

    def _ended(self, scope: HTTPScope, request: _Watched) -> None:
        seconds = perf_counter() - request.began
        status: int | str = request.status or _BROKEN_OFF
        method, route = str(scope["method"]), route_of(scope)
        self._metrics.request_ended(method, route, status, seconds, request.bytes_in, request.bytes_out)
        problem = cast("dict[str, object]", scope["state"]).get(_PROBLEM)
        if problem is not None:
            self._metrics.refused(str(problem))
        if self._log is None:
            return
        event: dict[str, object] = {
            "method": method,
            "route": route,
            "status": status,
            "seconds": round(seconds, 6),
            "bytes_in": request.bytes_in,
            "bytes_out": request.bytes_out,
        }
        if problem is not None:
            event["problem"] = problem
        if request.broken_off or not request.complete:
            event["broken_off"] = True
        if isinstance(status, int) and status < 400:
            tell = self._log.debug if route in _ROUTINE else self._log.info
        else:
            tell = self._log.info if isinstance(status, int) and status < 500 else self._log.error
        tell("request", **event)


class _Watched:
    """One request: its identity, when it began, what went in and out."""

    __slots__ = (
        "_identity",
        "_receive",
        "_send",
        "began",
        "broken_off",
        "bytes_in",
        "bytes_out",
        "complete",
        "status",
    )

    def __init__(self, identity: Identity, receive: Receive, send: Send) -> None:
        self._identity = identity
        self._receive = receive
        self._send = send
        self.began = perf_counter()
        self.bytes_in = self.bytes_out = self.status = 0
        self.broken_off = self.complete = False

    def names(self) -> dict[str, str]:
        """What every event of this request carries."""
        found = {"request_id": self._identity.request_id}
        if self._identity.trace_id is not None:
            found["trace_id"] = self._identity.trace_id
        return found

    async def receive(self) -> HTTPReceiveMessage:
        """Count the body that comes in."""
        message = cast("HTTPReceiveMessage", await self._receive())
        if message["type"] == "http.request":
            self.bytes_in += len(message["body"])
        return message

    async def send(self, message: Message) -> None:
        """Repeat the identity in the head of the reply and count its body."""
        sent = cast("HTTPSendMessage", message)
        if sent["type"] == "http.response.start":
            self.status = sent["status"]
            sent["headers"] = [*sent["headers"], *self._identity.headers()]
        elif sent["type"] == "http.response.body":
            self.bytes_out += len(sent["body"])
            self.complete = not sent["more_body"]
        await self._send(sent)
