"""Sharing: equal sub-expressions of a program become one object.

Back ends may then tell nodes apart by identity and compute what rules have in common once.
"""

from __future__ import annotations

from engine.check.ir import Expr
from engine.check.walk import rebuild

__all__ = ["Sharer"]


class Sharer:
    """Keeps one object for each distinct expression it has seen."""

    def __init__(self) -> None:
        self._seen: dict[Expr, Expr] = {}

    def __call__(self, expr: Expr) -> Expr:
        """The one object that equals the expression."""
        expr = rebuild(expr, self)
        return self._seen.setdefault(expr, expr)
