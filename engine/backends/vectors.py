"""Truths and numbers of a block, and comparisons of plain columns.

A column of numbers holds them as sent, NaN where unknown. A float stands for its own shortest decimal, and those are
in the order of the floats, so plain columns compare exactly. Truths are false 0, unknown 1, true 2: `and` is the
minimum, `or` the maximum.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.values import Truth

__all__ = ["FALSE", "TRUE", "TRUTHS", "UNKNOWN", "Floats", "Mask", "Truths", "compare", "three_valued"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Truths = npt.NDArray[np.uint8]

FALSE, UNKNOWN, TRUE = 0, 1, 2
TRUTHS: dict[int, Truth] = {FALSE: False, UNKNOWN: None, TRUE: True}
"""Truths as the reference has them."""

_COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def three_valued(holds: Mask, fails: Mask) -> Truths:
    """TRUE where something holds, FALSE where it fails, else UNKNOWN."""
    found = holds.view(np.uint8) + np.uint8(UNKNOWN)
    found -= fails.view(np.uint8)
    return found


def compare(op: str, x: Floats, y: Floats) -> Truths:
    """The truth of a comparison of plain columns."""
    if op in ("==", "!="):
        known = ~(np.isnan(x) | np.isnan(y))
        return three_valued(_COMPARE[op](x, y) & known, _COMPARE[_OPPOSITE[op]](x, y) & known)
    return three_valued(_COMPARE[op](x, y), _COMPARE[_OPPOSITE[op]](x, y))
