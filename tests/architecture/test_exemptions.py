"""An exemption from a check names the check and the reason; a test is never switched off."""

import io
import re
import tokenize
from pathlib import Path

import pytest

EXEMPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?P<rest>.*)", re.IGNORECASE)
CODES = re.compile(r":\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|\[[a-z0-9, -]+\]")
WHOLESALE = re.compile(r"#\s*(ruff:\s*noqa|flake8:\s*noqa|mypy:\s*ignore-errors|fmt:\s*(off|skip)|pragma:\s*no cover)")
# Spelled in parts, so that this file does not hold what it forbids.
SWITCHED_OFF = re.compile(
    r"\bpytest\.(mark\.)?(" + "|".join(["sk" + "ip", "sk" + "ipif", "xf" + "ail", "import" + "orskip"]) + r")\b"
)


def comments(code: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def has_reason(rest: str) -> bool:
    """After a code, at least two words of reason: `: BLE001 - the worker must outlive any job`."""
    code = CODES.match(rest)
    return code is not None and len(rest[code.end() :].lstrip(" #:—-").split()) > 1


def unexplained(code: str) -> list[str]:
    return [
        f"line {line}: {text}"
        for line, text in comments(code)
        if WHOLESALE.search(text) or any(not has_reason(found["rest"]) for found in EXEMPTION.finditer(text))
    ]


def test_exemptions_give_code_and_reason(root: Path, python_files: list[Path]) -> None:
    found = {str(path.relative_to(root)): bad for path in python_files if (bad := unexplained(path.read_text("utf-8")))}
    assert not found


def test_no_test_is_switched_off(root: Path) -> None:
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in sorted((root / "tests").rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if SWITCHED_OFF.search(line)
    ]
    assert not found


@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: BLE001",
        "# type: ignore",
        "# type: ignore[misc]",
        "# type: ignore[misc]  # mypy",
        "# type: ignore  # the library has no types",
        "# ruff: noqa",
        "# pragma: no cover",
    ],
)
def test_a_bare_exemption_is_noticed(comment: str) -> None:
    assert unexplained(f"x = 1  {comment}\n")


@pytest.mark.parametrize(
    "comment",
    ["# noqa: BLE001 - the worker must outlive any job", "# type: ignore[misc]  # the library has no types", "# why"],
)
def test_a_reasoned_exemption_passes(comment: str) -> None:
    assert not unexplained(f"x = 1  {comment}\n")


def test_text_in_a_string_is_no_exemption() -> None:
    assert not unexplained("x = '# noqa'\n")
