"""`xueheng lint`: all mistakes at once, whatever lies in the folder."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from api.files import MAX_FILE_BYTES

Call = Callable[..., Result]


LOOKED_AT = "1 ruleset, 8 rules, 1 clause, 9 facts, 1 case on reference and columnar"


def test_a_sound_folder(xueheng: Call, rulesets: Path) -> None:
    rules = rulesets / "small/1/rules/planning.yaml"
    # Only the rule that has a case is left.
    rules.write_text(re.sub(r"(?m)^- \{id: (?!class-size).*\n(?:  .*\n)*", "", rules.read_text("utf-8")), "utf-8")
    result = xueheng("lint", "--strict", "--rulesets", rulesets)
    assert result.exit_code == 0, result.stdout
    assert result.stdout == f"no errors; {LOOKED_AT.replace('8 rules', '1 rule')}\n"


def test_warnings_are_no_errors(xueheng: Call, rulesets: Path) -> None:
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code == 0
    assert result.stdout.count("W613 small/1/rules/planning.yaml") == 7
    assert result.stdout.splitlines()[-1] == f"no errors, 7 warnings in 1 file; {LOOKED_AT}"


def test_unless_strict(xueheng: Call, rulesets: Path) -> None:
    result = xueheng("lint", "--strict", "--rulesets", rulesets)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == f"7 errors in 1 file; {LOOKED_AT}"
    assert xueheng("lint", rulesets / "facts", "--strict", "--rulesets", rulesets).exit_code == 0


def test_a_mistake_keeps_the_warnings_back(xueheng: Call, rulesets: Path) -> None:
    cases = rulesets / "small/1/cases/planning.yaml"
    cases.write_text(cases.read_text("utf-8").replace("class-size: compliant", "class-size: non_compliant"), "utf-8")
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code == 1
    assert "W6" not in result.stdout


def test_figures_are_looked_for_in_the_originals(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    text = "小学班额不超过四十五人。" + "。" * 88
    (tmp_path / "small.txt").write_text(text, "utf-8")
    clauses = rulesets / "small/1/clauses.yaml"
    digest = hashlib.sha256(text.encode()).hexdigest()
    clauses.write_text(clauses.read_text("utf-8").replace("0" * 64, digest), "utf-8")
    rules = rulesets / "small/1/rules/planning.yaml"
    written = rules.read_text("utf-8")
    rules.write_text(written.replace("{id: class-size,", "{id: class-size, figures: [四十五, 45],"), "utf-8")
    seen = xueheng("lint", "--sources", tmp_path, "--rulesets", rulesets).stdout
    assert seen.count("W616") == 1
    assert "the words that `class-size` cites do not print `45`" in seen
    assert "W616" not in xueheng("lint", "--rulesets", rulesets).stdout
    # Of a text that has changed nothing can be said.
    (tmp_path / "small.txt").write_text("改" + text, "utf-8")
    assert "W616" not in xueheng("lint", "--sources", tmp_path, "--rulesets", rulesets).stdout


def test_all_mistakes_at_once_in_order(xueheng: Call, rulesets: Path) -> None:
    facts = rulesets / "facts/small.yaml"
    facts.write_text(facts.read_text("utf-8").replace("type: date", "type: dat"), "utf-8")
    rules = rulesets / "small/1/rules/planning.yaml"
    rules.write_text(rules.read_text("utf-8").replace("max_class_size_primary <=", "max_clas_size_primary <="), "utf-8")
    (rulesets / "small/1/notes.docx").write_bytes(b"\x00\xff")
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code == 1
    heads = [line.split(" ")[:2] for line in result.stdout.split("\n") if line.startswith("E")]
    assert [code for code, _ in heads] == ["E106", "E111", "E301"]
    assert [place.split(":")[0] for _, place in heads] == sorted(place.split(":")[0] for _, place in heads)
    assert "did you mean `max_class_size_primary`?" in result.stdout
    summary = result.stdout.splitlines()[-1]
    assert summary.startswith("3 errors in 3 files; 1 ruleset, 6 rules")
    assert summary.endswith("until the rules and facts they name are right, 1 case not run")


def test_a_failing_case_is_an_error(xueheng: Call, rulesets: Path) -> None:
    cases = rulesets / "small/1/cases/planning.yaml"
    text = cases.read_text("utf-8").replace("max_class_size_primary: 45", "max_class_size_primary: 46")
    cases.write_text(text, "utf-8")
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code == 1
    assert "expected `compliant`, found `non_compliant`" in result.stdout


def test_only_the_mistakes_of_some_files(xueheng: Call, rulesets: Path) -> None:
    (rulesets / "facts/a.yaml").write_text("x", "utf-8")
    (rulesets / "facts/b.yaml").write_text("x", "utf-8")
    result = xueheng("lint", rulesets / "facts/a.yaml", "--rulesets", rulesets)
    assert result.exit_code == 1
    assert "facts/a.yaml" in result.stdout
    assert "facts/b.yaml" not in result.stdout
    assert "1 error in 1 file, 1 elsewhere" in result.stdout
    assert xueheng("lint", rulesets / "small", "--rulesets", rulesets).exit_code == 0
    assert xueheng("lint", rulesets, "--rulesets", rulesets).exit_code == 1


def test_a_path_outside_the_folder_is_refused(xueheng: Call, rulesets: Path, tmp_path: Path) -> None:
    result = xueheng("lint", tmp_path, "--rulesets", rulesets)
    assert result.exit_code == 2
    assert "--rulesets" in result.stderr


def test_no_such_folder(xueheng: Call, tmp_path: Path) -> None:
    assert xueheng("lint", "--rulesets", tmp_path / "nowhere").exit_code == 2


def test_an_empty_folder_says_what_is_missing(xueheng: Call, tmp_path: Path) -> None:
    result = xueheng("lint", "--rulesets", tmp_path)
    assert result.exit_code == 1
    assert result.stdout.startswith("E107 divisions.csv: file is missing")


def test_the_folder_may_come_from_the_environment(
    xueheng: Call, rulesets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XUEHENG_RULESETS", str(rulesets))
    assert "1 ruleset, 8 rules" in xueheng("lint").stdout


ODD = {
    "nothing": b"",
    "blanks": b" \n\t\n",
    "a byte order mark": b"\xef\xbb\xbf",
    "nul": b"\x00",
    "control signs": b"- \x07\x1b[2J",
    "utf-16": "- fact: a\n".encode("utf-16"),
    "binary": bytes(range(256)),
    "a lone surrogate": b"- \xed\xa0\x80",
    "a bare scalar": b"x",
    "a mapping": b"a: 1",
    "null": b"null",
    "many brackets": b"[" * 100_000,
    "many dashes": b"- " * 5_000,
    "an endless key": b"a" * 200_000 + b": 1",
    "an endless number": b"- fact: a\n  bounds: [0, " + b"9" * 100_000 + b"]\n",
    "aliases that multiply": b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "merge keys": b"- &a {fact: x}\n- <<: *a\n",
    "tags": b"- !!python/object/apply:os.system [ls]\n",
    "documents": b"--- 1\n--- 2\n",
    "directives": b"%YAML 9.9\n---\n- a\n",
    "an unknown directive": b"%FOO bar\n--- x\n",
    "a question mark key": b"? [a]\n: b\n",
    "an open quote": b'- "abc',
    "an open block": b"- fact: |",
    "odd line ends": b"- fact: a\r  type: b\r\n\x0b\x0c",
    "separators": "- fact: a\u2028\u2029\u0085b\n".encode(),
    "a deep expression": b"- scope: s\n  subject: [school]\n  where: " + b"(" * 3_000 + b"1" + b")" * 3_000 + b"\n",
    "a long expression": b"- scope: s\n  subject: [school]\n  where: " + b"a or " * 5_000 + b"a\n",
    "null in an expression": b'- scope: s\n  subject: [school]\n  where: "a \\0 b"\n  label: {zh: a, en: b}\n',
    "a huge integer": b"- scope: s\n  subject: [school]\n  where: a > " + b"9" * 3_900 + b"\n  label: {zh: a, en: b}\n",
}
PLACES = (
    "facts/odd.yaml",
    "small/1/ruleset.yaml",
    "small/1/clauses.yaml",
    "small/1/rules/planning.yaml",
    "small/1/cases/planning.yaml",
    "divisions.csv",
)


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
@pytest.mark.parametrize("place", PLACES)
def test_never_a_traceback(xueheng: Call, rulesets: Path, place: str, body: bytes) -> None:
    (rulesets / place).write_bytes(body)
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code in (0, 1)
    assert " ruleset" in result.stdout.splitlines()[-1]


def test_never_a_traceback_for_things_that_are_no_files(xueheng: Call, rulesets: Path) -> None:
    os.mkfifo(rulesets / "facts/pipe.yaml")
    (rulesets / "facts/folder.yaml").mkdir()
    (rulesets / "small/1/rules/loop.yaml").symlink_to("loop.yaml")
    (rulesets / "small/1/cases/up").symlink_to("../..")
    with (rulesets / "facts/huge.yaml").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    result = xueheng("lint", "--rulesets", rulesets)
    assert result.exit_code == 1
    codes = sorted(line.split(" ")[0] for line in result.stdout.split("\n") if line.startswith("E"))
    assert codes == ["E108", "E110", "E112"]
