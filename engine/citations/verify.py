"""Proof of the citations: every span and digest of a ruleset against the original document.

A drift names the clause, and where its words stand now if they can be found. All offsets count code
points of the decoded file; spans are half-open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.check.ir import Citation, Clause, Rule, Ruleset
from engine.citations.quotes import sha256_of
from engine.citations.sentences import has_words, sentences, unaccounted

__all__ = ["Drift", "DriftKind", "Proof", "not_printed", "verify"]

DriftKind = Literal[
    "no-original",
    "not-utf8",
    "file-changed",
    "length-changed",
    "clause-moved",
    "clause-changed",
    "citation-outside",
    "figure-absent",
    "sentence-unaccounted",
    "text-outside",
]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as the ledger says.

    `where` names a clause, a rule or the file; `span` is meant in the original as it is now. `moved_to`
    is set where the same words were found elsewhere.
    """

    kind: DriftKind
    where: str
    detail: str
    span: Span | None = None
    moved_to: Span | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What was checked of one ruleset. `skipped` says why nothing could be."""

    ruleset: str
    document: str
    file: str | None
    clauses: int = 0
    citations: int = 0
    sentences: int = 0
    drifts: tuple[Drift, ...] = ()
    skipped: str | None = None

    @property
    def sound(self) -> bool:
        """True when nothing has drifted."""
        return not self.drifts


def verify(ruleset: Ruleset, original: bytes | None) -> Proof:
    """Check every span and digest of a ruleset. `original`: the bytes of its file, None when absent."""
    document = ruleset.document
    head = (ruleset.name, document.cited_as, document.file)
    if ruleset.source != "original":
        return Proof(*head, skipped="its original is not at hand (`source: facts_only`)")
    if original is None:
        return Proof(*head, drifts=(Drift("no-original", document.file or "?", "the file is not in the folder"),))
    drifts: list[Drift] = []
    found = hashlib.sha256(original).hexdigest()
    if found != document.sha256:
        drifts.append(Drift("file-changed", document.file or "?", f"its SHA-256 is now {found}"))
    try:
        text = original.decode("utf-8")
    except UnicodeDecodeError as error:
        drifts.append(Drift("not-utf8", document.file or "?", f"byte {error.start + 1:,} is not UTF-8"))
        return Proof(*head, drifts=tuple(drifts))
    if len(text) != document.code_points:
        detail = f"it has {len(text):,} code points, the ledger says {document.code_points or 0:,}"
        drifts.append(Drift("length-changed", document.file or "?", detail))
    standing = _standing(ruleset, text, drifts)
    citations = _citations(ruleset, drifts)
    _figures(ruleset, text, standing, drifts)
    counted = _sentences(ruleset, text, standing, drifts)
    _outside(text, standing, drifts)
    return Proof(*head, len(ruleset.clauses), citations, counted, tuple(drifts))


def _standing(ruleset: Ruleset, text: str, drifts: list[Drift]) -> dict[str, Span]:
    """Where each clause's words stand now; those that stand nowhere are left out."""
    search = _Search(text)
    standing: dict[str, Span] = {}
    changed: list[tuple[int, Clause]] = []
    shift = 0
    for number, clause in enumerate(ruleset.clauses):
        if clause.span is None or clause.sha256 is None:
            continue
        start, end = clause.span
        if sha256_of(text[start:end]) == clause.sha256:
            standing[clause.path] = clause.span
            continue
        moved = search.find(clause.sha256, end - start, start + shift)
        if moved is None:
            changed.append((number, clause))
            continue
        shift = moved - start
        standing[clause.path] = (moved, moved + end - start)
        detail = f"its words moved by {shift:+,} code points"
        drifts.append(Drift("clause-moved", clause.path, detail, clause.span, standing[clause.path]))
    for number, clause in changed:
        low, high = _between(ruleset, number, standing, len(text))
        detail = f"its words are not in the text any more; they stood between the clauses at {low:,} and {high:,}"
        drifts.append(Drift("clause-changed", clause.path, detail, clause.span))
    return standing


def _between(ruleset: Ruleset, number: int, standing: dict[str, Span], length: int) -> Span:
    """The room between the nearest clauses before and behind that still stand."""
    before = (standing[c.path][1] for c in reversed(ruleset.clauses[:number]) if c.path in standing)
    behind = (standing[c.path][0] for c in ruleset.clauses[number + 1 :] if c.path in standing)
    return next(before, 0), next(behind, length)


