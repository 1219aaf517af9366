"""What is served: rulesets with their rules and ledgers, the fact dictionary, the divisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from fractions import Fraction

from api.problems import Problem
from api.services.plans import Plans, authority_notices, incorporated_json
from api.wire.verdicts import clause_json
from engine.check.ir import Adoption, Citation, Clause, Consequence, Due, FactSpec, Parameter, Rule, Ruleset
from engine.check.text import unparse
from engine.citations.coverage import cover
from engine.citations.quotes import Quote
from engine.digests import SEMANTICS
from engine.divisions import Division
from engine.registry import Library
from engine.values import shortest
from engine.words import SUBJECTS, TOPICS

__all__ = ["Catalogue"]

Json = dict[str, object]


class Catalogue:
    """Views of the library. Values are plain JSON."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._library: Library = plans.library
        self._topics: dict[str, dict[str, None]] = {}
        self._readers: dict[str, list[str]] = {}
        for ruleset in self._library.rulesets.values():
            for rule in ruleset.rules:
                for name in dict.fromkeys((*rule.conditions, *rule.reads)):
                    self._topics.setdefault(name, {})[rule.topic] = None
                    self._readers.setdefault(name, []).append(rule.id)

    # --- rulesets -----------------------------------------------------------------------------

    def rulesets(self) -> Json:
        """All rulesets, by id, the newest version of each first."""
        return {"rulesets": [self._summary(r) for r in self._library.rulesets.values()]}

    def versions(self, id_: str) -> Json:
        """All versions of a ruleset, newest first. Raises Problem `not-found`."""
        found = [r for r in self._library.rulesets.values() if r.id == id_]
        if not found:
            raise self._no_ruleset(id_)
        return {"id": id_, "versions": [self._summary(r) for r in found]}

    def ruleset(self, name: str) -> Json:
        """One version with its parameters and rules. Raises Problem `not-found`."""
        ruleset = self._find(name)
        quote = self._plans.quote
        return {
            **self._summary(ruleset),
            "parameters": [_parameter(p) for p in ruleset.parameters],
            "rules": [_rule(rule, ruleset, quote) for rule in ruleset.running],
            "consequences": [_consequence(c, quote) for c in ruleset.consequences],
        }

    def clauses(self, name: str) -> Json:
        """The ledger of a version and what of it became rules. Raises Problem `not-found`."""
        ruleset = self._find(name)
        return {
            "ruleset": ruleset.name,
            "document": _document(ruleset),
            "coverage": _coverage(ruleset),
            "clauses": [_clause(ruleset, clause, self._plans.quote) for clause in ruleset.clauses],
        }

    def _find(self, name: str) -> Ruleset:
        found = self._library.find(name)
        if found is None:
            raise self._no_ruleset(name)
        return found

    def _no_ruleset(self, name: str) -> Problem:
        known = ", ".join(f"`{n}`" for n in self._library.rulesets)
        return Problem("not-found", f"no ruleset is called `{name[:80]}`; there are {known or 'none'}")

    def _summary(self, ruleset: Ruleset) -> Json:
        meaning, texts = self._library.digests[ruleset.name]
        coverage = _coverage(ruleset)
        return {
            "id": ruleset.id,
            "version": ruleset.version,
            "digest": meaning,
            "texts_digest": texts,
            "semantics": SEMANTICS,
            "title": ruleset.title,
            "summary": ruleset.summary,
            "document": _document(ruleset),
            "jurisdiction": self._named(ruleset.jurisdiction),
            "starts": _day(ruleset.starts),
            "period": ruleset.period,
            "notices": self._notices(ruleset),
            "incorporated": [
                incorporated_json(self._library, standard, self._notices(standard))
                for standard in map(self._library.rulesets.__getitem__, ruleset.standards)
            ],
            **self._standing(ruleset.name),
            "rules_by_subject": coverage["rules_by_subject"],
            "coverage": coverage,
        }

    def _notices(self, ruleset: Ruleset) -> list[str]:
        return authority_notices(ruleset, published=self._plans.published(ruleset.name))

    def _standing(self, name: str) -> Json:
        standing = self._plans.standings.by_name.get(name)
        days = (None,) * 3 if standing is None else (standing.published_at, standing.retired_at, standing.sunset_at)
        return dict(zip(("published_at", "retired_at", "sunset"), map(_moment, days), strict=True))

    # --- facts --------------------------------------------------------------------------------

    def facts(self, subject: str | None, topic: str | None) -> Json:
        """The dictionary, or the facts of a subject or topic. Raises Problem for a word that is neither."""
        for name, word, words in (("subject", subject, SUBJECTS), ("topic", topic, TOPICS)):
            if word is not None and word not in words:
                slug = "unknown-subject" if name == "subject" else "invalid-request"
                listed = ", ".join(f"`{w}`" for w in words)
                raise Problem(slug, f"query: expected `{name}` to be one of {listed}, found `{word[:60]}`")
        return {
            "facts": [
                self._fact(spec)
                for spec in self._library.dictionary.facts.values()
                if (subject is None or subject in spec.subjects)
                and (topic is None or topic in self._topics.get(spec.name, ()))
            ]
        }

    def _fact(self, spec: FactSpec) -> Json:
        return {
            "fact": spec.name,
            "label": spec.label,
            "note": spec.note,
            "subject": spec.subjects,
            "type": spec.type_name,
            "unit": spec.unit,
            "bounds": None if spec.bounds is None else [shortest(b) for b in spec.bounds],
            "step": None if spec.step is None else shortest(spec.step),
            "evidence": spec.evidence,
            "period": None if spec.period is None else str(spec.period),
            "options": [{"id": id_, "label": {"zh": zh, "en": en}} for id_, zh, en in spec.option_labels],
            "derive": None if spec.derive is None else unparse(spec.derive),
            "aliases": spec.aliases,
            "topics": list(self._topics.get(spec.name, ())),
            "rules": self._readers.get(spec.name, []),
        }

    # --- divisions ----------------------------------------------------------------------------

    def division(self, code: str, on: date | None) -> Json:
        """A division, what is above and below it, and which rulesets govern it on a day. Raises Problem."""
        divisions = self._library.divisions
        found = divisions.get(code)
        if found is None:
            raise Problem("not-found", f"no division has the code `{code[:60]}`")
        retired = self._plans.standings.retired
        applicable = None if on is None else self._library.applicable(code, on, retired=retired)
        above = self._library.applicable(code, date.max).existing
        everything = divisions.by_code.values()
        return {
            "code": found.code,
            "name": found.name,
            "level": found.level,
            "path": [self._named(step) for step in self._library.path(code)],
            "since": found.since or None,
            "until": found.until or None,
            "successors": [self._named(step) for step in found.successors],
            "supersedes": [_named(d) for d in everything if code in d.successors],
            "children": [_named(d) for d in everything if d.parent == code and not d.until],
            "as_of": _day(on),
            "ruleset": applicable.chosen.name if applicable is not None and applicable.chosen is not None else None,
            "also_applicable": [] if applicable is None else [r.name for r in applicable.also],
            "rulesets": [
                {"ruleset": r.name, "starts": _day(r.starts), "authority": r.document.authority} for r in above
            ],
        }

    def _named(self, code: str) -> Json:
        found = self._library.divisions.get(code)
        return _named(found) if found is not None else {"code": code, "name": "全国" if code == "root" else None}


