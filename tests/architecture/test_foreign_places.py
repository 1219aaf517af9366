"""Nothing in the repository points at one machine or at one place to download from."""

import re
from pathlib import Path

import pytest

# Spelled in parts, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a folder of one machine": re.compile(r"(?<![\w.-])/(?:" + "wo" + r"rk|root|opt|home/\w+|Users/\w+)/"),
    "a package registry": re.compile(
        "|".join(
            ["py" + r"pi\.(?:org|python)", "python" + r"hosted\.", "npm" + r"js\.(?:org|com)", "deb" + r"\.debian\."]
        )
    ),
    "a content network": re.compile(
        "|".join(["jsde" + "livr", "un" + "pkg", "cdn" + "js", "cdn" + r"\.", "google" + "apis"])
    ),
}
BINARY = {".png", ".ico", ".zst", ".gz", ".arrow", ".parquet", ".xlsx"}


def foreign(text: str) -> list[str]:
    return [
        f"line {number}: {what}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def test_no_file_names_a_foreign_place(root: Path, repository_files: list[Path]) -> None:
    found = {
        str(path.relative_to(root)): bad
        for path in repository_files
        if path.suffix not in BINARY and (bad := foreign(path.read_text("utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/main/README.md",
        "cd /" + "home/me/xueheng",
        "https://" + "py" + "pi.org/simple",
        "https://files.python" + "hosted.org/x",
        "https://cdn" + ".example.org/a.js",
    ],
)
def test_a_foreign_place_is_noticed(text: str) -> None:
    assert foreign(text)


@pytest.mark.parametrize(
    "text", ["GET /v1/facts", "/usr/bin/chromium", "net/" + "work/load", "127.0.0.1:8000", "/rooted/tree"]
)
def test_an_ordinary_path_passes(text: str) -> None:
    assert not foreign(text)
