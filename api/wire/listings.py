"""The shapes of what is only read: rulesets, ledgers, facts, divisions, health, types of problem."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from api.wire.replies import (
    Bearer,
    Bilingual,
    CitationReply,
    Effect,
    Evidence,
    Force,
    IncorporatedHead,
    Span,
    Strength,
)

__all__ = [
    "ClausesReply",
    "DivisionReply",
    "FactsReply",
    "HealthReply",
    "ProblemTypeReply",
    "ProblemTypesReply",
    "RulesetReply",
    "RulesetVersionsReply",
    "RulesetsReply",
]


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """A division."""

    code: str
    name: str | None


class DocumentReply(msgspec.Struct, forbid_unknown_fields=True):
    """The published plan."""

    title: Bilingual
    number: str | None
    cited_as: str
    issuer: Bilingual | None
    signed: str | None
    published: str | None
    authority: str
    sha256: str | None
    note: str | None


class CodePoints(msgspec.Struct, forbid_unknown_fields=True):
    """Code points of the original: all, in the ledger, cited by rules or consequences, the others with a reason."""

    document: int
    in_clauses: int
    cited: int
    with_reason: int
    cited_percent: float


class Coverage(msgspec.Struct, forbid_unknown_fields=True):
    """What became of the clauses, in numbers. `code_points` is null where the original is not at hand.

    `incorporating`: clauses that pull in rules of another ruleset; `incorporated`: those rules, which the other numbers
    leave out. A rule about two subjects is counted under both. `contradictions`: linked pairs of rules of which the
    document says two things.
    """

    clauses: int
    with_rules: int
    with_consequences: int
    incorporating: int
    incorporated: int
    without_rules: dict[str, int]
    parts_without_rule: dict[str, int]
    rules: int
    rules_by_force: dict[str, int]
    rules_by_evidence: dict[str, int]
    rules_by_subject: dict[str, int]
    contradictions: int
    consequences: int
    code_points: CodePoints | None


class RulesetSummary(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A version of a ruleset. `texts_digest` covers titles, labels and the ledger's prose."""

    id: str
    version: str
    digest: str
    texts_digest: str
    semantics: str
    title: Bilingual
    summary: Bilingual
    document: DocumentReply
    jurisdiction: Named
    starts: str | None
    period: tuple[int, int] | None
    notices: list[str]
    incorporated: list[IncorporatedHead]
    published_at: str | None
    """When this service's database took the version in; null while it has not."""
    retired_at: str | None
    """From its day on, in China, the version is no longer chosen; a pin still reaches it."""
    sunset: str | None
    rules_by_subject: dict[str, int]
    coverage: Coverage


class RulesetsReply(msgspec.Struct, forbid_unknown_fields=True):
    """All rulesets."""

    rulesets: list[RulesetSummary]


class RulesetVersionsReply(msgspec.Struct, forbid_unknown_fields=True):
    """All versions of a ruleset, newest first."""

    id: str
    versions: list[RulesetSummary]


class ParameterReply(msgspec.Struct, forbid_unknown_fields=True):
    """A parameter that a ruleset declares; `default` null is unset."""

    id: str
    label: Bilingual
    type: str
    unit: str | None
    default: Any
    note: str | None


class Reviewed(msgspec.Struct, forbid_unknown_fields=True):
    """The second reader against the original."""

    by: str
    on: str


class RuleReply(msgspec.Struct, forbid_unknown_fields=True):
    """One requirement. `incorporated_from`: the ruleset whose rule it is, where a clause adopts it; null for own rules.

    `due`, `from` and `force` of an incorporated rule are those on which it is adopted, and `also_at` begins with the
    clauses that adopt it; its `parameters` are those of its own ruleset.
    """

    rule: str
    incorporated_from: str | None
    title: Bilingual
    summary: Bilingual
    subject: list[str]
    topic: str
    force: Force
    evidence: Evidence
    clause: CitationReply
    also_at: list[CitationReply]
    figures: list[str]
    when: str | None
    require: str
    due: dict[str, Any] | None
    # `from` is a keyword of the language; the wire has it as it is.
    starts: str | None = msgspec.field(name="from")
    until: str | None
    window: list[str] | None
    period: str | None
    facts: list[str]
    parameters: list[str]
    conflicts_with: list[str]
    note: str | None
    read_as: str | None
    reviewed: Reviewed | None


