"""Loading the rulesets for commands that need them sound."""

from __future__ import annotations

from pathlib import Path

import click

from api.library import RulesetsHaveErrors, read_library
from engine.registry import Library

__all__ = ["open_library"]


def open_library(folder: Path) -> Library:
    """The rulesets of a folder. Ends the command, exit code 2, when any of them has an error."""
    try:
        library = read_library(folder)
    except RulesetsHaveErrors as refused:
        errors = sum(d.severity == "error" for d in refused.found)
        word = "mistake" if errors == 1 else "mistakes"
        raise click.UsageError(f"the rulesets in {folder} have {errors:,} {word}: see `xueheng lint`") from None
    if not library.rulesets:
        raise click.UsageError(f"there is no ruleset in {folder}")
    return library
