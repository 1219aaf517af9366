"""A rule or consequence that no worked case expects: nobody has said what it should answer."""

from __future__ import annotations

from collections.abc import Iterator

from engine import codes
from engine.diagnostics import Diagnostic
from engine.lints.examined import Examined

__all__ = ["untested"]


def untested(examined: Examined) -> Iterator[Diagnostic]:
    """Rules of which no case expects a verdict, consequences that follow in none.

    Incorporated rules have the cases of their own ruleset: one of each entry that adopts them is enough.
    """
    for rule in examined.ruleset.rules:
        if not examined.trials.get(rule.id):
            name = examined.written[rule.id].id
            yield codes.untested(name.value, "add one that is met and one that is not", name.span)
    for adoption in examined.adoptions:
        if not any(examined.trials.get(id_) for id_ in adoption.typed.rules):
            what = f"{adoption.clause} → {adoption.typed.ruleset}"
            yield codes.untested(what, "add one that is met and one that is not", adoption.written.place)
    for doc in examined.consequences:
        if doc.id.value not in examined.followed:
            help_ = "add one from which it follows and one from which it does not"
            yield codes.untested(doc.id.value, help_, doc.id.span)
