"""The untyped documents of a ruleset as authors wrote them: what `engine.check` reads.

Every field that a later stage may complain about keeps its place (`Text`); the others are plain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from engine.load.tree import Node
from engine.source import Span, Text

__all__ = [
    "AdoptionDoc",
    "BaselineDoc",
    "CaseDoc",
    "ClauseDoc",
    "ConsequenceDoc",
    "DueDoc",
    "EntryDoc",
    "Label",
    "LocatorDoc",
    "OptionDoc",
    "ParameterDoc",
    "RuleDoc",
    "RulesetDoc",
    "WithoutRuleDoc",
]

Label = dict[str, str]
"""A text in both languages: `{"zh": …, "en": …}`."""


@dataclass(frozen=True, slots=True)
class OptionDoc:
    """One option of a category or grade, or one item of a checklist."""

    id: Text
    label: Label


@dataclass(frozen=True, slots=True)
class EntryDoc:
    """One entry of the fact dictionary: a fact (`type` given) or a scope (`where` given)."""

    name: Text
    span: Span
    subjects: tuple[Text, ...]
    label: Label
    note: Label | None = None
    type: str | None = None
    unit: Text | None = None
    bounds: tuple[Fraction, Fraction] | None = None
    step: Fraction | None = None
    evidence: str = "measured"
    period: Node | None = None
    options: tuple[OptionDoc, ...] = ()
    derive: Text | None = None
    at_least: Text | None = None
    at_most: Text | None = None
    aliases: tuple[Text, ...] = ()
    where: Text | None = None


@dataclass(frozen=True, slots=True)
class ParameterDoc:
    """A declared parameter of a ruleset."""

    id: Text
    type: str
    unit: Text | None
    default: Text | None
    label: Label
    note: str | None


@dataclass(frozen=True, slots=True)
class RulesetDoc:
    """`ruleset.yaml`."""

    id: Text
    version: Text
    span: Span
    title: Label
    summary: Label
    source: str
    document_title: Label
    number: str | None
    issuer: Label | None
    signed: date | None
    published: date | None
    authority: str
    file: str | None
    sha256: str | None
    code_points: int | None
    note: str | None
    jurisdiction: Text
    starts: date | None
    period: tuple[int, int] | None
    parameters: tuple[ParameterDoc, ...]


@dataclass(frozen=True, slots=True)
class WithoutRuleDoc:
    """Part of a clause that gave no rule, with the reason."""

    span: tuple[int, int]
    reason: str
    note: str | None
    place: Span


@dataclass(frozen=True, slots=True)
class AdoptionDoc:
    """Rules of another ruleset that a clause pulls in, and the terms on which it does."""

    ruleset: Text
    place: Span
    span: tuple[int, int] | None
    rules: tuple[Text, ...]
    also_at: tuple[LocatorDoc, ...] = ()
    due: DueDoc | None = None
    starts: date | None = None
    force: str | None = None
    reviewed: tuple[str, date] | None = None


@dataclass(frozen=True, slots=True)
class ClauseDoc:
    """One clause of the ledger."""

    path: Text
    place: Span
    span: tuple[int, int] | None
    sha256: str | None
    kind: str
    heading: Label | None
    reason: Text | None
    duplicate_of: Text | None
    note: str | None
    without_rule: tuple[WithoutRuleDoc, ...]
    incorporates: tuple[AdoptionDoc, ...]


@dataclass(frozen=True, slots=True)
class LocatorDoc:
    """A clause and the operative words in it."""

    clause: Text
    span: tuple[int, int] | None
    place: Span


@dataclass(frozen=True, slots=True)
class DueDoc:
    """`due` in any of its forms; exactly the fields of the form are set."""

    place: Span
    unstated: bool = False
    on: date | None = None
    table: tuple[tuple[Text, date], ...] = ()
    earliest: date | None = None
    latest: date | None = None
    after: Text | None = None
    years: int | None = None


@dataclass(frozen=True, slots=True)
class BaselineDoc:
    """The plan's own starting figure of a fact."""

    fact: Text
    value: Fraction
    at: date


@dataclass(frozen=True, slots=True)
class RuleDoc:
    """One rule."""

    id: Text
    place: Span
    citation: LocatorDoc
    also_at: tuple[LocatorDoc, ...]
    figures: tuple[str, ...]
    subjects: tuple[Text, ...]
    when: Text | None
    require: Text
    force: str
    topic: str
    title: Label
    summary: Label
    note: str | None
    read_as: str | None
    due: DueDoc | None
    starts: date | None
    until: date | None
    window: tuple[Text, Text] | None
    baselines: tuple[BaselineDoc, ...]
    conflicts_with: tuple[Text, ...]
    reviewed: tuple[str, date] | None


@dataclass(frozen=True, slots=True)
class ConsequenceDoc:
    """What follows from a verdict, an attested event or an earlier consequence. Any one of `causes` is enough."""

    id: Text
    place: Span
    citation: LocatorDoc
    cause: str
    causes: tuple[Text, ...]
    effect: str
    who: Text
    strength: str
    within: str
    title: Label
    summary: Label
    note: str | None
    reviewed: tuple[str, date] | None


@dataclass(frozen=True, slots=True)
class CaseDoc:
    """A worked case: facts, day, expected verdicts. Nodes stay as written; the runner types them.

    `consequences`: the ids of all that must follow, None where the case does not ask.
    """

    name: Text
    place: Span
    division: Text
    subject: str
    as_of: date
    facts: Node
    parameters: Node | None
    expect: tuple[tuple[Text, Node], ...]
    members: Node | None = None
    consequences: tuple[Text, ...] | None = None
