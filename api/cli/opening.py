"""Loading the rulesets for commands that need them sound."""

from __future__ import annotations

from pathlib import Path

import click

from api.files import read_rulesets
from engine.registry import Library, load_library

__all__ = ["open_library"]


def open_library(folder: Path) -> Library:
    """The rulesets of a folder. Ends the command, exit code 2, when any of them has an error."""
    files = read_rulesets(folder)
    library = load_library(files.texts)
    errors = [d for d in (*files.diagnostics, *library.diagnostics) if d.severity == "error"]
    if errors:
        word = "mistake" if len(errors) == 1 else "mistakes"
        raise click.UsageError(f"the rulesets in {folder} have {len(errors):,} {word}: see `xueheng lint`")
    if not library.rulesets:
        raise click.UsageError(f"there is no ruleset in {folder}")
    return library
