"""Proof and quotation of citations against an original."""

import hashlib
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.check.ir import Citation, Ruleset
from engine.citations.quotes import quoter, sha256_of
from engine.citations.sentences import sentences, unaccounted
from engine.citations.verify import Proof, verify
from engine.registry import load_library
from tests.small import small_files

TEXT = "小规划\n\n一、班额。小学班额不超过45人;初中班额不超过50人。\n鼓励小班教学！\n\n二、教师\n教师每年轮岗10%。\n"
FIRST = (5, 42)
SECOND = (44, 57)


def at(words: str) -> tuple[int, int]:
    start = TEXT.index(words)
    return start, start + len(words)


def ruleset(**changes: str) -> Ruleset:
    """A ruleset that cites TEXT soundly; `changes` replace pieces of its files."""
    first, second = at(TEXT[5:].split("\n\n", maxsplit=1)[0]), at("二、教师\n教师每年轮岗10%。")
    pieces = {
        "CLAUSES": f"""
- {{clause: 标题, span: [0, 3], sha256: {sha256_of(TEXT[:3])}, kind: front_matter, reason: procedural}}
- clause: 一
  span: [{first[0]}, {first[1]}]
  sha256: {sha256_of(TEXT[slice(*first)])}
  kind: duty
  without_rule:
  - {{span: {list(at("一、班额。"))}, reason: background}}
  - {{span: {list(at("鼓励小班教学！"))}, reason: no_concrete_duty}}
- clause: 二
  span: [{second[0]}, {second[1]}]
  sha256: {sha256_of(TEXT[slice(*second)])}
  kind: duty
  without_rule: [{{span: {list(at("二、教师"))}, reason: organisational}}]
""",
        "PRIMARY": str(list(at("小学班额不超过45人"))),
        "FIGURES": "[45人]",
        "JUNIOR": str(list(at("初中班额不超过50人"))),
        "ROTATION": str(list(at("教师每年轮岗10%"))),
    }
    pieces |= changes
    files = small_files(f"""
facts:
- {{fact: a, type: integer}}
rules:
- {{id: primary, clause: 一, span: {pieces["PRIMARY"]}, figures: {pieces["FIGURES"]}, require: a <= 45}}
- {{id: junior, clause: 一, span: {pieces["JUNIOR"]}, figures: [50人], require: a <= 50}}
- {{id: rotation, clause: 二, span: {pieces["ROTATION"]}, figures: [10%], require: a >= 10}}
""")
    files["small/1/clauses.yaml"] = pieces["CLAUSES"]
    body = TEXT.encode()
    head = files["small/1/ruleset.yaml"].replace("code_points: 100", f"code_points: {len(TEXT)}")
    files["small/1/ruleset.yaml"] = head.replace("'" + "0" * 64 + "'", hashlib.sha256(body).hexdigest())
    library = load_library(files)
    return library.rulesets["small@1"]


SOUND = ruleset()


def kinds(proof: Proof) -> list[str]:
    return [drift.kind for drift in proof.drifts]


def test_a_sound_ruleset_is_proven() -> None:
    proof = verify(SOUND, TEXT.encode())
    assert proof.sound, proof.drifts
    assert (proof.clauses, proof.citations, proof.sentences) == (3, 3, 7)


def test_an_absent_original_is_a_drift() -> None:
    assert kinds(verify(SOUND, None)) == ["no-original"]


def test_a_ruleset_of_facts_only_is_skipped() -> None:
    proof = verify(replace(SOUND, source="facts_only"), None)
    assert proof.sound
    assert proof.skipped is not None


def test_words_inserted_before_a_clause_move_it() -> None:
    changed = TEXT.replace("小规划\n", "小规划\n（试行）\n")
    proof = verify(SOUND, changed.encode())
    moved = {d.where: (d.span, d.moved_to) for d in proof.drifts if d.kind == "clause-moved"}
    assert set(moved) == {"一", "二"}
    for span, now in moved.values():
        assert span is not None
        assert now is not None
        assert (now[0] - span[0], now[1] - span[1]) == (5, 5)
    assert "file-changed" in kinds(proof)
    assert "length-changed" in kinds(proof)
    # The words that came in stand in no clause.
    assert [d.span for d in proof.drifts if d.kind == "text-outside"] == [(4, 8)]


def test_a_changed_clause_is_named_with_where_it_was() -> None:
    proof = verify(SOUND, TEXT.replace("45人", "55人").encode())
    [changed] = [d for d in proof.drifts if d.kind == "clause-changed"]
    assert changed.where == "一"
    assert "between the clauses at 3 and " in changed.detail
    # Nothing else is blamed for it.
    assert set(kinds(proof)) == {"file-changed", "clause-changed"}


def test_an_original_that_is_not_utf8() -> None:
    assert kinds(verify(SOUND, TEXT.encode("gb18030"))) == ["file-changed", "not-utf8"]


def test_a_figure_that_is_not_printed_there() -> None:
    proof = verify(ruleset(FIGURES="[46人]"), TEXT.encode())
    [drift] = proof.drifts
    assert (drift.kind, drift.where) == ("figure-absent", "small/primary")
    assert "`46人`" in drift.detail


