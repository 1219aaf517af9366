"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from api.files import bundled_rulesets

__all__ = ["rulesets_option"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def rulesets_option(command: _Command) -> _Command:
    """`--rulesets DIR`, else `XUEHENG_RULESETS`, else the rulesets that came with the program."""
    return click.option(
        "--rulesets",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar="XUEHENG_RULESETS",
        default=bundled_rulesets,
        show_default="those that came with the program",
        help="Folder of rulesets.",
    )(command)
