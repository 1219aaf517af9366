"""The shapes of replies, for the API's description. Tests hold real replies against them.

Hot replies are put together from pieces (`api.wire.verdicts`) and never pass through these.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "BatchLine",
    "BatchReply",
    "ClausesReply",
    "DivisionReply",
    "EvaluationReply",
    "FactsReply",
    "HealthReply",
    "ProblemReply",
    "ProblemTypeReply",
    "ProblemTypesReply",
    "RulesetReply",
    "RulesetVersionsReply",
    "RulesetsReply",
]

VerdictName = Literal["compliant", "non_compliant", "not_yet_due", "not_applicable", "insufficient_data"]
Force = Literal["binding", "expected", "advisory"]
Evidence = Literal["measured", "attested", "judged"]
Span = tuple[int, int]


class Bilingual(msgspec.Struct, forbid_unknown_fields=True):
    """A text in both languages."""

    zh: str
    en: str


class RulesetHead(msgspec.Struct, forbid_unknown_fields=True):
    """Which ruleset judged: version, digest of its meaning, version of the semantics, and what to know about it."""

    id: str
    version: str
    digest: str
    semantics: str
    authority: str
    notices: list[str]


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    """Over all rules that are no mere advice, and over the measured ones alone."""

    all: VerdictName
    measured: VerdictName


class Counts(msgspec.Struct, forbid_unknown_fields=True):
    """How often each verdict fell."""

    compliant: int
    non_compliant: int
    not_yet_due: int
    not_applicable: int
    insufficient_data: int


class CitationReply(msgspec.Struct, forbid_unknown_fields=True):
    """Where it is written: span in code points of the original, digest of the whole clause."""

    document: str
    path: str
    span: Span | None
    digest: str | None
    quote: str | None


class TraceReply(msgspec.Struct, forbid_unknown_fields=True):
    """A sub-expression, its value (null: unknown), and its operands."""

    text: str
    value: Any
    children: list[TraceReply]


class VerdictReply(msgspec.Struct, forbid_unknown_fields=True):
    """The verdict of one rule."""

    rule: str
    verdict: VerdictName
    force: Force
    evidence: Evidence
    clause: CitationReply
    actual: dict[str, Any]
    required: str
    gap: float | None
    due: str | None
    period: str | None
    also_at: list[CitationReply]
    reason: str | None
    notices: list[str]
    missing: list[str]
    message: Bilingual
    trace: list[TraceReply] | msgspec.UnsetType = msgspec.UNSET


class IncludedReply(msgspec.Struct, forbid_unknown_fields=True):
    """What an included ruleset says; it never enters the main outcome."""

    ruleset: RulesetHead
    outcome: Outcome
    counts: Counts
    verdicts: list[VerdictReply]


class EvaluationReply(msgspec.Struct, forbid_unknown_fields=True):
    """The verdicts of one subject."""

    ruleset: RulesetHead
    also_applicable: list[str]
    subject: str
    id: str | None
    as_of: str
    outcome: Outcome
    counts: Counts
    verdicts: list[VerdictReply]
    missing: list[str]
    ignored: list[str]
    included: list[IncludedReply]
    parameters: dict[str, dict[str, Any]]
    receipt: None


class ProblemErrorReply(msgspec.Struct, forbid_unknown_fields=True):
    """One of several mistakes."""

    type: str
    detail: str
    help: str | msgspec.UnsetType = msgspec.UNSET
    pointer: str | msgspec.UnsetType = msgspec.UNSET
    line: int | msgspec.UnsetType = msgspec.UNSET


class RecordProblem(msgspec.Struct, forbid_unknown_fields=True):
    """Why a record could not be judged."""

    type: str
    title: str
    detail: str
    help: str | msgspec.UnsetType = msgspec.UNSET
    pointer: str | msgspec.UnsetType = msgspec.UNSET
    line: int | msgspec.UnsetType = msgspec.UNSET
    errors: list[ProblemErrorReply] | msgspec.UnsetType = msgspec.UNSET
    existing: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


class ProblemReply(RecordProblem, forbid_unknown_fields=True, kw_only=True):
    """A problem (RFC 9457). `pointer` leads to the mistake in the body, `errors` holds all where there are several."""

    status: int


class BatchRuleset(RulesetHead, forbid_unknown_fields=True, kw_only=True):
    """A ruleset that judged records of the batch, with its rules by subject in the order of codes."""

    parameters: dict[str, Any]
    rules: dict[str, list[str]]
    index: int | msgspec.UnsetType = msgspec.UNSET


class BatchFinding(msgspec.Struct, forbid_unknown_fields=True):
    """A rule that is not met: its place among the codes, the facts it read, the distance to its limit."""

    rule: int
    actual: dict[str, Any]
    gap: float | None


class BatchJudged(msgspec.Struct, forbid_unknown_fields=True):
    """What one ruleset says of one record; which members there are depends on `detail`."""

    ruleset: int | msgspec.UnsetType = msgspec.UNSET
    outcome: Outcome | msgspec.UnsetType = msgspec.UNSET
    codes: str | msgspec.UnsetType = msgspec.UNSET
    findings: list[BatchFinding] | msgspec.UnsetType = msgspec.UNSET
    verdicts: list[VerdictReply] | msgspec.UnsetType = msgspec.UNSET
    missing: list[str] | msgspec.UnsetType = msgspec.UNSET


class BatchResult(BatchJudged, forbid_unknown_fields=True, kw_only=True):
    """One record's result, or its error."""

    id: str | None
    ignored: list[str] | msgspec.UnsetType = msgspec.UNSET
    included: list[BatchJudged] | msgspec.UnsetType = msgspec.UNSET
    error: RecordProblem | msgspec.UnsetType = msgspec.UNSET


