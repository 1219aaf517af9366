"""Digests of a ruleset: of its meaning, and of its texts.

The digest covers the canonical typed closure (rules with their expressions, also those that are incorporated,
consequences, the facts they use with what these derive from, parameters, the document's place and day), not file
bytes: a comment or a reordered file does not move it. Titles, labels, notes and the ledger's prose have a second
digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from fractions import Fraction

import msgspec

from engine.check.ir import FactSpec, Ruleset
from engine.check.walk import with_members

__all__ = ["SEMANTICS", "Plain", "canonical", "closure", "digest", "text_closure"]

SEMANTICS = "1"
"""The version of what expressions, periods and verdicts mean; recorded beside every digest."""

_CITATION_TEXTS = frozenset({"document", "ruleset"})
_RULE_TEXTS = frozenset({"title", "summary", "note", "read_as", "figures", "reviewed", "when_text", "require_text"})
_CONSEQUENCE_TEXTS = frozenset({"title", "summary", "note", "reviewed"})
_ADOPTION_TEXTS = frozenset({"document", "reviewed"})
_FACT_TEXTS = frozenset({"label", "note", "aliases", "option_labels", "step"})

Plain = dict[str, object]


def _plain(value: object, leave: frozenset[str] = frozenset()) -> object:
    """A value as JSON can hold it: dataclasses as tagged objects, numbers as exact text."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value
        case Fraction():
            return f"{value.numerator}/{value.denominator}"
        case date():
            return value.isoformat()
        case tuple() | list():
            return [_plain(v, leave) for v in value]
        case Mapping():
            return {str(k): _plain(v, leave) for k, v in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            body: Plain = {f.name: _plain(getattr(value, f.name), leave) for f in fields(value) if f.name not in leave}
            return {"is": type(value).__name__, **body}
        case _:
            raise TypeError(f"no canonical form for {type(value).__name__}")


def _facts(ruleset: Ruleset, dictionary: Mapping[str, FactSpec]) -> list[FactSpec]:
    names = [name for rule in ruleset.running for name in rule.needs]
    names += [name for c in ruleset.consequences if c.cause == "fact" for name in c.causes]
    found = with_members(names, dictionary)
    return [found[name] for name in sorted(found)]


def closure(ruleset: Ruleset, dictionary: Mapping[str, FactSpec]) -> Plain:
    """Everything that decides a verdict, in canonical form."""
    return {
        "semantics": SEMANTICS,
        "ruleset": ruleset.name,
        "jurisdiction": ruleset.jurisdiction,
        "starts": _plain(ruleset.starts),
        "parameters": _plain((*ruleset.parameters, *ruleset.standard_parameters), frozenset({"label", "note"})),
        "rules": [_plain(rule, _RULE_TEXTS | _CITATION_TEXTS) for rule in ruleset.rules],
        "incorporated": [_plain(rule, _RULE_TEXTS | _CITATION_TEXTS) for rule in ruleset.incorporated],
        "consequences": [
            _plain(consequence, _CONSEQUENCE_TEXTS | _CITATION_TEXTS) for consequence in ruleset.consequences
        ],
        "facts": [_plain(spec, _FACT_TEXTS) for spec in _facts(ruleset, dictionary)],
        "incorporates": [
            {"clause": clause.path, "entries": _plain(clause.incorporates, _ADOPTION_TEXTS)}
            for clause in ruleset.clauses
            if clause.incorporates
        ],
    }


def text_closure(ruleset: Ruleset, dictionary: Mapping[str, FactSpec]) -> Plain:
    """The texts that stand around the meaning: document, ledger, titles, labels."""
    return {
        "document": _plain(ruleset.document),
        "title": _plain(ruleset.title),
        "summary": _plain(ruleset.summary),
        "clauses": [_plain(clause) for clause in ruleset.clauses],
        "rules": [
            {"id": rule.id} | {name: _plain(getattr(rule, name)) for name in sorted(_RULE_TEXTS)}
            for rule in ruleset.running
        ],
        "consequences": [
            {"id": consequence.id} | {name: _plain(getattr(consequence, name)) for name in sorted(_CONSEQUENCE_TEXTS)}
            for consequence in ruleset.consequences
        ],
        "facts": [
            {"name": spec.name} | {name: _plain(getattr(spec, name)) for name in sorted(_FACT_TEXTS)}
            for spec in _facts(ruleset, dictionary)
        ],
    }


def canonical(plain: Plain) -> bytes:
    """The bytes that a digest covers: JSON with sorted keys, no white space, UTF-8."""
    return msgspec.json.encode(plain, order="sorted")


def digest(plain: Plain) -> str:
    """`sha256:` and the hexadecimal digest of the canonical bytes."""
    return f"sha256:{hashlib.sha256(canonical(plain)).hexdigest()}"
