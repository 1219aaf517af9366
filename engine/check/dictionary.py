"""Dictionary entries → fact specifications and named scopes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from engine import codes
from engine.check.expressions import check_expression
from engine.check.ir import Expr, FactSpec
from engine.check.scope import Scope, ScopeEntry
from engine.check.size import MAX_HEIGHT, sizes_of_facts
from engine.check.walk import facts_of, members_read, with_sources
from engine.diagnostics import Collector
from engine.load.documents import EntryDoc
from engine.load.fields import Fields
from engine.load.tree import Mapping as TreeMapping
from engine.load.tree import Node
from engine.nearest import did_you_mean
from engine.periods import PeriodKind, parse_kind
from engine.source import Text
from engine.values import (
    BOOLEAN,
    DATE,
    PERCENT,
    Category,
    Checklist,
    Number,
    Type,
    UnknownUnit,
    parse_unit,
)
from engine.words import SUBJECTS

__all__ = ["Dictionary", "check_dictionary"]

MAX_MAGNITUDE = Fraction(10) ** 15


@dataclass(frozen=True, slots=True)
class Dictionary:
    """All facts and named scopes, shared by every ruleset."""

    facts: Mapping[str, FactSpec]
    scopes: Mapping[str, ScopeEntry]


def check_dictionary(entries: Iterable[EntryDoc], collector: Collector) -> Dictionary:
    """The dictionary of all entries that are sound; mistakes go to the collector."""
    docs: dict[str, EntryDoc] = {}
    for doc in entries:
        if _first(doc, docs, collector) and _subjects(doc, collector):
            docs[doc.name.value] = doc
    facts: dict[str, FactSpec] = {}
    scopes: dict[str, ScopeEntry] = {}
    for name, doc in docs.items():
        if doc.where is not None:
            scopes[name] = ScopeEntry(name, _words(doc.subjects), doc.where)
        elif (spec := _spec(doc, collector)) is not None:
            facts[name] = spec
    _aliases(docs, facts, collector)
    full = dict(facts)
    for name, spec in facts.items():
        full[name] = _formulas(docs[name], spec, facts, scopes, collector)
    for entry in scopes.values():
        check_expression(
            entry.where,
            Scope(entry.subjects, facts, scopes, collector, "when", expanding=(entry.name,)),
            BOOLEAN,
        )
    for name, spec in full.items():
        _periods_of_members(spec, docs[name], full, collector)
    # Without its formula a fact can still be read, so that everything else can be checked.
    for name in _circles(full, docs, collector):
        full[name] = facts[name]
    for name, size in sizes_of_facts(full).items():
        if size.excess is not None:
            collector.add(codes.limit_exceeded(*size.excess, docs[name].name.span))
            full[name] = facts[name]
    return Dictionary(full, scopes)


def _words(texts: tuple[Text, ...]) -> tuple[str, ...]:
    return tuple(t.value for t in texts)


def _at(text: Text) -> str:
    return f"{text.span.source.path}:{text.span.source.place(text.span.start)[0]}"


def _first(doc: EntryDoc, docs: Mapping[str, EntryDoc], collector: Collector) -> bool:
    first = docs.get(doc.name.value)
    if first is None:
        return True
    collector.add(codes.duplicate_id("fact", doc.name.value, doc.name.span, _at(first.name)))
    return False


def _subjects(doc: EntryDoc, collector: Collector) -> bool:
    sound = True
    for text in doc.subjects:
        if text.value not in SUBJECTS:
            collector.add(codes.bad_scalar("a subject", text.value, text.span, did_you_mean(text.value, SUBJECTS)))
            sound = False
    return sound


def _spec(doc: EntryDoc, collector: Collector) -> FactSpec | None:
    type_, unit = _type(doc, collector)
    if type_ is None or doc.type is None:
        return None
    period = _period(doc.period, collector)
    step = doc.step
    if step is None:
        step = {"integer": Fraction(1), "percent": Fraction(1, 100)}.get(doc.type)
    if doc.bounds is not None:
        _exactness(doc, doc.bounds, step, collector)
    return FactSpec(
        doc.name.value,
        _words(doc.subjects),
        doc.type,
        type_,
        unit,
        doc.bounds,
        step,
        doc.evidence,
        period,
        tuple(o.id.value for o in doc.options),
        tuple((o.id.value, o.label["zh"], o.label["en"]) for o in doc.options),
        None,
        None,
        None,
        doc.label,
        doc.note,
        _words(doc.aliases),
    )


def _type(doc: EntryDoc, collector: Collector) -> tuple[Type | None, str | None]:
    options = tuple(o.id.value for o in doc.options)
    match doc.type:
        case "boolean":
            return BOOLEAN, None
        case "date":
            return DATE, None
        case "category" | "grade":
            return (Category(options, ordered=doc.type == "grade"), None) if options else (None, None)
        case "checklist":
            return (Checklist(options), None) if options else (None, None)
        case "percent":
            if doc.unit is not None and doc.unit.value != "percent":
                collector.add(codes.unit_clash("percent", doc.unit.value, doc.unit.span))
            return Number(PERCENT), "percent"
        case _:
            if doc.unit is None:
                return None, None
            try:
                return Number(parse_unit(doc.unit.value), integer=doc.type == "integer"), doc.unit.value
            except UnknownUnit as error:
                collector.add(
                    codes.bad_scalar("a unit", str(error.args[0]), doc.unit.span, "units stand in rulesets/README.md")
                )
                return None, None


def _exactness(doc: EntryDoc, bounds: tuple[Fraction, Fraction], step: Fraction | None, collector: Collector) -> None:
    """Bounds, steps and whole numbers must survive float64, so that every path reads the same."""
    for value in bounds:
        if abs(value) > MAX_MAGNITUDE:
            collector.add(codes.inexact_bounds(f"bounds of `{doc.name.value}` exceed 10^15", doc.name.span))
        elif doc.type == "integer" and value.denominator != 1:
            collector.add(
                codes.inexact_bounds(f"bounds of the integer `{doc.name.value}` must be whole", doc.name.span)
            )
    if step is not None and step <= 0:
        collector.add(codes.inexact_bounds(f"the step of `{doc.name.value}` must be above 0", doc.name.span))
    if doc.type == "number" and step is None:
        collector.add(
            codes.inexact_bounds(
                f"`{doc.name.value}` lacks a `step`",
                doc.name.span,
                "give the smallest step in which it is measured, as `step: 0.01`",
            )
        )


def _period(node: Node | None, collector: Collector) -> PeriodKind | None:
    if node is None:
        return None
    kind: PeriodKind | None = None
    if isinstance(node, Text):
        kind = parse_kind(node.value) if node.value != "cycle" else None
        written = node.value
    elif isinstance(node, TreeMapping):
        fields = Fields(node, "`period`", collector)
        years, anchor = fields.integer("cycle"), fields.integer("anchor", required=False)
        fields.done()
        kind = parse_kind("cycle", years, anchor)
        written = "this mapping"
    else:
        written = "a list"
    if kind is None:
        expected = "year, year to 09-30, school_year, half_year, quarter, term, month, fortnight, week or {cycle: n}"
        collector.add(codes.bad_scalar(expected, written, node.span))
    return kind


def _aliases(docs: Mapping[str, EntryDoc], facts: Mapping[str, FactSpec], collector: Collector) -> None:
    """A heading means one fact per subject."""
    seen: dict[tuple[str, str], Text] = {}
    for name in facts:
        for alias in docs[name].aliases:
            for subject in facts[name].subjects:
                first = seen.setdefault((subject, alias.value), alias)
                if first is not alias:
                    collector.add(codes.duplicate_id("alias", alias.value, alias.span, _at(first)))


def _formulas(
    doc: EntryDoc,
    spec: FactSpec,
    facts: Mapping[str, FactSpec],
    scopes: Mapping[str, ScopeEntry],
    collector: Collector,
) -> FactSpec:
    def read(text: Text | None, place: str) -> Expr | None:
        if text is None:
            return None
        typed = check_expression(text, Scope(spec.subjects, facts, scopes, collector, place), spec.type)
        return typed[0] if typed else None

    if doc.derive is None and doc.at_least is None and doc.at_most is None:
        return spec
    return replace(
        spec,
        derive=read(doc.derive, "derive"),
        at_least=read(doc.at_least, "bound"),
        at_most=read(doc.at_most, "bound"),
    )


def _periods_of_members(spec: FactSpec, doc: EntryDoc, facts: Mapping[str, FactSpec], collector: Collector) -> None:
    """Facts of members are read at the period of what is rolled up from them: they must have the same kind."""
    read = {name for named in members_read((spec,)).values() for name in named}
    for name in with_sources(sorted(read), facts):
        other = facts[name].period
        if other is not None and other != spec.period:
            own = f"is by {spec.period}" if spec.period is not None else "has no `period`"
            problem = f"`{spec.name}` {own}, but is rolled up from `{name}`, which is by {other}"
            collector.add(codes.period_misuse(problem, doc.name.span, "give both the same `period`"))
            return


def _circles(facts: Mapping[str, FactSpec], docs: Mapping[str, EntryDoc], collector: Collector) -> set[str]:
    """Derived facts must not need themselves: reports every circle; the facts in one."""
    done: set[str] = set()
    found: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = (*path[path.index(name) :], name)
            found.update(circle)
            collector.add(codes.cyclic("a derived fact", circle, docs[name].name.span))
            return
        if name in done or name not in facts:
            return
        if len(path) > MAX_HEIGHT:
            found.add(name)
            what = "the chain of derived facts that ends here"
            collector.add(codes.limit_exceeded(what, f"{MAX_HEIGHT} facts", docs[name].name.span))
            return
        for formula in (facts[name].derive, facts[name].at_least, facts[name].at_most):
            for other in facts_of(formula):
                visit(other, (*path, name))
        done.add(name)

    for name in facts:
        visit(name, ())
    return found
