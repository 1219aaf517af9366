"""Seeded damage to ruleset files, as a slip of the hand or a broken merge would do it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from api.cli.lint import inspect_files
from api.files import RulesetFiles
from engine.diagnostics import render_all

__all__ = ["damaged", "survives"]

PIECES = (
    *"'\"|>{}[]:#%@\\~=*&!\t\n\r\0,()",
    "- ",
    "  ",
    "&a ",
    "*a",
    "!!int ",
    "\u3000",
    "“",
    "\u2028",
    "\x85",
    "\ufeff",
    "😀",
    "-1",
    "1e999",
    "9" * 30,
    "null",
    "true",
    "2025-02-30",
    "not ",
    " in ",
    " and ",
    " or ",
    "if ",
    "else ",
    "known(",
    'passes("',
    "previous(",
    "total(",
    "rises(",
    "baseline(",
    "count_of(",
    'param("',
    "every(school, ",
    "min(",
    "**",
    "//",
    "lambda: ",
    "\\u12",
    "<=",
    "division",
    "as_of",
    "require: ",
    "when: ",
    "due: ",
    "window: [2023, 2025]",
    "period: year\n",
    "derive: ",
)


def _insert(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(PIECES) + text[at:]


def _delete(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.choice((1, 2, 5, 40)) :]


def _copy(rng: random.Random, text: str) -> str:
    at, source = rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)
    return text[:at] + text[source : source + rng.choice((3, 20, 200))] + text[at:]


def _cut(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _lines(change: Callable[[random.Random, list[str]], None]) -> Callable[[random.Random, str], str]:
    def changed(rng: random.Random, text: str) -> str:
        lines = text.split("\n")
        change(rng, lines)
        return "\n".join(lines)

    return changed


def _swap(rng: random.Random, lines: list[str]) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def _drop(rng: random.Random, lines: list[str]) -> None:
    del lines[rng.randrange(len(lines))]


def _repeat(rng: random.Random, lines: list[str]) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


def _indent(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = "  " * rng.randrange(4) + lines[at].lstrip()


DAMAGE = (_insert, _delete, _copy, _cut, _lines(_swap), _lines(_drop), _lines(_repeat), _lines(_indent))


def damaged(files: Mapping[str, str], seed: int) -> dict[str, str]:
    """The files with one or a few of them damaged; the same seed does the same damage."""
    rng = random.Random(seed)
    found = dict(files)
    names = sorted(found)
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(names)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            found[name] = rng.choice(DAMAGE)(rng, found[name])
    return found


def survives(files: Mapping[str, str], seed: int) -> int:
    """Lint damaged files and digest what is left; how many mistakes were found. Nothing may raise."""
    try:
        report = inspect_files(RulesetFiles(Path(), dict(files)))
        assert render_all(report.diagnostics) or not report.diagnostics
        assert report.library.digests.keys() == report.library.rulesets.keys()
    except Exception as error:
        error.add_note(f"FUZZ_SEED={seed}")
        raise
    return len(report.diagnostics)
