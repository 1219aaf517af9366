"""`incorporates`: rules of a standard as a plan adopts them.

An incorporated rule keeps its id, its requirement and the citation of its own document; the plan's clause
stands first among the further places. The plan's deadline, start and force take the place of the rule's where
the clause gives them. Parameters are read under ids that name their ruleset, so that none is mixed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from engine import codes
from engine.check.days import check_due, disagreement
from engine.check.dictionary import Dictionary
from engine.check.ir import Adoption, Citation, Due, Expr, Parameter, ParameterRef, Rule, Ruleset, qualified
from engine.check.ledger import Ledger
from engine.check.walk import rebuild
from engine.diagnostics import Collector
from engine.load.documents import AdoptionDoc, ClauseDoc
from engine.source import Text

__all__ = ["Incorporated", "Standard", "Standards", "incorporate"]


@dataclass(frozen=True, slots=True)
class Standard:
    """A ruleset whose rules others may incorporate. `written`: the ids of all its rules as their authors gave them."""

    ruleset: Ruleset
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standards:
    """What there is to incorporate, by `id@version`. `adopting`: the rulesets that incorporate rules themselves."""

    by_name: Mapping[str, Standard]
    adopting: frozenset[str]


@dataclass(frozen=True, slots=True)
class Incorporated:
    """What the clauses of one ruleset pull in. `adoptions` by the path of the clause.

    `standards`: the rulesets whose rules they are, by `id@version`.
    """

    rules: tuple[Rule, ...]
    standards: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    adoptions: Mapping[str, tuple[Adoption, ...]]

    def of(self, path: str) -> tuple[Adoption, ...]:
        """What a clause incorporates."""
        return self.adoptions.get(path, ())


@dataclass(frozen=True, slots=True)
class _Terms:
    """What takes the place of a rule's own; None leaves it as the standard has it."""

    due: Due | None
    starts: date | None
    force: str | None


@dataclass(slots=True)
class _Adopted:
    """A rule as it is adopted: by whom it was first named, on which terms, and in which places of the plan."""

    standard: Ruleset
    rule: Rule
    named: Text
    terms: _Terms
    places: list[Citation]


def incorporate(
    clauses: Iterable[ClauseDoc],
    ledger: Ledger,
    standards: Standards,
    dictionary: Dictionary,
    divisions: frozenset[str],
    collector: Collector,
) -> Incorporated:
    """The rules that clauses pull in: each once, in the order of the clauses, then of the standard.

    A rule that has a mistake in its own ruleset is left out: the mistake is in the collector.
    """
    found: dict[str, _Adopted] = {}
    adoptions: dict[str, list[Adoption]] = {}
    for clause in clauses:
        here: dict[str, Text] = {}
        for doc in clause.incorporates:
            standard = _standard(doc, ledger, standards, collector)
            place = ledger.cite(clause, doc.span or clause.span, doc.place, collector)
            if standard is None or place is None:
                continue
            rules = _rules(doc, standard, collector)
            subjects = tuple(dict.fromkeys(s for _, rule in rules for s in rule.subjects))
            due = check_due(doc.due, subjects, dictionary, divisions, collector) if rules else None
            terms = _Terms(due, doc.starts, doc.force)
            also = tuple(c for locator in doc.also_at if (c := ledger.citation(locator, collector)) is not None)
            for name, rule in rules:
                first = here.setdefault(rule.id, name)
                if first is not name:
                    help_ = f"first at {_at(first)}; keep one"
                    collector.add(codes.incorporated_twice(name.value, " by one clause", name.span, help_))
                    continue
                if not _suits(doc, name, rule, terms, collector):
                    continue
                known = found.get(rule.id)
                if known is None:
                    found[rule.id] = _Adopted(standard.ruleset, rule, name, terms, [place, *also])
                elif known.terms == terms and known.standard is standard.ruleset:
                    known.places += [place, *also]
                else:
                    help_ = f"first at {_at(known.named)}; give both the same `due`, `from` and `force`, or keep one"
                    collector.add(codes.incorporated_twice(name.value, ", on different terms", name.span, help_))
            ids = tuple(rule.id for _, rule in rules)
            adoptions.setdefault(clause.path.value, []).append(
                Adoption(standard.ruleset.name, ids, doc.span, also, due, doc.starts, doc.force, doc.reviewed)
            )
    found = _complete(found, collector)
    used = dict.fromkeys(adopted.standard.name for adopted in found.values())
    return Incorporated(
        tuple(_adopted(adopted) for adopted in found.values()),
        tuple(used),
        tuple(
            replace(parameter, id=qualified(name, parameter.id))
            for name in used
            for parameter in standards.by_name[name].ruleset.parameters
        ),
        {path: tuple(entries) for path, entries in adoptions.items()},
    )