class _Search:
    """Finds words by their digest: every window of the same length is hashed, the likely one first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bytes = text.encode()
        offsets = [0]
        for char in text:
            offsets.append(offsets[-1] + len(char.encode()))
        self._offsets = offsets

    def find(self, digest: str, length: int, likely: int) -> int | None:
        """The start of the window with that digest, nearest to `likely`; None when there is none."""
        wanted = bytes.fromhex(digest)
        body, offsets = memoryview(self._bytes), self._offsets
        for start in _outward(likely, len(self._text) - length):
            window = body[offsets[start] : offsets[start + length]]
            if hashlib.sha256(window).digest() == wanted:
                return start
        return None


def _outward(middle: int, last: int) -> Iterator[int]:
    """0 to `last` in order of distance from `middle`."""
    if last < 0:
        return
    middle = min(max(middle, 0), last)
    yield middle
    for distance in range(1, last + 1):
        if middle - distance >= 0:
            yield middle - distance
        if middle + distance <= last:
            yield middle + distance


def _cited(ruleset: Ruleset) -> Iterator[tuple[str, tuple[Citation, ...]]]:
    """The places of this document that each rule and consequence cites; of an incorporated rule those that adopt it."""
    yield from ((rule.id, (rule.citation, *rule.also_at)) for rule in ruleset.rules)
    for rule in ruleset.incorporated:
        yield rule.id, tuple(citation for citation in rule.also_at if citation.ruleset == ruleset.name)
    yield from ((consequence.id, (consequence.citation,)) for consequence in ruleset.consequences)


def _citations(ruleset: Ruleset, drifts: list[Drift]) -> int:
    """Every span of a rule or consequence lies in its clause. Returns how many were looked at."""
    spans = {clause.path: clause.span for clause in ruleset.clauses}
    looked_at = 0
    for id_, citations in _cited(ruleset):
        for citation in citations:
            looked_at += 1
            clause = spans.get(citation.path)
            if clause is None or citation.span is None:
                detail = f"cites `{citation.path}`, which has no span"
                drifts.append(Drift("citation-outside", id_, detail))
            elif not (clause[0] <= citation.span[0] < citation.span[1] <= clause[1]):
                detail = f"cites words outside `{citation.path}` [{clause[0]}, {clause[1]}]"
                drifts.append(Drift("citation-outside", id_, detail, citation.span))
    return looked_at


def _figures(ruleset: Ruleset, text: str, standing: dict[str, Span], drifts: list[Drift]) -> None:
    """Every figure that a rule gives as printed stands in the words that it cites."""
    spans = {clause.path: clause.span for clause in ruleset.clauses}
    for rule in ruleset.rules:
        cited = [(c.path, c.span) for c in (rule.citation, *rule.also_at)]
        words: list[str] = []
        for path, span in cited:
            clause, now = spans.get(path), standing.get(path)
            if clause is not None and now is not None and span is not None:
                shift = now[0] - clause[0]
                words.append(text[span[0] + shift : span[1] + shift])
        if len(words) < len(cited):
            continue
        for figure in not_printed(rule, words):
            detail = f"the figure `{figure}` is not printed in the words that it cites"
            drifts.append(Drift("figure-absent", rule.id, detail, rule.citation.span))


def not_printed(rule: Rule, words: Sequence[str]) -> list[str]:
    """The figures of a rule that stand in none of the passages that it cites."""
    return [figure for figure in rule.figures if not any(figure in part for part in words)]


def _sentences(ruleset: Ruleset, text: str, standing: dict[str, Span], drifts: list[Drift]) -> int:
    """Every sentence of a clause with rules or consequences gave one, or has a reason. Returns how many there are.

    A clause without either has one reason for all its words.
    """
    cited: dict[str, list[Span]] = {}
    for _, citations in _cited(ruleset):
        for citation in citations:
            if citation.span is not None:
                cited.setdefault(citation.path, []).append(citation.span)
    total = 0
    for clause in ruleset.clauses:
        now = standing.get(clause.path)
        if now is None or clause.span is None:
            continue
        total += sum(1 for _ in sentences(text, *now))
        if clause.reason is not None:
            continue
        shift = now[0] - clause.span[0]
        spans = [*cited.get(clause.path, ()), *(part.span for part in clause.without_rule)]
        for start, end in unaccounted(text, now, [(a + shift, b + shift) for a, b in spans]):
            detail = "a sentence lies in no rule's span and has no reason under `without_rule`"
            drifts.append(Drift("sentence-unaccounted", clause.path, detail, (start, end)))
    return total


def _outside(text: str, standing: dict[str, Span], drifts: list[Drift]) -> None:
    """Words that stand in no clause. Where a clause has changed, its words are not reported again."""
    if any(drift.kind == "clause-changed" for drift in drifts):
        return
    at = 0
    for start, end in [*sorted(standing.values()), (len(text), len(text))]:
        for first, last in sentences(text, at, min(start, len(text))):
            if has_words(text[first:last]):
                drifts.append(Drift("text-outside", "ledger", "words stand in no clause", (first, last)))
        at = max(at, end)
