"""Documents of one ruleset → the typed `Ruleset`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine import codes
from engine.check.consequences import ConsequenceScope, check_consequences
from engine.check.dictionary import Dictionary
from engine.check.incorporate import Incorporated, Standards, incorporate
from engine.check.ir import Clause, Document, Parameter, Ruleset, WithoutRule
from engine.check.ledger import Ledger, check_ledger
from engine.check.passed import follow_passes
from engine.check.rules import RuleScope, check_rule
from engine.check.size import sizes_of_facts
from engine.diagnostics import Collector
from engine.load.documents import ClauseDoc, ConsequenceDoc, ParameterDoc, RuleDoc, RulesetDoc
from engine.load.fields import read_date, read_decimal
from engine.source import Text
from engine.values import BOOLEAN, DATE, PERCENT, Number, UnknownUnit, parse_unit

__all__ = ["RulesetParts", "check_ruleset"]


@dataclass(frozen=True, slots=True)
class RulesetParts:
    """The documents of one ruleset folder."""

    head: RulesetDoc
    clauses: tuple[ClauseDoc, ...]
    rules: tuple[RuleDoc, ...]
    consequences: tuple[ConsequenceDoc, ...] = ()

    @property
    def name(self) -> str:
        """`id@version`."""
        return f"{self.head.id.value}@{self.head.version.value}"

    @property
    def adopts(self) -> bool:
        """True when a clause incorporates rules of another ruleset."""
        return any(clause.incorporates for clause in self.clauses)


def check_ruleset(
    parts: RulesetParts, dictionary: Dictionary, divisions: frozenset[str], standards: Standards, collector: Collector
) -> Ruleset:
    """The ruleset with every rule that is sound. Whether it may be used is the collector's say."""
    head = parts.head
    if head.jurisdiction.value != "root" and head.jurisdiction.value not in divisions:
        collector.add(codes.unknown_division(head.jurisdiction.value, head.jurisdiction.span))
    parameters = _parameters(head.parameters, collector)
    docs = _unique(parts.rules, collector)
    document = _document(head)
    ledger = Ledger(parts.name, document, {doc.path.value: doc for doc in parts.clauses})
    scope = RuleScope(head.id.value, dictionary, parameters, frozenset(docs), divisions, ledger, collector)
    rules = [rule for doc in docs.values() if (rule := check_rule(doc, scope)) is not None]
    order = {doc.path.value: i for i, doc in enumerate(parts.clauses)}
    rules.sort(key=lambda r: (order.get(r.citation.path, len(order)), r.citation.span or (0, 0), r.id))
    rules = follow_passes(rules, docs, sizes_of_facts(dictionary.facts), collector)
    incorporated = incorporate(parts.clauses, ledger, standards, dictionary, divisions, collector)
    adopted = {rule.id: rule for rule in incorporated.rules}
    running = {rule.id.split("/", 1)[1]: rule for rule in rules} | adopted
    consequences = check_consequences(
        parts.consequences,
        ConsequenceScope(head.id.value, dictionary.facts, (*docs, *adopted), running, ledger, collector),
    )
    cited, following = _cited(parts.rules), _following(parts.consequences)
    citing = {path: (*cited.get(path, ()), *following.get(path, ())) for path in (*cited, *following)}
    check_ledger(parts.clauses, citing, head, collector)
    return Ruleset(
        head.id.value,
        head.version.value,
        head.title,
        head.summary,
        head.source,
        document,
        head.jurisdiction.value,
        head.starts,
        head.period,
        tuple(parameters.values()),
        tuple(
            _clause(doc, cited.get(doc.path.value, ()), following.get(doc.path.value, ()), incorporated)
            for doc in parts.clauses
        ),
        tuple(rules),
        tuple(consequences),
        incorporated.rules,
        incorporated.parameters,
        incorporated.standards,
    )


def _document(head: RulesetDoc) -> Document:
    return Document(
        head.document_title,
        head.number,
        head.issuer,
        head.signed,
        head.published,
        head.authority,
        head.file,
        head.sha256,
        head.code_points,
        head.note,
    )


def _at(text: Text) -> str:
    return f"{text.span.source.path}:{text.span.source.place(text.span.start)[0]}"


def _unique(docs: Iterable[RuleDoc], collector: Collector) -> dict[str, RuleDoc]:
    found: dict[str, RuleDoc] = {}
    for doc in docs:
        first = found.setdefault(doc.id.value, doc)
        if first is not doc:
            collector.add(codes.duplicate_id("rule", doc.id.value, doc.id.span, _at(first.id)))
    return found


def _parameters(docs: tuple[ParameterDoc, ...], collector: Collector) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for doc in docs:
        if doc.id.value in found:
            collector.add(codes.duplicate_id("parameter", doc.id.value, doc.id.span, "an earlier entry"))
            continue
        parameter = _parameter(doc, collector)
        if parameter is not None:
            found[doc.id.value] = parameter
    return found


def _parameter(doc: ParameterDoc, collector: Collector) -> Parameter | None:
    unit = doc.unit.value if doc.unit else None
    default: bool | Fraction | date | None = None
    if doc.type in ("boolean", "date"):
        type_ = BOOLEAN if doc.type == "boolean" else DATE
        if doc.default is not None and doc.type == "date":
            default = read_date(doc.default, collector)
        elif doc.default is not None:
            if doc.default.value not in ("true", "false"):
                collector.add(codes.bad_scalar("`true` or `false`", doc.default.value, doc.default.span))
            default = doc.default.value == "true"
        return Parameter(doc.id.value, type_, doc.type, None, default, doc.label, doc.note)
    if doc.default is not None:
        default = read_decimal(doc.default, collector)
    if doc.type == "percent":
        return Parameter(doc.id.value, Number(PERCENT), doc.type, "percent", default, doc.label, doc.note)
    if doc.unit is None:
        collector.add(codes.missing_key("unit", f"the parameter `{doc.id.value}`", doc.id.span))
        return None
    try:
        number = Number(parse_unit(doc.unit.value), integer=doc.type == "integer")
    except UnknownUnit as error:
        collector.add(codes.bad_scalar("a unit", str(error.args[0]), doc.unit.span))
        return None
    return Parameter(doc.id.value, number, doc.type, unit, default, doc.label, doc.note)


def _cited(rules: Iterable[RuleDoc]) -> dict[str, tuple[str, ...]]:
    """Rule ids by the clause that they cite, in first or further place."""
    found: dict[str, dict[str, None]] = {}
    for doc in rules:
        for locator in (doc.citation, *doc.also_at):
            found.setdefault(locator.clause.value, {})[doc.id.value] = None
    return {path: tuple(ids) for path, ids in found.items()}


def _following(consequences: Iterable[ConsequenceDoc]) -> dict[str, tuple[str, ...]]:
    """Ids of consequences by the clause that they cite."""
    found: dict[str, dict[str, None]] = {}
    for doc in consequences:
        found.setdefault(doc.citation.clause.value, {})[doc.id.value] = None
    return {path: tuple(ids) for path, ids in found.items()}


def _clause(
    doc: ClauseDoc, rules: tuple[str, ...], consequences: tuple[str, ...], incorporated: Incorporated
) -> Clause:
    return Clause(
        doc.path.value,
        doc.span,
        doc.sha256,
        doc.kind,
        doc.heading,
        doc.reason.value if doc.reason else None,
        doc.duplicate_of.value if doc.duplicate_of else None,
        doc.note,
        tuple(WithoutRule(w.span, w.reason, w.note) for w in doc.without_rule),
        incorporated.of(doc.path.value),
        rules,
        consequences,
    )
