"""`python -m api.cli`: the command line without the installed script."""

from __future__ import annotations

from api.cli import main

main(prog_name="xueheng")
