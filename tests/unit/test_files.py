"""Reading a folder of rulesets whatever lies in it."""

import os
from pathlib import Path

import pytest

from api.files import MAX_FILE_BYTES, bundled_rulesets, read_originals, read_rulesets


def codes_of(folder: Path) -> list[str]:
    return [d.code for d in read_rulesets(folder).diagnostics]


def test_paths_are_relative_with_slashes(tmp_path: Path) -> None:
    (tmp_path / "a/1/rules").mkdir(parents=True)
    (tmp_path / "a/1/rules/x.yaml").write_text("甲", "utf-8")
    found = read_rulesets(tmp_path)
    assert found.texts == {"a/1/rules/x.yaml": "甲"}
    assert not found.diagnostics


def test_hidden_files_and_leftovers_of_editors_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_bytes(b"\xff")
    (tmp_path / ".DS_Store").write_bytes(b"\xff")
    (tmp_path / "x.yaml~").write_bytes(b"\xff")
    assert read_rulesets(tmp_path).texts == {}


def test_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: 1\r\nb: 2\r\n")
    assert read_rulesets(tmp_path).texts["x.yaml"] == "a: 1\nb: 2\n"


def test_bytes_that_are_no_utf8_have_a_place(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes("a: 1\nb: 甲".encode() + b"\xff\n")
    [found] = read_rulesets(tmp_path).diagnostics
    assert found.code == "E111"
    assert found.span is not None
    assert found.span.source.place(found.span.start) == (2, 5)


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    assert codes_of(tmp_path) == ["E108"]


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.yaml").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert codes_of(tmp_path) == ["E110"]


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to("nowhere")
    assert codes_of(tmp_path) == ["E112"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.yaml").write_text("x", "utf-8")
    (tmp_path / "a/again").symlink_to("..")
    (tmp_path / "b").symlink_to("a")
    found = read_rulesets(tmp_path)
    assert list(found.texts) == ["a/x.yaml"]


def test_a_linked_folder_is_read(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "rulesets"
    elsewhere.mkdir()
    folder.mkdir()
    (elsewhere / "x.yaml").write_text("x", "utf-8")
    (folder / "facts").symlink_to(elsewhere)
    assert read_rulesets(folder).texts == {"facts/x.yaml": "x"}


def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml"))).write_text("x", "utf-8")
    [name] = read_rulesets(tmp_path).texts
    name.encode("utf-8")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_rulesets(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(NotADirectoryError):
        read_rulesets(tmp_path / "file")


def test_originals_stand_directly_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    folder.mkdir()
    (tmp_path / "secret").write_text("x", "utf-8")
    (folder / "a.txt").write_text("a", "utf-8")
    (folder / "b.txt").write_text("b", "utf-8")
    assert read_originals(folder, ["a.txt", "../secret", str(tmp_path / "secret"), "c.txt"]) == {"a.txt": b"a"}


def test_the_rulesets_that_came_with_the_program() -> None:
    assert (bundled_rulesets() / "divisions.csv").is_file()
