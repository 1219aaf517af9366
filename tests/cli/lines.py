"""What `xueheng check` says as lines of JSON."""

import json
from collections.abc import Callable
from typing import Any

from click.testing import Result

Call = Callable[..., Result]
DAY = ("--as-of", "2026-11-22")
OPTIONS = (*DAY, "--division", "150603", "--subject", "school")
RULES = ["area", "class-size", "kind", "no-key-class", "open", "rooms", "rotation"]


def results(result: Result) -> list[dict[str, Any]]:
    """Those of the records, in order."""
    return [line["result"] for line in map(json.loads, result.stdout.splitlines()) if "result" in line]


def letters(result: Result, rule: str) -> str:
    """The verdicts of a rule, `!` for a record that was not judged."""
    return "".join(r["codes"][RULES.index(rule)] if "codes" in r else "!" for r in results(result))
