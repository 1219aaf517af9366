"""The typed intermediate representation: the only thing that crosses into a back end.

Expressions are the trees of `engine.check.nodes`, named here too. Nothing here refers to files or places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

from engine.check.nodes import (
    Abs,
    Aggregate,
    AllOf,
    AnyOf,
    Arithmetic,
    AsOf,
    AtLeast,
    Baseline,
    Ceil,
    Choice,
    Compare,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    InDivision,
    ItemOf,
    Known,
    Negate,
    Not,
    OneOf,
    Operator,
    ParameterRef,
    Passes,
    Previous,
    Trend,
    WindowTotal,
    YearsSince,
    mirrored,
)
from engine.periods import PeriodKind
from engine.values import Type

__all__ = [
    "MAX_CAUSES",
    "Abs",
    "Adoption",
    "Aggregate",
    "AllOf",
    "AnyOf",
    "Arithmetic",
    "AsOf",
    "AtLeast",
    "Baseline",
    "Ceil",
    "Choice",
    "Citation",
    "Clause",
    "Compare",
    "Consequence",
    "Constant",
    "CountOf",
    "Document",
    "Due",
    "Expr",
    "Extremum",
    "FactRef",
    "FactSpec",
    "InDivision",
    "ItemOf",
    "Known",
    "Negate",
    "Not",
    "OneOf",
    "Operator",
    "Parameter",
    "ParameterRef",
    "Passes",
    "Previous",
    "Program",
    "Rule",
    "Ruleset",
    "Trend",
    "WindowTotal",
    "WithoutRule",
    "YearsSince",
    "mirrored",
    "qualified",
]


@dataclass(frozen=True, slots=True)
class FactSpec:
    """A fact of the dictionary. `options` are ids of a category, grade or checklist."""

    name: str
    subjects: tuple[str, ...]
    type_name: str
    type: Type
    unit: str | None
    bounds: tuple[Fraction, Fraction] | None
    step: Fraction | None
    evidence: str
    period: PeriodKind | None
    options: tuple[str, ...]
    option_labels: tuple[tuple[str, str, str], ...]
    derive: Expr | None
    at_least: Expr | None
    at_most: Expr | None
    label: Mapping[str, str]
    note: Mapping[str, str] | None
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; `default` None is unset."""

    id: str
    type: Type
    type_name: str
    unit: str | None
    default: bool | Fraction | date | None
    label: Mapping[str, str]
    note: str | None


def qualified(ruleset: str, parameter: str) -> str:
    """The id under which an incorporated rule reads a parameter of its own ruleset (`id@version`).

    No plan can declare it: parameters of two rulesets may have the same id.
    """
    return f"{ruleset}/{parameter}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A clause of a document and the operative words in it; spans are null without an original.

    `ruleset`: the one (`id@version`) whose ledger holds the clause; `document`: its document as it is cited.
    """

    ruleset: str
    document: str
    path: str
    span: tuple[int, int] | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """The deadline. Exactly one form: unstated; `on`; `table`; else `earliest`/`latest`/`after`."""

    unstated: bool = False
    on: date | None = None
    table: tuple[tuple[str, date], ...] = ()
    earliest: date | None = None
    latest: date | None = None
    after: str | None = None
    years: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One atomic requirement of one ruleset.

    `period` is the kind of the rule's periodic facts. `periodic` are those facts, `reads` the facts
    of the requirement, `conditions` those of `when`; derived facts stand beside what they derive
    from. `passes` are the rules whose verdicts it reads. `window` holds the indexes of its first and last period.
    A rule that a plan incorporates cites its own document first and the plan's clauses at the head of `also_at`.
    """

    id: str
    citation: Citation
    also_at: tuple[Citation, ...]
    figures: tuple[str, ...]
    subjects: tuple[str, ...]
    when: Expr | None
    require: Expr
    when_text: str | None
    require_text: str
    force: str
    evidence: str
    topic: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    note: str | None
    read_as: str | None
    due: Due | None
    starts: date | None
    until: date | None
    window: tuple[int, int] | None
    baselines: tuple[tuple[str, Fraction, date], ...]
    whole_window: bool
    period: PeriodKind | None
    periodic: tuple[str, ...]
    reads: tuple[str, ...]
    conditions: tuple[str, ...]
    parameters: tuple[str, ...]
    passes: tuple[str, ...]
    conflicts_with: tuple[str, ...]
    reviewed: tuple[str, date] | None

    @property
    def adopted_at(self) -> Citation | None:
        """Of an incorporated rule the first place of the plan that adopts it."""
        return next((place for place in self.also_at[:1] if place.ruleset != self.citation.ruleset), None)

    @property
    def needs(self) -> tuple[str, ...]:
        """Every fact that the rule names: in `when`, in the requirement, as the anchor of its deadline."""
        anchor = (self.due.after,) if self.due is not None and self.due.after is not None else ()
        return tuple(dict.fromkeys((*self.conditions, *self.reads, *anchor)))


