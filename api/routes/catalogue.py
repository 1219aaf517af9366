"""`GET /v1/rulesets…`, `/v1/facts`, `/v1/divisions/{code}`."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from api.problems import Problem
from api.routes.bodies import JSON
from api.routes.conditional import answer
from api.routes.state import AppState
from api.wire.requests import read_day
from engine.nearest import did_you_mean

__all__ = ["ROUTES"]

_encode = msgspec.json.Encoder().encode
_Request = Request[Any, Any, Any]


def _query(request: _Request, *names: str) -> dict[str, str]:
    """The query parameters, each at most once and known. Raises Problem."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names:
            help_ = did_you_mean(name, names)
            raise Problem("invalid-request", f"query: unknown parameter `{name[:60]}`", help=help_)
        if name in found:
            raise Problem("invalid-request", f"query: the parameter `{name}` stands twice")
        found[name] = value
    return found


@get("/v1/rulesets")
async def list_rulesets(request: _Request) -> Response[Any]:
    """All rulesets."""
    _query(request)
    return answer(request, AppState.of(request).representations.rulesets())


@get("/v1/rulesets/{name:str}")
async def show_ruleset(request: _Request, name: FromPath[str]) -> Response[Any]:
    """`id`: all versions; `id@version`: one with its rules."""
    _query(request)
    return answer(request, AppState.of(request).representations.ruleset(name))


@get("/v1/rulesets/{name:str}/clauses")
async def show_clauses(request: _Request, name: FromPath[str]) -> Response[Any]:
    """The ledger of a version, or of the newest one."""
    _query(request)
    return answer(request, AppState.of(request).representations.clauses(name))


@get("/v1/facts")
async def list_facts(request: _Request) -> Response[Any]:
    """The fact dictionary."""
    query = _query(request, "subject", "topic")
    return answer(request, AppState.of(request).representations.facts(query.get("subject"), query.get("topic")))


@get("/v1/divisions/{code:str}")
async def show_division(request: _Request, code: FromPath[str]) -> Response[bytes]:
    """A division, and with `as_of` who governs it."""
    as_of = _query(request, "as_of").get("as_of")
    on = None if as_of is None else read_day(as_of)
    return Response(_encode(AppState.of(request).catalogue.division(code, on)), media_type=JSON)


ROUTES = (list_rulesets, show_ruleset, show_clauses, list_facts, show_division)