def test_a_sentence_without_rule_or_reason() -> None:
    proof = verify(ruleset(JUNIOR=str(list(at("小学班额不超过45人")))), TEXT.encode())
    gone = [d for d in proof.drifts if d.kind == "sentence-unaccounted"]
    assert [(d.where, d.span) for d in gone] == [("一", at("初中班额不超过50人。"))]


def test_a_citation_of_marks_alone_accounts_for_nothing() -> None:
    semicolon = TEXT.index(";")
    proof = verify(ruleset(PRIMARY=f"[{semicolon}, {semicolon + 1}]", FIGURES="[]"), TEXT.encode())
    assert [d.span for d in proof.drifts if d.kind == "sentence-unaccounted"] == [at("小学班额不超过45人;")]


@pytest.mark.parametrize("tail", ["另行通知", "2025"])
def test_words_outside_every_clause(tail: str) -> None:
    original = (TEXT + tail).encode()
    proof = verify(SOUND, original)
    assert [d.span for d in proof.drifts if d.kind == "text-outside"] == [(len(TEXT), len(TEXT) + len(tail))]


def test_marks_and_blanks_outside_a_clause_are_no_words() -> None:
    proof = verify(SOUND, (TEXT + " \u3000。——\n").encode())
    assert "text-outside" not in kinds(proof)


@given(st.data())
def test_any_changed_letter_of_a_clause_is_noticed(data: st.DataObject) -> None:
    clause = data.draw(st.sampled_from([c for c in SOUND.clauses if c.span]))
    assert clause.span is not None
    place = data.draw(st.integers(clause.span[0], clause.span[1] - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != TEXT[place]))
    proof = verify(SOUND, (TEXT[:place] + other + TEXT[place + 1 :]).encode())
    assert any(d.where == clause.path for d in proof.drifts)


@given(st.integers(0, len(TEXT)), st.text(min_size=1, max_size=5))
def test_whatever_is_inserted_every_clause_is_found_or_named(place: int, more: str) -> None:
    changed = TEXT[:place] + more + TEXT[place:]
    proof = verify(SOUND, changed.encode("utf-8", "replace"))
    assert not proof.sound
    named = {d.where for d in proof.drifts if d.kind.startswith("clause-")}
    for clause in SOUND.clauses:
        assert clause.span is not None
        stands = sha256_of(changed[slice(*clause.span)]) == clause.sha256
        assert stands != (clause.path in named)


def test_quotes_are_the_operative_words() -> None:
    quote = quoter(SOUND, TEXT.encode())
    words = {rule.id: quote(rule.citation) for rule in SOUND.rules}
    assert words == {
        "small/primary": "小学班额不超过45人",
        "small/junior": "初中班额不超过50人",
        "small/rotation": "教师每年轮岗10%",
    }


def test_nothing_is_quoted_from_a_clause_that_has_changed() -> None:
    quote = quoter(SOUND, TEXT.replace("45人", "55人").encode())
    words = {rule.id: quote(rule.citation) for rule in SOUND.rules}
    assert words == {"small/primary": None, "small/junior": None, "small/rotation": "教师每年轮岗10%"}


@pytest.mark.parametrize("original", [None, b"\xff\xfe", b""])
def test_nothing_is_quoted_without_the_original(original: bytes | None) -> None:
    quote = quoter(SOUND, original)
    assert [quote(rule.citation) for rule in SOUND.rules] == [None, None, None]


def test_nothing_is_quoted_from_outside_the_clause() -> None:
    quote = quoter(SOUND, TEXT.encode())
    assert quote(Citation("small@1", "小规划", "一", (0, 10), None)) is None
    assert quote(Citation("small@1", "小规划", "三", (5, 10), None)) is None
    assert quote(Citation("small@1", "小规划", "一", None, None)) is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("甲。乙;丙", ["甲。", "乙;", "丙"]),
        ("甲；乙！丙？", ["甲；", "乙！", "丙？"]),
        ("甲\n乙\r\n丙", ["甲", "乙", "丙"]),
        ("  甲。\n\n　乙。 ", ["甲。", "乙。"]),
        ("。。;—\n", []),
        ("甲，乙、丙：丁", ["甲，乙、丙：丁"]),
        ("", []),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text, 0, len(text))] == parts


@given(st.text(st.sampled_from("甲乙丙1a。;！\n 　，"), max_size=40))
def test_every_word_lies_in_one_sentence(text: str) -> None:
    spans = list(sentences(text, 0, len(text)))
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))
    for place, char in enumerate(text):
        if char.isalnum():
            assert sum(a <= place < b for a, b in spans) == 1


def test_one_word_of_a_sentence_accounts_for_it() -> None:
    assert unaccounted("甲乙。丙丁。", (0, 6), [(1, 2)]) == [(3, 6)]
    assert unaccounted("甲乙。丙丁。", (0, 6), [(2, 4)]) == [(0, 3)]
    assert unaccounted("甲乙。丙丁。", (0, 6), [(2, 3), (5, 6)]) == [(0, 3), (3, 6)]
