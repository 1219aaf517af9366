"""`clauses.yaml`, the ledger of a document → documents."""

from __future__ import annotations

from engine import codes
from engine.diagnostics import Collector
from engine.load.documents import AdoptionDoc, ClauseDoc, WithoutRuleDoc
from engine.load.fields import Fields, read_list
from engine.load.rulesets import read_also_at, read_digest, read_due, read_reviewed
from engine.load.tree import Listing, Mapping, parse_tree
from engine.source import Source, Text
from engine.words import CLAUSE_KINDS, CLAUSE_REASONS, FORCES

__all__ = ["load_clauses"]


def load_clauses(source: Source, collector: Collector, *, spans: bool) -> list[ClauseDoc]:
    """The ledger. `spans`: the ruleset has an original, so each clause needs span and digest."""
    clauses: list[ClauseDoc] = []

    def read(fields: Fields) -> None:
        path = fields.text("clause")
        span = fields.range_of_code_points("span", required=spans)
        sha256 = read_digest(fields, required=spans)
        kind = fields.choice("kind", CLAUSE_KINDS)
        heading = fields.bilingual("heading", required=False)
        reason = fields.text("reason", required=False)
        if reason is not None and reason.value not in CLAUSE_REASONS:
            fields.choice("reason", CLAUSE_REASONS)
            reason = None
        duplicate_of = fields.text("duplicate_of", required=reason is not None and reason.value == "duplicate_of")
        note = fields.value("note", required=False)
        without = tuple(w for f in fields.mappings("without_rule", "entry", required=False) if (w := _without(f)))
        incorporates = _incorporates(fields, spans=spans)
        fields.done()
        if path is not None and kind is not None:
            clauses.append(
                ClauseDoc(
                    path,
                    fields.node.span,
                    span,
                    sha256,
                    kind,
                    heading,
                    reason,
                    duplicate_of,
                    note,
                    without,
                    incorporates,
                )
            )

    read_list(parse_tree(source, collector), "clause", collector, read)
    return clauses


def _without(fields: Fields) -> WithoutRuleDoc | None:
    span = fields.range_of_code_points("span")
    reason = fields.choice("reason", CLAUSE_REASONS)
    note = fields.value("note", required=False)
    fields.done()
    return None if span is None or reason is None else WithoutRuleDoc(span, reason, note, fields.node.span)


def _incorporates(fields: Fields, *, spans: bool) -> tuple[AdoptionDoc, ...]:
    """By ruleset a list of rules, or a mapping with `rules` and terms, or a list of such mappings.

    An entry without a readable rule stays, with none: what is wrong with it is in the collector.
    """
    nested = fields.mapping("incorporates", "`incorporates`", required=False)
    if nested is None:
        return ()
    found: list[AdoptionDoc] = []
    for key, name in nested.node.keys.items():
        node = nested.any(key)
        if isinstance(node, Mapping):
            found.append(_adoption(Fields(node, "the entry", fields.collector), name, spans=spans))
        elif isinstance(node, Listing) and any(isinstance(item, Mapping) for item in node.items):
            found += [_adoption(part, name, spans=spans) for part in nested.mappings(key, "the entry")]
        else:
            found.append(AdoptionDoc(name, name.span, None, _adopted(nested, key)))
    return tuple(found)


def _adopted(fields: Fields, key: str) -> tuple[Text, ...]:
    """A list of rules that names at least one."""
    node = fields.any(key, required=False)
    if isinstance(node, Listing) and not node.items:
        fields.collector.add(codes.wrong_shape("a list of rules", "an empty one", fields.key_span(key)))
    return fields.texts(key)


def _adoption(fields: Fields, ruleset: Text, *, spans: bool) -> AdoptionDoc:
    span = fields.range_of_code_points("span", required=False)
    also = read_also_at(fields, spans=spans)
    rules = _adopted(fields, "rules")
    due = read_due(fields)
    starts = fields.day("from", required=False)
    force = fields.choice("force", FORCES, required=False)
    reviewed = read_reviewed(fields)
    fields.done()
    return AdoptionDoc(ruleset, fields.node.span, span, rules, also, due, starts, force, reviewed)
