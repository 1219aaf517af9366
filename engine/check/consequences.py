"""Documents of consequences → the typed `Consequence`s of a ruleset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from engine import codes
from engine.check.ir import MAX_CAUSES, Citation, Consequence, FactSpec, Rule
from engine.check.ledger import Ledger
from engine.diagnostics import Collector
from engine.load.documents import ConsequenceDoc
from engine.source import Text
from engine.values import BOOLEAN
from engine.words import CONTAINS, SUBJECTS

__all__ = ["ConsequenceScope", "check_consequences"]


@dataclass(frozen=True, slots=True)
class ConsequenceScope:
    """What the consequences of one ruleset may refer to.

    `written` are the ids of all rules as their authors gave them, `rules` those of them that can run. Rules that
    the ruleset incorporates stand there under their full ids.
    """

    ruleset: str
    facts: Mapping[str, FactSpec]
    written: Iterable[str]
    rules: Mapping[str, Rule]
    ledger: Ledger
    collector: Collector


def check_consequences(docs: Iterable[ConsequenceDoc], scope: ConsequenceScope) -> list[Consequence]:
    """The consequences that can follow, in the order of the document.

    One goes with the rule or consequence that it follows from: that one's own mistake is in the collector.
    """
    unique = _unique(docs, scope.collector)
    gone = _circles(unique, scope.collector)
    counted = 0
    for doc in unique.values():
        counted += len(doc.causes)
        if counted > MAX_CAUSES:
            place = doc.causes[0].span
            scope.collector.add(codes.limit_exceeded("the causes of all consequences", str(MAX_CAUSES), place))
            break
    sound = {id_: cited for id_, doc in unique.items() if (cited := _sound(doc, unique, scope)) and id_ not in gone}
    found: dict[str, Consequence] = {}
    for id_ in _causes_first(unique):
        doc = unique[id_]
        causes = [text.value for text in doc.causes if doc.cause != "after" or text.value in found]
        if doc.cause in ("breach_of", "result_of"):
            causes = [name for name in causes if name in scope.rules]
        if id_ in sound and causes:
            found[id_] = _typed(doc, sound[id_], causes, found, scope)
    order = {path: i for i, path in enumerate(scope.ledger.clauses)}
    return sorted(found.values(), key=lambda c: (order[c.citation.path], c.citation.span or (0, 0), c.id))


def _unique(docs: Iterable[ConsequenceDoc], collector: Collector) -> dict[str, ConsequenceDoc]:
    found: dict[str, ConsequenceDoc] = {}
    for doc in docs:
        first = found.setdefault(doc.id.value, doc)
        if first is not doc:
            line, _ = first.id.span.source.place(first.id.span.start)
            where = f"{first.id.span.source.path}:{line}"
            collector.add(codes.duplicate_id("consequence", doc.id.value, doc.id.span, where))
    return found


def _after(doc: ConsequenceDoc, docs: Mapping[str, ConsequenceDoc]) -> list[str]:
    """The consequences that one follows; unknown names are left out."""
    return [text.value for text in doc.causes if text.value in docs] if doc.cause == "after" else []


def _causes_first(docs: Mapping[str, ConsequenceDoc]) -> list[str]:
    """Ids such that each stands behind those that it follows; those in circles, and what follows them, are left out."""
    left = {id_: _after(doc, docs) for id_, doc in docs.items()}
    order: dict[str, None] = {}
    while ready := [id_ for id_, causes in left.items() if all(cause in order for cause in causes)]:
        for id_ in ready:
            order[id_] = None
            del left[id_]
    return list(order)


def _circles(docs: Mapping[str, ConsequenceDoc], collector: Collector) -> set[str]:
    """Reports each circle of `after` once; all consequences that stand in one."""
    ordered = set(_causes_first(docs))
    found: set[str] = set()
    for start in docs:
        path: dict[str, None] = {}
        at = start
        while at not in ordered and at not in path:
            path[at] = None
            at = next(cause for cause in _after(docs[at], docs) if cause not in ordered)
        if at in ordered or at in found:
            continue
        names = list(path)
        circle = names[names.index(at) :]
        found.update(circle)
        collector.add(codes.cyclic("`after`", (*circle, at), docs[at].causes[0].span))
    return found


def _sound(doc: ConsequenceDoc, docs: Mapping[str, ConsequenceDoc], scope: ConsequenceScope) -> Citation | None:
    """The citation of a consequence without mistakes; they are all in the collector otherwise."""
    before = len(scope.collector.found)
    cited = scope.ledger.citation(doc.citation, scope.collector)
    for text in doc.causes:
        match doc.cause:
            case "fact":
                _check_event(text, scope)
            case "after":
                if text.value not in docs:
                    scope.collector.add(codes.unknown_consequence(text.value, docs, text.span))
            case _:
                if text.value not in scope.written:
                    scope.collector.add(codes.unknown_rule(text.value, scope.written, text.span))
    if doc.effect == "rating_lowest" and doc.who.value not in CONTAINS:
        listed = ", ".join(f"`{subject}`" for subject in CONTAINS)
        problem = "has no members whose lowest rating it could get"
        scope.collector.add(codes.unsuited_event(doc.who.value, problem, doc.who.span, f"members have {listed}"))
    return cited if len(scope.collector.found) == before else None


def _check_event(text: Text, scope: ConsequenceScope) -> None:
    spec = scope.facts.get(text.value)
    if spec is None:
        scope.collector.add(codes.unknown_fact(text.value, scope.facts, text.span))
    elif spec.type != BOOLEAN:
        help_ = "make a boolean fact of it, with `derive` if others tell it"
        scope.collector.add(codes.unsuited_event(text.value, f"is {spec.type_name}, no event", text.span, help_))
    elif spec.period is not None:
        help_ = "name the breach of a rule, or a fact without a period"
        problem = f"is told anew each {spec.period}, no event"
        scope.collector.add(codes.unsuited_event(text.value, problem, text.span, help_))


def _typed(
    doc: ConsequenceDoc,
    cited: Citation,
    causes: list[str],
    earlier: Mapping[str, Consequence],
    scope: ConsequenceScope,
) -> Consequence:
    subjects: set[str] = set()
    for name in causes:
        match doc.cause:
            case "fact":
                subjects.update(scope.facts[name].subjects)
            case "after":
                subjects.update(earlier[name].subjects)
            case _:
                subjects.update(scope.rules[name].subjects)
    return Consequence(
        f"{scope.ruleset}/{doc.id.value}",
        cited,
        cast(Literal["breach_of", "result_of", "fact", "after"], doc.cause),
        tuple(dict.fromkeys(causes if doc.cause == "fact" else (_full(name, scope) for name in causes))),
        doc.effect,
        doc.who.value,
        doc.strength,
        doc.within,
        tuple(subject for subject in SUBJECTS if subject in subjects),
        doc.title,
        doc.summary,
        doc.note,
        doc.reviewed,
    )


def _full(name: str, scope: ConsequenceScope) -> str:
    """The full id of a rule or consequence; that of an incorporated rule is written in full."""
    return name if "/" in name else f"{scope.ruleset}/{name}"