def _standard(doc: AdoptionDoc, ledger: Ledger, standards: Standards, collector: Collector) -> Standard | None:
    """The ruleset that an entry names, unless its rules cannot be pulled in."""
    name, place = doc.ruleset.value, doc.ruleset.span
    own = ledger.ruleset.partition("@")[0]
    if name == ledger.ruleset:
        collector.add(codes.incorporation_refused(name, "it is this ruleset itself", place))
        return None
    if name in standards.adopting:
        help_ = "name the ruleset in which the rules are written"
        collector.add(codes.incorporation_refused(name, "it incorporates rules itself", place, help_))
        return None
    standard = standards.by_name.get(name)
    if standard is None:
        collector.add(codes.unknown_ruleset(name, [n for n in standards.by_name if n != ledger.ruleset], place))
        return None
    if standard.ruleset.id == own:
        problem = "it is another version of this ruleset, whose rules have the same ids"
        collector.add(codes.incorporation_refused(name, problem, place))
        return None
    return standard


def _rules(doc: AdoptionDoc, standard: Standard, collector: Collector) -> list[tuple[Text, Rule]]:
    """The rules that an entry names and that can run, in the order of the standard."""
    by_id = {rule.id.split("/", 1)[1]: (i, rule) for i, rule in enumerate(standard.ruleset.rules)}
    found: list[tuple[int, Text, Rule]] = []
    for name in doc.rules:
        if name.value not in standard.written:
            collector.add(codes.unknown_rule(name.value, standard.written, name.span))
        elif name.value in by_id:
            at, rule = by_id[name.value]
            found.append((at, name, rule))
    return [(name, rule) for _, name, rule in sorted(found, key=lambda entry: entry[0])]


def _suits(doc: AdoptionDoc, name: Text, rule: Rule, terms: _Terms, collector: Collector) -> bool:
    """Whether a rule can be adopted on some terms; why not is in the collector."""
    if terms.due is not None and rule.window is not None:
        problem = "it holds over a window of its own, which goes with no `due`"
        help_ = "incorporate it in an entry without `due`"
        collector.add(codes.incorporation_refused(name.value, problem, name.span, help_))
        return False
    due = terms.due or rule.due
    return not disagreement(_later(rule.starts, terms.starts), rule.until, due, doc.place, collector)


def _later(*days: date | None) -> date | None:
    return max((day for day in days if day is not None), default=None)


def _complete(found: dict[str, _Adopted], collector: Collector) -> dict[str, _Adopted]:
    """Without the rules that read the verdict of one that is not adopted; each is reported where it lacks one."""
    for adopted in found.values():
        lacking = [_short(id_) for id_ in adopted.rule.passes if id_ not in found]
        if lacking:
            collector.add(codes.incorporation_incomplete(adopted.named.value, lacking, adopted.named.span))
    while True:
        left = {id_: adopted for id_, adopted in found.items() if all(other in found for other in adopted.rule.passes)}
        if len(left) == len(found):
            return left
        found = left


def _short(id_: str) -> str:
    return id_.split("/", 1)[1]


def _at(text: Text) -> str:
    return f"{text.span.source.path}:{text.span.source.place(text.span.start)[0]}"


def _adopted(adopted: _Adopted) -> Rule:
    """The rule on the plan's terms, citing the plan's clauses before the further places of its own document."""
    rule, terms, name = adopted.rule, adopted.terms, adopted.standard.name
    return replace(
        rule,
        also_at=(*adopted.places, *rule.also_at),
        when=None if rule.when is None else _read_apart(rule.when, name),
        require=_read_apart(rule.require, name),
        force=terms.force or rule.force,
        due=terms.due or rule.due,
        starts=_later(adopted.standard.starts, rule.starts, terms.starts),
        parameters=tuple(qualified(name, id_) for id_ in rule.parameters),
    )


def _read_apart(expr: Expr, ruleset: str) -> Expr:
    """The expression with its parameters under the ids that name their ruleset."""
    if isinstance(expr, ParameterRef):
        return ParameterRef(qualified(ruleset, expr.id))
    return rebuild(expr, lambda e: _read_apart(e, ruleset))
