"""Percent against ratio: 0.95 where 95 is meant, or 85 where 0.85 is."""

from __future__ import annotations

from collections.abc import Iterator

from engine import codes
from engine.check.ir import FactRef, Previous
from engine.check.text import number_text
from engine.diagnostics import Diagnostic
from engine.lints.examined import Examined, limits

__all__ = ["percents_and_ratios"]

_RATIO_AT_MOST = 1.5
"""Ratios of plans (coefficients of variation, posts to classes) stay about one; a percent hardly does."""


def percents_and_ratios(examined: Examined) -> Iterator[Diagnostic]:
    """Percent facts compared with numbers in (0, 1], ratio facts with numbers above 1.5.

    A ratio that counts so many per hundred says so in its name (`rooms_per_100`).
    """
    for rule in examined.ruleset.rules:
        for limit in limits(examined, rule):
            if not isinstance(limit.side, FactRef | Previous):
                continue
            name = limit.side.name if isinstance(limit.side, FactRef) else limit.side.fact
            figure = number_text(limit.figure)
            match examined.facts[name].unit:
                case "percent" if 0 < limit.figure <= 1:
                    meant = f"percent is 0 to 100 as plans print it: is {number_text(100 * limit.figure)} meant?"
                    yield codes.percent_or_ratio(name, "a percent", figure, meant, limit.span)
                case "ratio" if limit.figure > _RATIO_AT_MOST and "_per_" not in name:
                    meant = f"a ratio of equals is 1: is {number_text(limit.figure / 100)} meant, or a fact in percent?"
                    yield codes.percent_or_ratio(name, "a ratio", figure, meant, limit.span)
                case _:
                    pass
