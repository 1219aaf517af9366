"""The service with a no-op route beside the real ones, for measuring what an evaluation adds."""

from __future__ import annotations

import sys
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server
from litestar import Request, Response, post

from api.app import create_app
from api.settings import Settings

NOOP = "/bench/noop"


@post(NOOP, status_code=200)
async def noop(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Read the body and answer: the floor of every route."""
    await request.body()
    return Response(b'{"ok":true}', media_type="application/json")


def main(port: int) -> None:
    """Serve on loopback until terminated, with the options of `xueheng serve`."""
    app = create_app(Settings(port=port), extra_routes=[noop])
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
