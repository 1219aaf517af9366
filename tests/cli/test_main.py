"""The command line as a whole."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest
from click.testing import Result

HEAVY = ("litestar", "numpy", "yaml", "rich", "msgspec", "engine")


def test_help_names_every_command(xueheng: Callable[..., Result]) -> None:
    text = xueheng("--help").stdout
    for command in ("check", "lint", "rulesets", "serve", "sources"):
        assert command in text


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import sys
from api.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("command", ["check", "lint", "rulesets", "serve", "sources"])
def test_every_command_has_help(xueheng: Callable[..., Result], command: str) -> None:
    result = xueheng(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {command}")


def test_an_unknown_command_is_refused(xueheng: Callable[..., Result]) -> None:
    result = xueheng("lnt")
    assert result.exit_code == 2


def test_version(xueheng: Callable[..., Result]) -> None:
    assert version("xueheng") in xueheng("--version").stdout


def test_as_a_module() -> None:
    run = subprocess.run([sys.executable, "-m", "api.cli", "--help"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("Usage: xueheng")
