"""`/problems` and `/problems/{slug}`: what each type of problem means and what to do."""

from __future__ import annotations

from html import escape
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from api.problems import CATALOGUE, Problem, ProblemType, language_of
from api.web.pages import page

__all__ = ["ROUTES"]

_HEAD = '<link rel="stylesheet" href="/docs/assets/page.css">\n'
_WORDS = {
    "en": {"all": "Problem types", "status": "Status", "type": "Type", "title": "Title", "do": "What to do"},
    "zh": {"all": "问题类型", "status": "状态码", "type": "类型", "title": "名称", "do": "怎么办"},
}
_encode = msgspec.json.Encoder().encode
_Request = Request[Any, Any, Any]


def _wants_json(request: _Request) -> bool:
    accept = request.headers.get("accept", "")
    return "json" in accept and "text/html" not in accept


def _json(body: object, language: str) -> Response[Any]:
    headers = {"content-language": language, "vary": "accept, accept-language"}
    return Response(_encode(body), media_type="application/json", headers=headers)


def _described(type_: ProblemType, language: str) -> dict[str, object]:
    return {
        "type": type_.path,
        "status": type_.status,
        "title": type_.title[language],
        "meaning": type_.meaning[language],
        "remedy": type_.remedy[language],
    }


def _prose(text: str) -> str:
    """Text as HTML, with words in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


@get("/problems")
async def list_problems(request: _Request) -> Response[Any]:
    """All types, as a page or as JSON."""
    language = language_of(request.headers.get("accept-language"))
    if _wants_json(request):
        return _json({"problems": [_described(t, language) for t in CATALOGUE.values()]}, language)
    words = _WORDS[language]
    rows = "".join(
        f'<tr><td>{t.status}</td><td><a href="{t.path}"><code>{t.slug}</code></a></td>'
        f"<td>{escape(t.title[language])}</td></tr>\n"
        for t in CATALOGUE.values()
    )
    head = f"<tr><th>{words['status']}</th><th>{words['type']}</th><th>{words['title']}</th></tr>"
    body = f"<h1>{words['all']}</h1>\n<table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table>"
    return page(words["all"], body, language, head=_HEAD)


@get("/problems/{slug:str}")
async def show_problem(request: _Request, slug: FromPath[str]) -> Response[Any]:
    """One type, as a page or as JSON."""
    language = language_of(request.headers.get("accept-language"))
    type_ = CATALOGUE.get(slug)
    if type_ is None:
        raise Problem("not-found", f"there is no problem type `{slug[:100]}`")
    if _wants_json(request):
        return _json(_described(type_, language), language)
    words = _WORDS[language]
    title = type_.title[language]
    body = (
        f"<h1>{escape(title)}</h1>\n<p><code>{type_.path}</code> · {words['status']} {type_.status}</p>\n"
        f"<p>{_prose(type_.meaning[language])}</p>\n<h2>{words['do']}</h2>\n<p>{_prose(type_.remedy[language])}</p>\n"
        f'<p><a href="/problems">{words["all"]}</a></p>'
    )
    return page(title, body, language, head=_HEAD)


ROUTES = (list_problems, show_problem)