MAX_CAUSES = 256
"""Most causes that the consequences of one ruleset may have together."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a plan says follows from a verdict, an attested event or an earlier consequence.

    `causes` are alternatives, any one is enough: full ids of rules (`breach_of`: non-compliant;
    `result_of`: judged, met or not), names of boolean facts (`fact`), or full ids of consequences
    (`after`). `who` is met by it; `subjects` are those in whose evaluation it can follow. `within` is
    `unstated`, an ISO date, or a length like `30 days`.
    """

    id: str
    citation: Citation
    cause: Literal["breach_of", "result_of", "fact", "after"]
    causes: tuple[str, ...]
    effect: str
    who: str
    strength: str
    within: str
    subjects: tuple[str, ...]
    title: Mapping[str, str]
    summary: Mapping[str, str]
    note: str | None
    reviewed: tuple[str, date] | None


@dataclass(frozen=True, slots=True)
class WithoutRule:
    """A part of a clause that gave no rule, and why."""

    span: tuple[int, int]
    reason: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Rules of another ruleset that the words in `span` pull in, by their full ids.

    `due`, `starts` and `force` take the place of the rules' own where they are given. Without `span` the whole
    clause says it. `also_at`: words elsewhere that say what is adopted or until when.
    """

    ruleset: str
    rules: tuple[str, ...]
    span: tuple[int, int] | None
    also_at: tuple[Citation, ...]
    due: Due | None
    starts: date | None
    force: str | None
    reviewed: tuple[str, date] | None


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of the ledger with the rules and consequences that cite it, by their ids in the ruleset."""

    path: str
    span: tuple[int, int] | None
    sha256: str | None
    kind: str
    heading: Mapping[str, str] | None
    reason: str | None
    duplicate_of: str | None
    note: str | None
    without_rule: tuple[WithoutRule, ...]
    incorporates: tuple[Adoption, ...]
    rules: tuple[str, ...]
    consequences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The published plan."""

    title: Mapping[str, str]
    number: str | None
    issuer: Mapping[str, str] | None
    signed: date | None
    published: date | None
    authority: str
    file: str | None
    sha256: str | None
    code_points: int | None
    note: str | None

    @property
    def cited_as(self) -> str:
        """The number, or the title of a document without one."""
        return self.number or self.title["zh"]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A checked ruleset: one document's rules, as `id@version`.

    `incorporated` are rules of other rulesets as this one adopts them: with its deadline and force, citing its
    clauses, and reading their ruleset's parameters (`standard_parameters`) under the id of `qualified`. `standards`
    are those rulesets (`id@version`), in the order of the clauses.
    """

    id: str
    version: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    source: str
    document: Document
    jurisdiction: str
    starts: date | None
    period: tuple[int, int] | None
    parameters: tuple[Parameter, ...]
    clauses: tuple[Clause, ...]
    rules: tuple[Rule, ...]
    consequences: tuple[Consequence, ...]
    incorporated: tuple[Rule, ...] = ()
    standard_parameters: tuple[Parameter, ...] = ()
    standards: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"

    @property
    def running(self) -> tuple[Rule, ...]:
        """All rules that are evaluated: its own, then those that it incorporates."""
        return (*self.rules, *self.incorporated)


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What a back end runs: the rules of one ruleset for one subject, in order of evaluation.

    `rules` stand in the order of codes; `order` lists their indexes so that `passes` finds its rule
    decided. `facts` are all facts that the rules read, with what they derive from.
    `jurisdiction` is None for a ruleset of the whole country. `members`: for each kind of member that an
    aggregate of these facts reaches, a program without rules whose facts are what is read of such a member.
    """

    ruleset: str
    subject: str
    jurisdiction: str | None
    starts: date | None
    rules: tuple[Rule, ...]
    order: tuple[int, ...]
    index: Mapping[str, int]
    facts: Mapping[str, FactSpec]
    parameters: Mapping[str, Parameter]
    members: Mapping[str, Program] = field(default_factory=dict)
