"""The shapes of replies to evaluations, for the API's description. Tests hold real replies against them.

Hot replies are put together from pieces (`api.wire.verdicts`) and never pass through these.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

__all__ = [
    "BatchLine",
    "BatchReply",
    "Bearer",
    "Bilingual",
    "CitationReply",
    "Effect",
    "EvaluationReply",
    "Evidence",
    "Force",
    "IncorporatedHead",
    "ProblemReply",
    "Span",
    "Strength",
]

VerdictName = Literal["compliant", "non_compliant", "not_yet_due", "not_applicable", "insufficient_data"]
Force = Literal["binding", "expected", "advisory"]
Evidence = Literal["measured", "attested", "judged"]
Strength = Literal["automatic", "basis", "discretionary", "unspecified"]
Effect = Literal[
    "bar",
    "veto",
    "accountability",
    "rating_lowest",
    "appraisal_basis",
    "reward_basis",
    "correction",
    "notice",
    "preference",
    "other",
]
Bearer = Literal[
    "city",
    "county",
    "school",
    "kindergarten",
    "vocational_school",
    "education_group",
    "training_institution",
    "teacher",
    "pupil",
    "project",
    "programme",
    "premises",
    "enterprise",
    "head",
    "leader",
    "responsible_person",
    "responsible_unit",
]
Span = tuple[int, int]


class Bilingual(msgspec.Struct, forbid_unknown_fields=True):
    """A text in both languages."""

    zh: str
    en: str


class IncorporatedHead(msgspec.Struct, forbid_unknown_fields=True):
    """A ruleset whose rules the judging one incorporates, and what to know about it."""

    id: str
    version: str
    digest: str
    authority: str
    notices: list[str]


class RulesetHead(msgspec.Struct, forbid_unknown_fields=True):
    """Which ruleset judged: version, digest of its meaning, version of the semantics, and what to know about it.

    `incorporated`: the rulesets whose rules take part because a clause adopts them; `digest` covers these rules too.
    """

    id: str
    version: str
    digest: str
    semantics: str
    authority: str
    notices: list[str]
    incorporated: list[IncorporatedHead]


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


class PaceReply(msgspec.Struct, forbid_unknown_fields=True):
    """Where the straight line from baseline to target stands on the day, and whether the value keeps up with it."""

    baseline: float
    at: str
    target: float
    due: str
    expected_today: float
    actual: float
    ahead: bool


class VerdictReply(msgspec.Struct, forbid_unknown_fields=True):
    """The verdict of one rule. `pace` is null unless it is not yet due, compares one fact, and has a baseline."""

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
    pace: PaceReply | None
    also_at: list[CitationReply]
    reason: str | None
    notices: list[str]
    missing: list[str]
    message: Bilingual
    trace: list[TraceReply] | msgspec.UnsetType = msgspec.UNSET


class ContainerReply(msgspec.Struct, forbid_unknown_fields=True):
    """A container of members; the id of the record itself is null."""

    subject: str
    id: str | None


class MembersReply(msgspec.Struct, forbid_unknown_fields=True):
    """Which members an aggregate read.

    `counted`: they surely count. `open`: their missing facts leave the answer open. `refused`: they were sent and
    could not be read. `without`: containers that sent none of the kind though others like them did, so that there
    may be more.
    """

    kind: str
    sent: int
    counted: int
    open: int
    refused: int
    without: list[ContainerReply]


class AggregateReply(msgspec.Struct, forbid_unknown_fields=True):
    """One aggregate of a derived fact's formula, in the formula's words, with its workings by what it is.

    `sum`: `sum`. `share`: `numerator`, `denominator`. `mean`: `sum`, `weights`. `cv`: `sum` (amounts), `weights`
    (pupils), `mean`, `deviation`. All over members that surely count. `failing`: ids of counted members that fail
    the condition of a `share` or `every`.
    """

    text: str
    op: Literal["count", "sum", "share", "mean", "cv", "lowest", "every"]
    members: MembersReply
    value: bool | float | str | None
    bounds: tuple[float | str | None, float | str | None] | None
    workings: dict[str, float | list[float | None] | None]
    failing: list[str]


class DerivedReply(msgspec.Struct, forbid_unknown_fields=True):
    """A derived fact: rolled up from members, or supplied otherwise than it derives.

    `value` is what it derives to, null while open; `bounds` are then the lowest and highest that it may be, an
    open end null. Rules read `supplied` where it is not null. `settle`: the ids of all members whose missing
    facts leave it open.
    """

    fact: str
    period: str | None
    value: bool | float | str | None
    bounds: tuple[float | str | None, float | str | None] | None
    supplied: bool | float | str | dict[str, bool] | None
    differs: bool
    aggregates: list[AggregateReply]
    settle: list[str]


class CauseReply(msgspec.Struct, forbid_unknown_fields=True):
    """One cause: a rule with its verdict, a fact that is true, or an earlier consequence of the chain."""

    rule: str | msgspec.UnsetType = msgspec.UNSET
    verdict: VerdictName | msgspec.UnsetType = msgspec.UNSET
    fact: str | msgspec.UnsetType = msgspec.UNSET
    after: str | msgspec.UnsetType = msgspec.UNSET


class ConsequenceReply(msgspec.Struct, forbid_unknown_fields=True):
    """What follows from verdicts and attested events; all causes that hold, each enough by itself.

    `who` is met by it, which may be another than the subject judged. `within` is `unstated`, a date, or a
    length like `30 days`.
    """

    id: str
    because: list[CauseReply]
    effect: Effect
    who: Bearer
    strength: Strength
    within: str
    clause: CitationReply
    title: Bilingual
    message: Bilingual


class IncludedReply(msgspec.Struct, forbid_unknown_fields=True):
    """What an included ruleset says; it never enters the main outcome."""

    ruleset: RulesetHead
    outcome: Outcome
    counts: Counts
    verdicts: list[VerdictReply]
    derived: list[DerivedReply]
    consequences: list[ConsequenceReply] | msgspec.UnsetType = msgspec.UNSET


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
    derived: list[DerivedReply]
    missing: list[str]
    ignored: list[str]
    included: list[IncludedReply]
    parameters: dict[str, dict[str, Any]]
    receipt: None
    consequences: list[ConsequenceReply] | msgspec.UnsetType = msgspec.UNSET


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


class FailedCheck(msgspec.Struct, forbid_unknown_fields=True):
    """What keeps the server from being ready; `detail` may have several lines."""

    check: Literal["database", "migrations", "ruleset"]
    detail: str


class ProblemReply(RecordProblem, forbid_unknown_fields=True, kw_only=True):
    """A problem (RFC 9457). `pointer` leads to the mistake in the body, `errors` holds all where there are several."""

    status: int
    checks: list[FailedCheck] | msgspec.UnsetType = msgspec.UNSET


class BatchRuleset(RulesetHead, forbid_unknown_fields=True, kw_only=True):
    """A ruleset that judged records of the batch, with its rules by subject in the order of codes.

    `parameters` are its own, `incorporated_parameters` those of the rulesets that it incorporates, by ruleset.
    """

    parameters: dict[str, Any]
    incorporated_parameters: dict[str, dict[str, Any]]
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
    derived: list[DerivedReply] | msgspec.UnsetType = msgspec.UNSET
    missing: list[str] | msgspec.UnsetType = msgspec.UNSET


class BatchResult(BatchJudged, forbid_unknown_fields=True, kw_only=True):
    """One record's result, or its error.

    `refused_members`: so many records named it as their parent and could not be read; measures over members are
    open by them.
    """

    id: str | None
    refused_members: int | msgspec.UnsetType = msgspec.UNSET
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
