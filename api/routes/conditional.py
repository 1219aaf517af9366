"""`If-None-Match` → 304, and the headers of what is retired."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from litestar import Request, Response

from api.routes.bodies import JSON
from api.services.representations import Representation

__all__ = ["answer", "matches"]

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def matches(lines: list[str], etag: str) -> bool:
    """True when `If-None-Match` (all its lines) names the tag. Compared weakly, as RFC 9110 13.1.2 says."""
    value = ", ".join(lines).strip()
    return value == "*" or etag in _TAG.findall(value)


def answer(request: Request[Any, Any, Any], shown: Representation) -> Response[Any]:
    """The representation, or 304 without a body when the caller has it already."""
    headers = {"etag": shown.etag, "cache-control": "no-cache", **_retirement(shown)}
    if matches(request.headers.getall("if-none-match", []), shown.etag):
        return Response(None, status_code=304, headers=headers)
    return Response(shown.body, media_type=JSON, headers=headers)


def _retirement(shown: Representation) -> dict[str, str]:
    """`Deprecation` as RFC 9745 has it (`@` and Unix seconds), `Sunset` as RFC 8594 has it (an HTTP date)."""
    standing = shown.standing
    if standing is None or standing.retired_at is None:
        return {}
    headers = {"deprecation": f"@{int(standing.retired_at.timestamp())}"}
    if standing.sunset_at is not None:
        headers["sunset"] = _http_date(standing.sunset_at)
    return headers


def _http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)
