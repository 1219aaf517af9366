"""Who may ask: without keys only this machine, by its own name and without a proxy between."""

from __future__ import annotations

import re
from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from api.problems import Problem
from api.routes.refusals import send_problem

__all__ = ["LoopbackGuard"]

_LOCAL = re.compile(rb"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_FORWARDED = frozenset(
    (
        b"forwarded",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-original-host",
        b"x-real-ip",
    )
)


class LoopbackGuard:
    """Refuses requests under a foreign name (a web page that rebinds its own) and forwarded ones."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on or refuse it."""
        if scope["type"] == ScopeType.HTTP:
            problem = self._problem(scope["headers"])
            if problem is not None:
                await send_problem(problem, scope, send)
                return
        await self._app(scope, receive, send)

    @staticmethod
    def _problem(headers: Iterable[tuple[bytes, bytes]]) -> Problem | None:
        hosts = 0
        for name, value in headers:
            if name == b"host":
                hosts += 1
                if _LOCAL.fullmatch(value) is None:
                    return Problem("foreign-host", f"the `Host` is `{value[:100].decode('latin-1')}`")
            elif name in _FORWARDED:
                return Problem("forwarded-request", f"the request has the header `{name.decode('latin-1')}`")
        return None if hosts == 1 else Problem("foreign-host", f"expected one `Host` header, found {hosts}")