def _named(division: Division) -> Json:
    return {"code": division.code, "name": division.name}


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _document(ruleset: Ruleset) -> Json:
    document = ruleset.document
    return {
        "title": document.title,
        "number": document.number,
        "cited_as": document.cited_as,
        "issuer": document.issuer,
        "signed": _day(document.signed),
        "published": _day(document.published),
        "authority": document.authority,
        "sha256": document.sha256,
        "note": document.note,
    }


def _coverage(ruleset: Ruleset) -> Json:
    coverage = cover(ruleset)
    shown = asdict(coverage)
    if coverage.code_points is not None:
        shown["code_points"]["cited_percent"] = coverage.code_points.cited_percent
    return shown


def _digest(sha256: str | None) -> str | None:
    return None if sha256 is None else f"sha256:{sha256}"


def _rule(rule: Rule, ruleset: Ruleset, quote: Quote) -> Json:
    """One rule of a ruleset; of an incorporated one also where it comes from."""
    return {
        "rule": rule.id,
        "incorporated_from": None if rule.citation.ruleset == ruleset.name else rule.citation.ruleset,
        "title": rule.title,
        "summary": rule.summary,
        "subject": rule.subjects,
        "topic": rule.topic,
        "force": rule.force,
        "evidence": rule.evidence,
        "clause": clause_json(rule.citation, quote),
        "also_at": [clause_json(citation, quote) for citation in rule.also_at],
        "figures": rule.figures,
        "when": rule.when_text,
        "require": rule.require_text,
        "due": None if rule.due is None else _due(rule.due),
        "from": _day(rule.starts),
        "until": _day(rule.until),
        "window": None if rule.window is None or rule.period is None else [rule.period.key(i) for i in rule.window],
        "period": None if rule.period is None else str(rule.period),
        "facts": list(dict.fromkeys((*rule.conditions, *rule.reads))),
        "parameters": [id_.rsplit("/", 1)[-1] for id_ in rule.parameters],
        "conflicts_with": rule.conflicts_with,
        "note": rule.note,
        "read_as": rule.read_as,
        "reviewed": _reviewed(rule.reviewed),
    }


