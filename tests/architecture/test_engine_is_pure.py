"""The engine reads no clock and touches nothing outside its arguments, also by ways that are no imports."""

import ast
from pathlib import Path

import pytest

# `date.today()` needs no import that a rule about imports could forbid.
CLOCKS = {"today", "now", "utcnow", "fromtimestamp"}
BUILTINS = {"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint", "globals"}


def impurities(code: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCKS:
                found.append(f"line {node.lineno}: .{name}()")
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                found.append(f"line {node.lineno}: {name}()")
            case ast.Attribute(value=ast.Name(id="io"), attr="open" | "open_code" | "FileIO"):
                found.append(f"line {node.lineno}: io.{node.attr}")
            case ast.Global(names=names):
                found.append(f"line {node.lineno}: global {', '.join(names)}")
    return found


def test_engine_is_pure(root: Path) -> None:
    found = {
        str(path.relative_to(root)): names
        for path in sorted((root / "engine").rglob("*.py"))
        if (names := impurities(path.read_text("utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "date.today()",
        "datetime.datetime.now(tz)",
        "open('a')",
        "io.open('a')",
        "print(1)",
        "eval('1')",
        "def f():\n    global x",
    ],
)
def test_an_impurity_is_noticed(code: str) -> None:
    assert impurities(code)


@pytest.mark.parametrize(
    "code", ["re.compile('a')", "day.now", "io.StringIO('a')", "source.open_spans()", "ast.parse('1')"]
)
def test_what_is_pure_passes(code: str) -> None:
    assert not impurities(code)
