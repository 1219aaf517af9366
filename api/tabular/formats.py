"""Number formats of spreadsheets: does a cell show its number as a percentage, a date, a time or as it is?

The built-in numbers are those of ECMA-376 part 1, 18.8.30, with those that its Chinese locale adds.
"""

from __future__ import annotations

import re

__all__ = ["form_of"]

_BUILT_IN = {
    **dict.fromkeys((9, 10), "percent"),
    **dict.fromkeys((14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 55), 57, 58), "date"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 45, 46, 47, 55, 56), "time"),
}
# What stands in a format for itself: texts in quotes, colours and conditions, escaped signs, gaps.
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)


def form_of(number: int, code: str | None) -> str:
    """`plain`, `percent`, `date` or `time` for a format's number and, where it is not built in, its code."""
    if code is None:
        return _BUILT_IN.get(number, "plain")
    first = code.split(";")[0]
    letters = _LITERAL.sub("", first).lower()
    if "general" in letters:
        return "plain"
    if "%" in letters:
        return "percent"
    if re.search("[yd]|e(?![+-])", letters):
        return "date"
    if _ELAPSED.search(first) or re.search("[hs]", letters):
        return "time"
    # Months alone, as in `m"月"`: a day all the same.
    return "date" if "m" in letters else "plain"
