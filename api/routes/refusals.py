"""Problems → replies, in the language the caller prefers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.types import Scope, Send

from api.observe.logs import frames_of
from api.observe.requests import note_problem, route_of
from api.problems import Problem, language_of, problem_body

__all__ = ["EXCEPTION_HANDLERS", "PROBLEM_JSON", "send_problem"]

_Request = Request[Any, Any, Any]

PROBLEM_JSON = "application/problem+json"
_log = structlog.get_logger("xueheng")
_encode = msgspec.json.Encoder().encode


def _reply(problem: Problem, accept: str | None) -> tuple[bytes, dict[str, str]]:
    language = language_of(accept)
    headers = {
        "content-language": language,
        "vary": "accept-language",
        "cache-control": "no-store",
        **problem.headers,
    }
    return _encode(problem_body(problem, language)), headers


async def send_problem(problem: Problem, scope: Scope, send: Send) -> None:
    """Answer with a problem below the routes."""
    note_problem(scope, problem.type.slug)
    accept = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"accept-language"), None)
    body, headers = _reply(problem, accept)
    headers |= {"content-type": PROBLEM_JSON, "content-length": str(len(body))}
    await send(
        {
            "type": "http.response.start",
            "status": problem.type.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _respond(request: _Request, problem: Problem) -> Response[bytes]:
    note_problem(request.scope, problem.type.slug)
    body, headers = _reply(problem, request.headers.get("accept-language"))
    return Response(body, status_code=problem.type.status, headers=headers, media_type=PROBLEM_JSON)


def _on_problem(request: _Request, problem: Problem) -> Response[bytes]:
    return _respond(request, problem)


def _on_http(request: _Request, error: HTTPException) -> Response[bytes]:
    """What the framework refuses."""
    path = request.scope["path"]
    match error:
        case NotFoundException():
            problem = Problem("not-found", f"nothing stands at `{path[:200]}`")
        case MethodNotAllowedException():
            problem = Problem(
                "method-not-allowed", f"`{request.method}` is not allowed at `{path[:200]}`", headers=error.headers
            )
        case _ if error.status_code < 500:
            problem = Problem("invalid-request", error.detail)
        case _:
            return _on_mistake(request, error)
    return _respond(request, problem)


def _on_mistake(request: _Request, error: Exception) -> Response[bytes]:
    """Our own mistake: where it was is logged, but not the words of the error, which may hold facts."""
    _log.error("internal_error", method=request.method, route=route_of(request.scope), **frames_of(error))
    return _respond(request, Problem("internal-error", "the server made a mistake; it has been logged"))


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[_Request, Any], Response[bytes]]] = {
    Problem: _on_problem,
    HTTPException: _on_http,
    Exception: _on_mistake,
}
