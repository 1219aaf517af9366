"""Rulesets that an earlier start loaded are found again, and only while all that they follow from is the same."""

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import engine
from api.library import RulesetsHaveErrors, read_library
from engine.registry import Library, load_library
from tests.small import lay_out, small_files

RULES = """
rules:
- id: size
  require: class_size <= 45
facts:
- fact: class_size
  subject: school
  type: integer
"""
OTHER = RULES.replace("45", "50")
# Small rulesets are not worth keeping; notes beside them make these larger.
NOTES = {"notes.md": "x" * 200_000}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XUEHENG_CACHE_DIR", str(tmp_path / "cache"))
    # The code may have been checked out a moment ago.
    monkeypatch.setattr("api.kept._STARTED", float("inf"))
    return tmp_path / "cache" / "rulesets"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lay_out(small_files(RULES) | NOTES, tmp_path / "rulesets")


def limits(library: Library) -> list[str]:
    """The rules' sources, which tell the two libraries apart."""
    return [rule.require_text for ruleset in library.rulesets.values() for rule in ruleset.rules]


def only(cache: Path) -> Path:
    (file,) = cache.iterdir()
    return file


def put_other(file: Path) -> None:
    """Another library in the place of the kept one, properly packed: whoever reads the place gets it."""
    packed = pickle.dumps(load_library(small_files(OTHER)))
    file.write_bytes(hashlib.sha256(file.name.encode() + packed).digest() + packed)


def test_the_second_start_reads_what_the_first_kept(cache: Path, folder: Path) -> None:
    first = read_library(folder)
    assert limits(read_library(folder)) == limits(first) == ["class_size <= 45"]
    put_other(only(cache))
    assert limits(read_library(folder)) == ["class_size <= 50"]


def test_a_kept_library_answers_like_a_loaded_one(cache: Path, folder: Path) -> None:
    loaded, kept = read_library(folder), read_library(folder)
    assert only(cache).stat().st_mode & 0o777 == 0o600
    assert [kept.digests[name] for name in kept.digests] == [loaded.digests[name] for name in loaded.digests]
    assert [rule.id for rule in kept.rulesets["small@1"].rules] == ["small/size"]


def _one_letter(folder: Path) -> None:
    rules = folder / "small/1/rules/planning.yaml"
    rules.write_text(rules.read_text("utf-8").replace("45", "50"), "utf-8")


def _one_note(folder: Path) -> None:
    (folder / "more.md").write_text("more", "utf-8")


@pytest.mark.parametrize("change", [_one_letter, _one_note])
def test_another_text_is_another_library(cache: Path, folder: Path, change: Callable[[Path], None]) -> None:
    read_library(folder)
    first = only(cache)
    put_other(first)
    change(folder)
    expected = ["class_size <= 50"] if change is _one_letter else ["class_size <= 45"]
    assert limits(read_library(folder)) == expected
    assert len(list(cache.iterdir())) == 2


def test_other_code_of_the_engine_loads_anew(
    cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_library(folder)
    put_other(only(cache))
    copy = tmp_path / "engine"
    shutil.copytree(Path(engine.__file__).parent, copy)
    with (copy / "values.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    monkeypatch.setattr(engine, "__file__", str(copy / "__init__.py"))
    assert limits(read_library(folder)) == ["class_size <= 45"]


def test_code_that_changed_since_the_start_is_not_that_which_loads(
    cache: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process runs what it has imported, whatever stands on disk now."""
    read_library(folder)
    put_other(only(cache))
    newest = max(path.stat().st_ctime for path in Path(engine.__file__).parent.rglob("*.py"))
    monkeypatch.setattr("api.kept._STARTED", newest - 1)
    assert limits(read_library(folder)) == ["class_size <= 45"]
    (folder / "notes.md").write_text("y" * 200_000, "utf-8")
    read_library(folder)
    assert only(cache)


def test_hidden_files_in_the_engine_are_not_its_code(
    cache: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "engine"
    shutil.copytree(Path(engine.__file__).parent, copy)
    monkeypatch.setattr(engine, "__file__", str(copy / "__init__.py"))
    read_library(folder)
    (copy / ".#values.py").symlink_to("me@host.123:456")
    put_other(only(cache))
    assert limits(read_library(folder)) == ["class_size <= 50"]
    (copy / "gone.py").symlink_to("nowhere")
    assert limits(read_library(folder)) == ["class_size <= 45"]


def test_the_users_cache_is_the_place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XUEHENG_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("api.kept._STARTED", float("inf"))
    read_library(folder)
    assert only(tmp_path / "cache" / "xueheng" / "rulesets")


def _of_a_class_that_is_gone(file: Path) -> None:
    packed = b"cengine.registry\nNobody\n."
    file.write_bytes(hashlib.sha256(file.name.encode() + packed).digest() + packed)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _changed(file: Path) -> None:
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.write_bytes(body)


def _written_by_others(file: Path) -> None:
    put_other(file)
    file.chmod(0o666)


def _of_another_name(file: Path) -> None:
    packed = pickle.dumps(load_library(small_files(OTHER)))
    file.write_bytes(hashlib.sha256(b"another" + packed).digest() + packed)


@pytest.mark.parametrize(
    "spoil", [_of_another_name, _of_a_class_that_is_gone, _cut, _emptied, _changed, _written_by_others]
)
def test_what_cannot_be_trusted_is_loaded_and_kept_anew(
    cache: Path, folder: Path, spoil: Callable[[Path], None]
) -> None:
    read_library(folder)
    whole = only(cache).read_bytes()
    spoil(only(cache))
    assert limits(read_library(folder)) == ["class_size <= 45"]
    assert only(cache).read_bytes() == whole
    assert only(cache).stat().st_mode & 0o777 == 0o600


def test_nowhere_to_keep_it_is_no_reason_to_fail(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder", "utf-8")
    monkeypatch.delenv("XUEHENG_CACHE_DIR")
    for place in (str(tmp_path / "file"), "not/absolute"):
        monkeypatch.setenv("XDG_CACHE_HOME", place)
        assert limits(read_library(folder)) == ["class_size <= 45"]
    assert not Path("not").exists()


def test_rulesets_with_errors_are_not_kept(cache: Path, folder: Path) -> None:
    rules = folder / "small/1/rules/planning.yaml"
    rules.write_text(rules.read_text("utf-8").replace("class_size <=", "class_sise <="), "utf-8")
    for _ in range(2):
        with pytest.raises(RulesetsHaveErrors):
            read_library(folder)
    assert not cache.exists()


def test_a_file_that_cannot_be_read_is_told_though_the_others_were_kept(cache: Path, folder: Path) -> None:
    read_library(folder)
    assert only(cache)
    (folder / "facts/odd.yaml").write_bytes(b"\xff\xfe")
    for _ in range(2):
        with pytest.raises(RulesetsHaveErrors) as refused:
            read_library(folder)
        assert [found.code for found in refused.value.found] == ["E111"]


def test_small_rulesets_are_loaded_each_time(cache: Path, tmp_path: Path) -> None:
    assert limits(read_library(lay_out(small_files(RULES), tmp_path / "plain"))) == ["class_size <= 45"]
    assert not cache.exists()


def test_only_the_newest_are_kept(cache: Path, folder: Path) -> None:
    for number in range(12):
        (folder / "notes.md").write_text("x" * (200_000 + number), "utf-8")
        read_library(folder)
    assert len(list(cache.iterdir())) == 8
