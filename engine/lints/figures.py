"""A figure given as printed that the words which the rule cites do not print. Needs the original."""

from __future__ import annotations

from collections.abc import Iterator

from engine import codes
from engine.citations.quotes import sha256_of
from engine.citations.verify import not_printed
from engine.diagnostics import Diagnostic
from engine.lints.examined import Examined
from engine.load.documents import RuleDoc
from engine.source import Span

__all__ = ["figures_not_printed"]


def figures_not_printed(examined: Examined) -> Iterator[Diagnostic]:
    """Figures that stand in none of the passages that a rule cites.

    Nothing without the original, and nothing of clauses whose words have changed: those are matter of
    `engine.citations.verify`.
    """
    text = examined.original
    if text is None:
        return
    sound = {
        clause.path
        for clause in examined.ruleset.clauses
        if clause.span is not None and sha256_of(text[clause.span[0] : clause.span[1]]) == clause.sha256
    }
    for rule in examined.ruleset.rules:
        cited = (rule.citation, *rule.also_at)
        if not all(citation.path in sound for citation in cited):
            continue
        words = [text[c.span[0] : c.span[1]] for c in cited if c.span is not None]
        doc = examined.written[rule.id]
        for figure in not_printed(rule, words):
            yield codes.figure_not_printed(doc.id.value, figure, _place(doc, figure))


def _place(doc: RuleDoc, figure: str) -> Span:
    """The figure where it stands behind `figures:`, else the rule's id."""
    source, start = doc.id.source, doc.id.start
    behind = source.text.find("\n- ", start)
    end = behind if behind >= 0 else len(source.text)
    listed = source.text.find("figures:", start, end)
    at = source.text.find(figure, listed, end) if listed >= 0 else -1
    return Span(source, at, at + len(figure)) if at >= 0 else doc.id.span