class ConsequenceListing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the document says follows from what. Exactly one of the four causes is given; any one name is enough."""

    id: str
    title: Bilingual
    summary: Bilingual
    breach_of: list[str] | msgspec.UnsetType = msgspec.UNSET
    result_of: list[str] | msgspec.UnsetType = msgspec.UNSET
    fact: list[str] | msgspec.UnsetType = msgspec.UNSET
    after: list[str] | msgspec.UnsetType = msgspec.UNSET
    effect: Effect
    who: Bearer
    strength: Strength
    within: str
    clause: CitationReply
    note: str | None
    reviewed: Reviewed | None


class RulesetReply(RulesetSummary, forbid_unknown_fields=True, kw_only=True):
    """A version with its parameters, rules and consequences."""

    parameters: list[ParameterReply]
    rules: list[RuleReply]
    consequences: list[ConsequenceListing]


class PartWithoutRule(msgspec.Struct, forbid_unknown_fields=True):
    """Part of a clause that gave no rule, and why."""

    span: Span
    reason: str
    note: str | None


class Incorporated(msgspec.Struct, forbid_unknown_fields=True):
    """Rules of another ruleset that a clause pulls in, by which words, and what takes the place of the rules' own.

    `also_at`: words elsewhere that say what is adopted or until when.
    """

    ruleset: str
    rules: list[str]
    span: Span | None
    also_at: list[CitationReply]
    due: dict[str, Any] | None
    # `from` is a keyword of the language; the wire has it as it is.
    starts: str | None = msgspec.field(name="from")
    force: Force | None
    reviewed: Reviewed | None


class ClauseReply(msgspec.Struct, forbid_unknown_fields=True):
    """One clause of the ledger: its rules and consequences, or why it has none."""

    path: str
    kind: str
    heading: Bilingual | None
    span: Span | None
    digest: str | None
    quote: str | None
    rules: list[str]
    consequences: list[str]
    reason: str | None
    duplicate_of: str | None
    without_rule: list[PartWithoutRule]
    incorporates: list[Incorporated]
    note: str | None


class ClausesReply(msgspec.Struct, forbid_unknown_fields=True):
    """The ledger of a version."""

    ruleset: str
    document: DocumentReply
    coverage: Coverage
    clauses: list[ClauseReply]


class OptionReply(msgspec.Struct, forbid_unknown_fields=True):
    """An option of a category or grade, or an item of a checklist."""

    id: str
    label: Bilingual


class FactReply(msgspec.Struct, forbid_unknown_fields=True):
    """A fact of the dictionary; `topics` and `rules` are those that read it."""

    fact: str
    label: Bilingual
    note: dict[str, str] | None
    subject: list[str]
    type: str
    unit: str | None
    bounds: tuple[float, float] | None
    step: float | None
    evidence: Evidence
    period: str | None
    options: list[OptionReply]
    derive: str | None
    aliases: list[str]
    topics: list[str]
    rules: list[str]


class FactsReply(msgspec.Struct, forbid_unknown_fields=True):
    """Facts of the dictionary."""

    facts: list[FactReply]


class ExistingRuleset(msgspec.Struct, forbid_unknown_fields=True):
    """A ruleset up the tree, whatever its day."""

    ruleset: str
    starts: str | None
    authority: str


class DivisionReply(msgspec.Struct, forbid_unknown_fields=True):
    """A division; with `as_of`, which ruleset governs it and which others apply."""

    code: str
    name: str
    level: str
    path: list[Named]
    since: str | None
    until: str | None
    successors: list[Named]
    supersedes: list[Named]
    children: list[Named]
    as_of: str | None
    ruleset: str | None
    also_applicable: list[str]
    rulesets: list[ExistingRuleset]


class HealthReply(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the server lives, or is ready and with what."""

    status: Literal["live", "ready"]
    rulesets: list[str] | msgspec.UnsetType = msgspec.UNSET


class ProblemTypeReply(msgspec.Struct, forbid_unknown_fields=True):
    """A type of problem."""

    type: str
    status: int
    title: str
    meaning: str
    remedy: str


class ProblemTypesReply(msgspec.Struct, forbid_unknown_fields=True):
    """All types of problem."""

    problems: list[ProblemTypeReply]
