"""One golden file (or more) for each diagnostic code: small broken files and what an author sees.

A golden file holds sections headed `=== path`, each an input file, and last `=== expected`. Files that
every folder of rulesets needs are supplied where a section does not give them. Behind a path in
parentheses stands how the file is made: `(absent)`, `(gb18030)`, `(link to nowhere)`, `(original)` for one in
the folder of originals.
`REGENERATE_GOLDEN=1` writes what is seen now; read the difference before keeping it.
"""

import ast
import os
import re
from pathlib import Path

import pytest

from api.cli.lint import inspect
from engine import codes
from engine.diagnostics import render_all
from tests.small import CLAUSES, DIVISIONS, HEAD

FOLDER = Path(__file__).parent
GOLDEN = sorted(FOLDER.glob("*.txt"))
SECTION = re.compile(r"^=== (?P<path>\S+)(?: \((?P<how>[^)]+)\))?\n", re.MULTILINE)
DIGEST = re.compile(r"sha256:(?!0{64})[0-9a-f]{64}")
ORIGINALS = ".originals"
"""Hidden, so that it is no part of the rulesets beside it."""
DEFAULTS = {"divisions.csv": DIVISIONS, "small/1/ruleset.yaml": HEAD, "small/1/clauses.yaml": CLAUSES}


def read_sections(text: str) -> list[tuple[str, str | None, str]]:
    """The path, the manner and the body of each section."""
    found = list(SECTION.finditer(text))
    assert found, "no section"
    assert found[0].start() == 0, "text before the first section"
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(m["path"], m["how"], text[m.end() : end]) for m, end in zip(found, ends, strict=True)]


def lay_out(sections: list[tuple[str, str | None, str]], folder: Path) -> None:
    """Write the input files."""
    given = {path for path, _, _ in sections}
    files = [(path, None, text) for path, text in DEFAULTS.items() if path not in given]
    if not any(path.startswith("small/1/rules/") for path in given):
        files = [
            (path, how, text.replace("kind: duty", "kind: duty\n  reason: background")) for path, how, text in files
        ]
    for path, how, text in [*files, *sections]:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        match how:
            case None:
                place.write_text(text, "utf-8")
            case "gb18030":
                place.write_bytes(text.encode("gb18030"))
            case "link to nowhere":
                place.symlink_to("nowhere")
            case "original":
                (folder / ORIGINALS).mkdir(exist_ok=True)
                (folder / ORIGINALS / path).write_text(text.removesuffix("\n"), "utf-8")
            case "absent":
                pass
            case _:
                raise AssertionError(f"unknown manner {how}")


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_what_an_author_sees(golden: Path, tmp_path: Path) -> None:
    text = golden.read_text("utf-8")
    *inputs, (last, _, expected) = read_sections(text)
    assert last == "expected"
    lay_out(inputs, tmp_path)
    originals = tmp_path / ORIGINALS
    # What a ruleset's digest is, is no matter of messages.
    seen = (
        DIGEST.sub("sha256:…", render_all(inspect(tmp_path, originals if originals.exists() else None).diagnostics))
        + "\n"
    )
    if os.environ.get("REGENERATE_GOLDEN"):
        golden.write_text(text.removesuffix(expected) + seen, "utf-8")
        expected = seen
    assert seen == expected
    assert re.search(rf"^{golden.stem.split('-')[0]} ", seen, re.MULTILINE), "the code of the file's name is not shown"


def constructors() -> dict[str, str]:
    """Each constructor in `engine.codes` with the code that it makes."""
    tree = ast.parse(Path(codes.__file__).read_text("utf-8"))
    found: dict[str, str] = {}
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
            made = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
            numbers = [value for value in made if isinstance(value, str) and re.fullmatch(r"[EW]\d{3}", value)]
            assert len(numbers) == 1, f"{function.name} makes {numbers}"
            found[function.name] = numbers[0]
    return found


def test_every_code_has_one_constructor() -> None:
    made = constructors()
    assert set(made) == set(codes.__all__)
    assert len(set(made.values())) == len(made)


def test_every_code_has_a_golden_file() -> None:
    covered = {path.stem.split("-")[0] for path in GOLDEN}
    assert covered == set(constructors().values())
