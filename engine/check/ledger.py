"""The ledger of clauses: order, completeness, citations inside their clauses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine import codes
from engine.check.ir import Citation, Document
from engine.diagnostics import Collector
from engine.load.documents import ClauseDoc, LocatorDoc, RulesetDoc
from engine.source import Span

__all__ = ["Ledger", "check_ledger"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The clauses of one document, by path, for citing them."""

    ruleset: str
    """`id@version`."""
    document: Document
    clauses: Mapping[str, ClauseDoc]

    def citation(self, locator: LocatorDoc, collector: Collector) -> Citation | None:
        """A locator as a citation: its clause must be in the ledger and contain the span."""
        doc = self.clauses.get(locator.clause.value)
        if doc is None:
            collector.add(codes.unknown_clause(locator.clause.value, self.clauses, locator.clause.span))
            return None
        return self.cite(doc, locator.span, locator.place, collector)

    def cite(self, doc: ClauseDoc, span: tuple[int, int] | None, place: Span, collector: Collector) -> Citation | None:
        """Words of a clause as a citation."""
        if span is not None and doc.span is not None and not (doc.span[0] <= span[0] and span[1] <= doc.span[1]):
            collector.add(codes.citation_out_of_clause(_shown(span), doc.path.value, _shown(doc.span), place))
            return None
        return Citation(self.ruleset, self.document.cited_as, doc.path.value, span, doc.sha256)


def _shown(span: tuple[int, int]) -> str:
    return f"[{span[0]}, {span[1]}]"


def check_ledger(
    clauses: Iterable[ClauseDoc],
    cited: Mapping[str, tuple[str, ...]],
    head: RulesetDoc,
    collector: Collector,
) -> None:
    """Every clause has rules, consequences or a reason; clauses follow the document without overlap.

    `cited`: the ids of the rules and consequences that cite a clause, by its path.
    """
    clauses = tuple(clauses)
    adopting = _adopting_elsewhere(clauses)
    seen: dict[str, ClauseDoc] = {}
    end = 0
    for doc in clauses:
        path = doc.path.value
        if path in seen:
            first = seen[path].path.span
            where = f"{first.source.path}:{first.source.place(first.start)[0]}"
            collector.add(codes.duplicate_id("clause", path, doc.path.span, where))
        seen.setdefault(path, doc)
        if doc.span is not None:
            if doc.span[0] < end:
                problem = f"begins at {doc.span[0]}, before the end of the clause above it ({end})"
                collector.add(codes.clause_order(path, problem, doc.path.span))
            if head.code_points is not None and doc.span[1] > head.code_points:
                problem = f"ends at {doc.span[1]}, behind the end of the document ({head.code_points})"
                collector.add(codes.clause_order(path, problem, doc.path.span))
            end = max(end, doc.span[1])
        _reasons(doc, cited.get(path, ()), adopting.get(path), collector)
    for doc in seen.values():
        if doc.duplicate_of is not None and doc.duplicate_of.value not in seen:
            collector.add(codes.unknown_clause(doc.duplicate_of.value, seen, doc.duplicate_of.span))


def _adopting_elsewhere(clauses: Iterable[ClauseDoc]) -> dict[str, str]:
    """The first ruleset whose rules another clause incorporates with words of this one, by the path of this one."""
    found: dict[str, str] = {}
    for doc in clauses:
        for adoption in doc.incorporates:
            for locator in adoption.also_at:
                found.setdefault(locator.clause.value, adoption.ruleset.value)
    return found


def _reasons(doc: ClauseDoc, citing: tuple[str, ...], adopting: str | None, collector: Collector) -> None:
    path = doc.path.value
    adopted = doc.incorporates[0].ruleset.value if doc.incorporates else adopting
    if not citing and doc.reason is None and adopted is None:
        help_ = "cite it from a rule, or give a `reason` why it has none"
        collector.add(codes.clause_unaccounted(path, "has neither rules nor a reason", doc.path.span, help_))
    if adopted is not None and doc.reason is not None:
        how = "it incorporates" if doc.incorporates else "its words help to incorporate"
        problem = f"has a reason although {how} rules of `{adopted}`"
        collector.add(codes.clause_unaccounted(path, problem, doc.reason.span))
    if citing and doc.reason is not None:
        help_ = "give the reason to the sentences under `without_rule`"
        problem = f"has a reason although {len(citing)} rule(s) or consequence(s) cite it, `{citing[0]}` first"
        collector.add(codes.clause_unaccounted(path, problem, doc.reason.span, help_))
    for part in doc.without_rule:
        if doc.span is not None and not (doc.span[0] <= part.span[0] and part.span[1] <= doc.span[1]):
            collector.add(codes.citation_out_of_clause(_shown(part.span), path, _shown(doc.span), part.place))
