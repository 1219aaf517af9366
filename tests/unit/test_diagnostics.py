"""Rendering: the caret stands under the word also behind wide characters."""

from engine.diagnostics import Collector, Diagnostic, render, render_all
from engine.nearest import did_you_mean
from engine.source import Source, Span


def mistake(text: str, word: str, **more: str) -> Diagnostic:
    start = text.index(word)
    return Diagnostic("E000", "error", "wrong", Span(Source("f.yaml", text), start, start + len(word)), **more)


def test_caret_under_the_word() -> None:
    lines = render(mistake("one\n  two three\n", "three")).split("\n")
    assert lines == ["E000 f.yaml:2:7: wrong", "   2 |   two three", "     |       ^^^^^"]


def test_caret_behind_chinese_takes_two_columns_each() -> None:
    _, text, caret = render(mistake("班额: x", "x")).split("\n")
    assert text == "   1 | 班额: x"
    # Two characters of two columns, a colon and a blank.
    assert caret == "     | " + " " * 6 + "^"


def test_caret_under_chinese_is_as_wide() -> None:
    assert render(mistake("x: 班额", "班额")).split("\n")[2].endswith("^^^^")
    assert not render(mistake("x: 班额", "班额")).split("\n")[2].endswith("^^^^^")


def test_a_span_over_lines_is_marked_to_the_end_of_its_line() -> None:
    source = Source("f.yaml", "ab\ncd\n")
    caret = render(Diagnostic("E000", "error", "wrong", Span(source, 1, 5))).split("\n")[2]
    assert caret.count("^") == 1


def test_a_place_at_the_end_of_the_file() -> None:
    source = Source("f.yaml", "ab\n")
    assert render(Diagnostic("E000", "error", "wrong", Span(source, 3, 4))).startswith("E000 f.yaml:2:1: wrong")


def test_tabs_do_not_shift_the_caret() -> None:
    _, text, caret = render(mistake("\tx: y", "y")).split("\n")
    assert text.index("y") == caret.index("^")


def test_help_stands_behind_the_caret_or_below() -> None:
    assert render(mistake("one two", "two", help="do")).endswith("^^^ help: do")
    assert render(Diagnostic("E000", "error", "wrong", path="f", help="do")) == "E000 f: wrong\n  help: do"


def test_all_in_the_order_of_files_and_places() -> None:
    text = "one two"
    found = [mistake(text, "two"), Diagnostic("E001", "error", "absent", path="a.yaml"), mistake(text, "one")]
    heads = [part.split("\n")[0] for part in render_all(found).split("\n\n")]
    assert heads == ["E001 a.yaml: absent", "E000 f.yaml:1:1: wrong", "E000 f.yaml:1:5: wrong"]


def test_the_same_finding_is_kept_once() -> None:
    collector = Collector()
    same = mistake("one", "one")
    collector.add(same)
    collector.add(Diagnostic("E000", "error", "wrong", same.span))
    assert len(collector.found) == 1
    assert collector.failed


def test_warnings_do_not_fail() -> None:
    collector = Collector()
    collector.add(Diagnostic("E000", "warning", "odd", path="f"))
    assert not collector.failed


def test_did_you_mean_names_the_nearest_or_nothing() -> None:
    assert did_you_mean("clas_size", ["class_size", "teachers"]) == "did you mean `class_size`?"
    assert did_you_mean("zzz", ["class_size"]) is None