def _reviewed(reviewed: tuple[str, date] | None) -> Json | None:
    """The second reader and the day."""
    return None if reviewed is None else {"by": reviewed[0], "on": reviewed[1].isoformat()}


def _consequence(consequence: Consequence, quote: Quote) -> Json:
    return {
        "id": consequence.id,
        "title": consequence.title,
        "summary": consequence.summary,
        consequence.cause: consequence.causes,
        "effect": consequence.effect,
        "who": consequence.who,
        "strength": consequence.strength,
        "within": consequence.within,
        "clause": clause_json(consequence.citation, quote),
        "note": consequence.note,
        "reviewed": _reviewed(consequence.reviewed),
    }


def _clause(ruleset: Ruleset, clause: Clause, quote: Quote) -> Json:
    whole = Citation(ruleset.name, ruleset.document.cited_as, clause.path, clause.span, clause.sha256)
    return {
        "path": clause.path,
        "kind": clause.kind,
        "heading": clause.heading,
        "span": clause.span,
        "digest": _digest(clause.sha256),
        "quote": quote(whole),
        "rules": [f"{ruleset.id}/{id_}" for id_ in clause.rules],
        "consequences": [f"{ruleset.id}/{id_}" for id_ in clause.consequences],
        "reason": clause.reason,
        "duplicate_of": clause.duplicate_of,
        "without_rule": [{"span": w.span, "reason": w.reason, "note": w.note} for w in clause.without_rule],
        "incorporates": [_adoption(adoption, quote) for adoption in clause.incorporates],
        "note": clause.note,
    }


def _adoption(adoption: Adoption, quote: Quote) -> Json:
    return {
        "ruleset": adoption.ruleset,
        "rules": adoption.rules,
        "span": adoption.span,
        "also_at": [clause_json(citation, quote) for citation in adoption.also_at],
        "due": None if adoption.due is None else _due(adoption.due),
        "from": _day(adoption.starts),
        "force": adoption.force,
        "reviewed": _reviewed(adoption.reviewed),
    }


def _due(due: Due) -> Json:
    """The deadline as the author gave it: one of the forms of the contract."""
    if due.unstated:
        return {"unstated": True}
    if due.table:
        return {"by_division": {code: day.isoformat() for code, day in due.table}}
    if due.on is not None:
        return {"on": due.on.isoformat()}
    given: Mapping[str, object] = {
        "after": due.after,
        "years": due.years,
        "earliest": _day(due.earliest),
        "latest": _day(due.latest),
    }
    return {name: value for name, value in given.items() if value is not None}


def _parameter(parameter: Parameter) -> Json:
    default = parameter.default
    shown: object = default
    if isinstance(default, Fraction):
        shown = shortest(default)
    elif isinstance(default, date):
        shown = default.isoformat()
    return {
        "id": parameter.id,
        "label": parameter.label,
        "type": parameter.type_name,
        "unit": parameter.unit,
        "default": shown,
        "note": parameter.note,
    }
