"""Paths, links and `make` targets named in Markdown exist: prose about yesterday's tree fails."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from api.cli import main

REQUIRED = ["README.md", "README.zh-CN.md", "ARCHITECTURE.md", "CHANGELOG.md", "rulesets/README.md"]
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"\bmake ([a-z][a-z-]+)")
COMMAND = re.compile(r"(?:^|[\s/`])xueheng ([a-z]+)\b", re.MULTILINE)
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
# A word of these letters is a path when it ends so, or when it begins with a folder of ours.
PATH = re.compile(r"[A-Za-z0-9_.<>*-]+(/[A-Za-z0-9_.@<>*-]+)*/?")
ENDINGS = (".py", ".yaml", ".yml", ".toml", ".md", ".sh", "/")
# Made by a run, or named in a user's own files.
NOT_OURS = {".venv/", ".xueheng/", "reports/"}


def paths_in(text: str, top: set[str]) -> Iterator[str]:
    """Words in backticks, outside code blocks, that mean a file or folder of the repository."""
    for word in CODE.findall(FENCE.sub("", text)):
        if PATH.fullmatch(word) and word not in NOT_OURS and (word.endswith(ENDINGS) or word.split("/")[0] in top):
            yield word


def exists(word: str, document: Path, root: Path) -> bool:
    """Beside the document, under the root, or as the end of some path; `<id>` and `*` stand for any name."""
    pattern = re.sub(r"<[^>]*>", "*", word).rstrip("/")
    folder_wanted = word.endswith("/")
    places = [(document.parent, pattern), (root, pattern)]
    # The inside of a ruleset is described without its folder: `rules/<topic>.yaml`.
    places += [(root / folder, f"**/{pattern}") for folder in ("engine", "api", "rulesets", "tests", "requirements")]
    return any(
        path.is_dir() or not folder_wanted for place, glob in places if place.is_dir() for path in place.glob(glob)
    )


@pytest.fixture(scope="session")
def documents(root: Path, repository_files: list[Path]) -> list[Path]:
    missing = [name for name in REQUIRED if not (root / name).is_file()]
    assert not missing
    return [path for path in repository_files if path.suffix == ".md"]


def test_paths_named_in_documents_exist(root: Path, documents: list[Path]) -> None:
    top = {path.name for path in root.iterdir() if not path.name.startswith(".")} | {".ci"}
    gone = [
        f"{document.relative_to(root)}: {word}"
        for document in documents
        for word in paths_in(document.read_text("utf-8"), top)
        if not exists(word, document, root)
    ]
    assert not gone


def test_links_in_documents_lead_somewhere(root: Path, documents: list[Path]) -> None:
    gone = [
        f"{document.relative_to(root)}: {target}"
        for document in documents
        for target in LINK.findall(document.read_text("utf-8"))
        if not re.match(r"[a-z]+:|#", target) and not (document.parent / target.split("#")[0]).exists()
    ]
    assert not gone


def code_in(document: Path) -> list[str]:
    text = document.read_text("utf-8")
    return [*FENCE.findall(text), *CODE.findall(FENCE.sub("", text))]


def test_make_targets_named_in_documents_exist(root: Path, documents: list[Path]) -> None:
    targets = set(TARGET.findall((root / "Makefile").read_text("utf-8")))
    named = {
        (document, target) for document in documents for code in code_in(document) for target in MAKE.findall(code)
    }
    assert {target for _, target in named}
    assert not [f"{document.relative_to(root)}: make {target}" for document, target in named if target not in targets]


def test_commands_named_in_documents_exist(root: Path, documents: list[Path]) -> None:
    commands = set(main.list_commands(click.Context(main)))
    named = {(document, word) for document in documents for code in code_in(document) for word in COMMAND.findall(code)}
    assert {word for _, word in named}
    assert not [f"{document.relative_to(root)}: xueheng {word}" for document, word in named if word not in commands]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`engine/gone.py`", ["engine/gone.py"]),
        ("`engine/gone`", ["engine/gone"]),
        ("`old_folder/`", ["old_folder/"]),
        ("`gone.py`", ["gone.py"]),
        ("`/v1/facts` `application/json` `m2/pupils` `45人` `三·重点任务/(一)/2` `a b/c.py` `.xueheng/`", []),
        ("```\n`engine/gone.py`\n```\n", []),
    ],
)
def test_a_path_is_recognised(text: str, found: list[str]) -> None:
    assert list(paths_in(text, {"engine"})) == found


def test_a_gone_path_is_noticed(root: Path) -> None:
    readme = root / "README.md"
    assert not exists("engine/gone.py", readme, root)
    assert not exists("gone.py", readme, root)
    assert not exists("engine/source.py/", readme, root)
    assert exists("engine/source.py", readme, root)
    assert exists("engine/check/", readme, root)
    assert exists("check/ir.py", readme, root)
    assert exists("rulesets/<id>/<version>/", readme, root)
