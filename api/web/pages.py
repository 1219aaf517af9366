"""The frame of every page: nothing is loaded from elsewhere, nothing runs that the page does not bring."""

from __future__ import annotations

from html import escape

from litestar import Response

__all__ = ["STYLESHEET", "page"]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

STYLESHEET = """\
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d0d7de; --link: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --line: #30363d; --link: #79c0ff; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
       font: 1rem/1.6 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
a { color: var(--link); }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.1rem; margin-top: 1.5rem; }
code { font-size: 0.95em; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: 0.4rem 0.8rem 0.4rem 0; text-align: left; vertical-align: top; }
"""


def page(title: str, body: str, language: str, *, head: str = "", inline_styles: bool = False) -> Response[str]:
    """A whole page. `body` and `head` are HTML, `title` is text."""
    html = (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        '<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">\n'
        f"{head}</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
    headers = {
        "content-security-policy": _POLICY.format(style=" 'unsafe-inline'" if inline_styles else ""),
        "content-language": language,
        "vary": "accept-language",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return Response(html, media_type="text/html", headers=headers)
