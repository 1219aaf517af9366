"""How much of a document became rules, and why the rest did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.check.ir import Ruleset
from engine.words import CLAUSE_REASONS, EVIDENCE, FORCES, SUBJECTS

__all__ = ["CodePoints", "Coverage", "cover"]

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CodePoints:
    """Code points of the original, each counted once.

    `document`: all of it, blanks between clauses too; `in_clauses`: those of the ledger; `cited`: in the span of
    at least one rule, consequence or incorporation; `with_reason`: not cited, but in a clause or part that says why.
    """

    document: int
    in_clauses: int
    cited: int
    with_reason: int

    @property
    def cited_percent(self) -> float:
        """The share of the ledger's text that rules cite, 0–100, to one decimal."""
        return round(100 * self.cited / self.in_clauses, 1) if self.in_clauses else 0.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What became of the clauses of a ruleset, in numbers; words in the order of `engine.words`.

    `without_rules` counts whole clauses by reason, `parts_without_rule` parts of clauses that have rules.
    A clause may have both rules and consequences. `incorporating` counts clauses that pull in rules of another
    ruleset, `incorporated` those rules; all other numbers are about the ruleset's own rules.
    A rule about two subjects is counted under both. `code_points` is None where the original is not at hand.
    """

    clauses: int
    with_rules: int
    with_consequences: int
    incorporating: int
    incorporated: int
    without_rules: Mapping[str, int]
    parts_without_rule: Mapping[str, int]
    rules: int
    rules_by_force: Mapping[str, int]
    rules_by_evidence: Mapping[str, int]
    rules_by_subject: Mapping[str, int]
    contradictions: int
    consequences: int
    code_points: CodePoints | None


def cover(ruleset: Ruleset) -> Coverage:
    """The coverage of a ruleset."""
    clauses, rules = ruleset.clauses, ruleset.rules
    return Coverage(
        len(clauses),
        sum(1 for clause in clauses if clause.rules),
        sum(1 for clause in clauses if clause.consequences),
        sum(1 for clause in clauses if clause.incorporates),
        len(ruleset.incorporated),
        _counted((clause.reason for clause in clauses if clause.reason is not None), CLAUSE_REASONS),
        _counted((part.reason for clause in clauses for part in clause.without_rule), CLAUSE_REASONS),
        len(rules),
        {force: sum(rule.force == force for rule in rules) for force in FORCES},
        {evidence: sum(rule.evidence == evidence for rule in rules) for evidence in EVIDENCE},
        _counted((subject for rule in rules for subject in rule.subjects), SUBJECTS),
        len({frozenset((rule.id, other)) for rule in rules for other in rule.conflicts_with}),
        len(ruleset.consequences),
        _code_points(ruleset),
    )


def _counted(found: Iterable[str], order: Sequence[str]) -> dict[str, int]:
    """How often each word was found, those not found left out."""
    counts = Counter(found)
    return {word: counts[word] for word in order if counts[word]}


def _code_points(ruleset: Ruleset) -> CodePoints | None:
    length = ruleset.document.code_points
    if ruleset.source != "original" or length is None:
        return None
    ledger = _marked([clause.span for clause in ruleset.clauses], length)
    spans = [c.span for rule in ruleset.rules for c in (rule.citation, *rule.also_at)]
    for clause in ruleset.clauses:
        for adoption in clause.incorporates:
            spans += [adoption.span or clause.span, *(citation.span for citation in adoption.also_at)]
    cited = _marked([*spans, *(consequence.citation.span for consequence in ruleset.consequences)], length)
    explained = [clause.span for clause in ruleset.clauses if clause.reason is not None]
    explained += [part.span for clause in ruleset.clauses for part in clause.without_rule]
    with_reason = _marked(explained, length)
    return CodePoints(
        length,
        sum(ledger),
        sum(cited),
        sum(reason and not rule for reason, rule in zip(with_reason, cited, strict=True)),
    )


def _marked(spans: Iterable[Span | None], length: int) -> bytearray:
    """One byte for each code point: 1 where a span holds it."""
    marked = bytearray(length)
    for span in spans:
        if span is not None:
            start, end = min(span[0], length), min(span[1], length)
            marked[start:end] = b"\x01" * (end - start)
    return marked
