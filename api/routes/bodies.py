"""Reading a raw body: its type, its length, its time."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request

from api.problems import Problem
from api.wire.packing import Encoding

__all__ = ["ARROW", "JSON", "NDJSON", "content_encoding", "media_type", "read_body", "read_pieces"]

JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"


def media_type(request: Request[Any, Any, Any], accepted: tuple[str, ...]) -> str:
    """The media type of the body; none is taken for JSON. Raises Problem `unsupported-media-type`."""
    header = request.headers.get("content-type", JSON)
    name, *parameters = (part.strip().lower() for part in header.split(";"))
    if name not in accepted:
        listed = " or ".join(f"`{a}`" for a in accepted)
        raise Problem("unsupported-media-type", f"expected {listed}, found `{name[:60]}`")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "charset" and value.strip('" ') not in ("utf-8", "utf8", "us-ascii"):
            raise Problem("unsupported-media-type", f"expected UTF-8, found the charset `{value[:60]}`")
    return name


def content_encoding(request: Request[Any, Any, Any], accepted: tuple[Encoding, ...] = ()) -> Encoding | None:
    """How the body is compressed, or None where it is not. Raises Problem `unsupported-media-type`."""
    encoding = request.headers.get("content-encoding", "").strip().lower().removeprefix("x-")
    if encoding in ("", "identity"):
        return None
    for name in accepted:
        if name == encoding:
            return name
    listed = ", ".join(f"`{name}`" for name in ("identity", *accepted))
    detail = f"a body in `{encoding[:60]}` is not read here: expected {'one of ' if accepted else ''}{listed}"
    raise Problem("unsupported-media-type", detail)


async def read_body(request: Request[Any, Any, Any], limit: int, seconds: float) -> bytes:
    """The whole body, also of a chunked request. Raises Problem `body-too-large` or `body-too-slow`."""
    pieces = await read_pieces(request, limit, seconds)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def read_pieces(request: Request[Any, Any, Any], limit: int, seconds: float) -> list[bytes]:
    """The body as it came: a long one is better put together elsewhere. Raises as `read_body`."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                length += len(chunk)
                if length > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem("body-too-slow", f"the body did not arrive within {seconds:g} seconds") from None
    return chunks


def _too_large(limit: int) -> Problem:
    return Problem("body-too-large", f"the body is longer than {limit:,} bytes", headers={"connection": "close"})
