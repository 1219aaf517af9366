"""The rulesets of this checkout, loaded once for all tests of a process."""

from __future__ import annotations

from functools import cache

from api.files import RulesetFiles, bundled_rulesets, read_rulesets
from engine.registry import Library, load_library


@cache
def bundled_files() -> RulesetFiles:
    """Their files."""
    return read_rulesets(bundled_rulesets())


@cache
def bundled_library() -> Library:
    """All of them with their cases. Nobody may change what all share."""
    return load_library(bundled_files().texts, cases=True)
