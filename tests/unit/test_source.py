"""Places in files: lines and columns, also inside every kind of YAML scalar."""

import string

import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.diagnostics import Collector
from engine.load.tree import Mapping, parse_tree
from engine.source import Source, Text

WORDS = st.text(st.sampled_from(string.ascii_letters + "班额上限,()'\"\\#:=<>"), min_size=1, max_size=12)


def scalar(text: str, key: str = "k") -> Text:
    """The value of a key in a YAML text."""
    collector = Collector()
    root = parse_tree(Source("t.yaml", text), collector)
    assert not collector.found
    assert isinstance(root, Mapping)
    value = root.items[key]
    assert isinstance(value, Text)
    return value


def shown(text: str, word: str) -> str:
    """What stands in the file where a word of the scalar is said to stand."""
    value = scalar(text)
    at = value.value.index(word)
    span = value.part(at, at + len(word))
    return text[span.start : span.end]


def test_place_counts_code_points_from_one() -> None:
    source = Source("t", "甲乙\n丙丁戊\n")
    assert source.place(0) == (1, 1)
    assert source.place(1) == (1, 2)
    assert source.place(2) == (1, 3)
    assert source.place(3) == (2, 1)
    assert source.place(5) == (2, 3)
    assert source.place(7) == (3, 1)
    assert source.line(2) == "丙丁戊"
    assert source.line(3) == ""


def test_line_leaves_the_carriage_return_out() -> None:
    assert Source("t", "a\r\nb\r\n").line(1) == "a"


def test_plain() -> None:
    assert shown("k: alpha beta", "beta") == "beta"


def test_plain_behind_chinese() -> None:
    assert shown("j: {zh: 小学班额上限, en: x}\nk: alpha beta", "beta") == "beta"


def test_plain_over_lines() -> None:
    assert shown("k: alpha\n   beta\n\n   gamma", "gamma") == "gamma"


def test_literal_block() -> None:
    assert shown("k: |\n  alpha\n    beta\n  gamma\n", "beta") == "beta"


def test_literal_block_with_indicators_and_comment() -> None:
    assert shown("k: |2-  # why\n  alpha\n  gamma", "gamma") == "gamma"


def test_folded_block() -> None:
    assert shown("k: >\n  alpha\n  beta\n\n  gamma\n", "gamma") == "gamma"


def test_empty_block_at_the_end_of_the_file() -> None:
    text = "k: |"
    span = scalar(text).content
    assert 0 <= span.start <= len(text)


def test_single_quotes() -> None:
    assert shown("k: 'it''s alpha,\n  beta'", "beta") == "beta"


def test_double_quotes_with_escapes() -> None:
    assert shown(r'k: "\"a\" \u0041\x20\U0001F600 beta"', "beta") == "beta"


def test_an_escaped_character_is_its_whole_escape_in_the_file() -> None:
    value = scalar(r'k: "x\u0041y"')
    span = value.part(1, 3)
    assert span.source.text[span.start :].startswith("\\u0041y")


def test_lines_joined_by_a_backslash() -> None:
    assert shown('k: "alpha\\\n    beta \\\n    gamma"', "gamma") == "gamma"


def test_content_begins_with_the_first_word() -> None:
    text = "k: |\n\n  alpha\n  beta\n"
    span = scalar(text).content
    assert text[span.start : span.end] == "alpha\n  beta"


@given(
    words=st.lists(WORDS, min_size=1, max_size=12),
    style=st.sampled_from([None, "'", '"', "|", ">"]),
    width=st.sampled_from([8, 20, 80, 1000]),
    unicode=st.booleans(),
    indent=st.integers(2, 8),
)
def test_every_word_is_found_in_every_style(
    words: list[str], style: str | None, width: int, unicode: bool, indent: int
) -> None:
    written = yaml.dump(
        {"before": "班", "k": " ".join(words)},
        default_style=style,
        width=width,
        allow_unicode=unicode,
        indent=indent,
        sort_keys=False,
    )
    # The tag that quoted keys get, and the style of the keys themselves, do not matter here.
    value = scalar(written)
    assert value.value.split() == " ".join(words).split()
    at = 0
    for word in value.value.split():
        at = value.value.index(word, at)
        span = value.part(at, at + len(word))
        raw = written[span.start : span.end]
        if value.style == '"' and "\\" in raw:
            # The last character may be an escape, of which the span holds only the beginning.
            assert raw[0] in (word[0], "\\")
        elif value.style == "'":
            assert raw.replace("''", "'").rstrip("'") == word.rstrip("'")
        else:
            assert raw == word
        at += len(word)
