"""`/schema` and `/docs`: the API's description; the page comes from files of an installed package."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]  # the package ships no types

from api.problems import Problem
from api.web.openapi import document
from api.web.pages import STYLESHEET, page

__all__ = ["ROUTES"]

_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_START = """\
window.addEventListener("load", function () {
  window.ui = SwaggerUIBundle({
    url: "/schema",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
"""
_OURS = {"start.js": (_START, "text/javascript"), "page.css": (STYLESHEET, "text/css")}
_HEAD = (
    '<link rel="stylesheet" href="/docs/assets/swagger-ui.css">\n'
    '<script src="/docs/assets/swagger-ui-bundle.js" defer></script>\n'
    '<script src="/docs/assets/start.js" defer></script>\n'
)
_KEPT = {"cache-control": "max-age=3600", "x-content-type-options": "nosniff"}


@get("/docs")
async def docs() -> Response[str]:
    """The page; its script reads `/schema`."""
    # The viewer sets styles on its elements, so the page's policy has to allow that.
    return page("Xueheng API", '<div id="swagger-ui"></div>', "en", head=_HEAD, inline_styles=True)


@get("/docs/assets/{name:str}", sync_to_thread=True)
def asset(name: FromPath[str]) -> Response[bytes]:
    """A file of the page."""
    if name in _OURS:
        text, kind = _OURS[name]
        return Response(text.encode(), media_type=kind, headers=_KEPT)
    if name not in _FILES:
        raise Problem("not-found", f"the page has no file `{name[:100]}`")
    return Response((swagger_ui_path / name).read_bytes(), media_type=_FILES[name], headers=_KEPT)


@get("/schema")
async def schema() -> Response[bytes]:
    """The description itself."""
    return Response(_schema(), media_type="application/json")


@lru_cache(maxsize=1)
def _schema() -> bytes:
    return msgspec.json.encode(document(version("xueheng")))


ROUTES = (docs, asset, schema)
