"""A rule that no worked case names: nobody has said what it should answer."""

from __future__ import annotations

from collections.abc import Iterator

from engine import codes
from engine.diagnostics import Diagnostic
from engine.lints.examined import Examined

__all__ = ["rules_untested"]


def rules_untested(examined: Examined) -> Iterator[Diagnostic]:
    """Rules without a case."""
    for rule in examined.ruleset.rules:
        if not examined.trials.get(rule.id):
            name = examined.written[rule.id].id
            yield codes.rule_untested(name.value, name.span)
