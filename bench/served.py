"""The service with floor routes beside the real ones, for measuring what an evaluation adds."""

from __future__ import annotations

import sys
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server
from litestar import Request, Response, post

from api.app import create_app
from api.routes.bodies import NDJSON, media_type, read_body
from api.settings import Limits, Settings
from bench import entry

__all__ = ["FLOOR", "NOOP"]

NOOP = "/bench/noop"
FLOOR = "/bench/floor"


@post(NOOP, status_code=200)
async def noop(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Read the body and answer: the floor of a single evaluation."""
    await request.body()
    return Response(b'{"ok":true}', media_type="application/json")


@post(FLOOR, status_code=200)
async def floor(request: Request[Any, Any, Any], size: int, ruleset: str, subject: str) -> Response[bytes]:
    """Read and decode a batch as the real route does, and answer `size` bytes: the floor of a batch."""
    kind = media_type(request, ("application/json", NDJSON))
    limits = Limits()
    body = await read_body(request, limits.body_bytes, limits.body_seconds)
    entry.decode_batch(body, ruleset, subject, ndjson=kind == NDJSON)
    return Response(b" " * size, media_type=kind)


def main(port: int) -> None:
    """Serve on loopback until terminated, with the options of `xueheng serve`."""
    app = create_app(Settings(port=port), extra_routes=[noop, floor])
    server = Server(
        target="bench.served:noop",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.asyncio,
        websockets=False,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=lambda _target: app)


if __name__ == "__main__":
    main(int(sys.argv[1]))
