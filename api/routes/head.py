"""HEAD wherever there is GET: the same status and headers, no body (RFC 9110 9.3.2)."""

from __future__ import annotations

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HeadAsGet"]


class HeadAsGet:
    """Asks the routes as for GET and holds the body back; `Allow` names HEAD beside GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        if head:
            scope["method"] = "GET"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [(n, _allowed(v) if n == b"allow" else v) for n, v in message["headers"]]
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            # Whoever stands outside sees what was asked.
            scope["method"] = "HEAD" if head else scope["method"]


def _allowed(methods: bytes) -> bytes:
    return methods.replace(b"GET", b"GET, HEAD") if b"HEAD" not in methods else methods