class BatchReply(msgspec.Struct, forbid_unknown_fields=True):
    """The results of a batch, in the order of its records."""

    rulesets: list[BatchRuleset]
    results: list[BatchResult]
    counts: Counts


class BatchLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line of an NDJSON reply: a ruleset before its first use, a result, at last the counts; or why it broke off."""

    ruleset: BatchRuleset | msgspec.UnsetType = msgspec.UNSET
    result: BatchResult | msgspec.UnsetType = msgspec.UNSET
    counts: Counts | msgspec.UnsetType = msgspec.UNSET
    error: ProblemReply | msgspec.UnsetType = msgspec.UNSET


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
    rules_by_subject: dict[str, int]


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
    """One requirement."""

    rule: str
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


class RulesetReply(RulesetSummary, forbid_unknown_fields=True, kw_only=True):
    """A version with its parameters and rules."""

    parameters: list[ParameterReply]
    rules: list[RuleReply]


class PartWithoutRule(msgspec.Struct, forbid_unknown_fields=True):
    """Part of a clause that gave no rule, and why."""

    span: Span
    reason: str
    note: str | None


class Incorporated(msgspec.Struct, forbid_unknown_fields=True):
    """Rules of another ruleset that a clause pulls in."""

    ruleset: str
    rules: list[str]


class ClauseReply(msgspec.Struct, forbid_unknown_fields=True):
    """One clause of the ledger: its rules, or why it has none."""

    path: str
    kind: str
    heading: Bilingual | None
    span: Span | None
    digest: str | None
    quote: str | None
    rules: list[str]
    reason: str | None
    duplicate_of: str | None
    without_rule: list[PartWithoutRule]
    incorporates: list[Incorporated]
    note: str | None


class Coverage(msgspec.Struct, forbid_unknown_fields=True):
    """What became of the clauses, in numbers."""

    clauses: int
    with_rules: int
    without_rules: dict[str, int]
    incorporating: int
    parts_without_rule: dict[str, int]
    rules: int
    rules_by_force: dict[str, int]
    rules_by_evidence: dict[str, int]


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
