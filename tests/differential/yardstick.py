"""What `engine.backends.reference` says of a drawn batch: the answers that every path must give.

Nothing here is shared with the services: who governs is looked up in the library, trees of members are those that
were drawn, findings and derived facts are those of the reference's own evaluation of each record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import msgspec

from api.wire.derived import derived_json
from engine.backends.base import Context, ParameterValue
from engine.backends.reference import Evaluation
from engine.check.ir import Program, Ruleset, qualified
from engine.facts import Facts, Member
from engine.rollup.derived import DerivedFact, derived_facts
from engine.values import exact, shortest
from engine.verdicts import Finding, Verdict, overall
from tests.bundled import bundled_library
from tests.differential.drawn import Drawn, Json, Node, rules_of

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be said of one record. `slugs`: it is refused, for one of these; else `told` holds the whole answer.

    `rules`: the rules of the codes, by id.
    """

    node: Node
    slugs: tuple[str, ...] = ()
    told: Json | None = None
    rules: tuple[str, ...] = ()


def expected_of(drawn: Drawn) -> list[Expected]:
    """The answer for each record, in order."""
    judge = _Judge(drawn)
    return [judge.record(node) for node in drawn.nodes]


def counts_of(answers: Sequence[Expected]) -> Json:
    """How often each verdict was found."""
    counts = Counter(letter for each in answers if each.told is not None for letter in each.told["codes"])
    return {verdict.value: counts[verdict.letter] for verdict in Verdict}


@lru_cache(maxsize=65_536)
def _path(code: str) -> tuple[str, ...]:
    return bundled_library().path(code)


class _Judge:
    """One batch under way."""

    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn
        self._facts: dict[int, Facts] = {}
        self._rules: dict[Program, tuple[int, ...]] = {}

    def record(self, node: Node) -> Expected:
        """What must be said of a record."""
        chosen, included, ungoverned = self._governing(node)
        # Of a record that is wrong in two ways either may be told.
        slugs = tuple(slug for slug in (node.slug, ungoverned) if slug is not None)
        if slugs or chosen is None:
            return Expected(node, slugs)
        drawn = self._drawn
        facts = self.facts(node)
        program = bundled_library().program(chosen.name, node.subject)
        told: Json = {"id": node.id, **self._told(program, chosen, node, facts)}
        if "include" in drawn.options:
            others = [(bundled_library().program(other.name, node.subject), other) for other in included]
            told["included"] = [self._told(other, ruleset, node, facts) for other, ruleset in others]
        if facts.refused:
            told["refused_members"] = sum(facts.refused.values())
        if facts.ignored and drawn.detail != "codes":
            told["ignored"] = sorted(facts.ignored)
        return Expected(node, (), told, tuple(program.rules[i].id for i in self._chosen(program)))

    def _governing(self, node: Node) -> tuple[Ruleset | None, list[Ruleset], str | None]:
        """Who judges a record, who is included, and why nobody does."""
        drawn = self._drawn
        applicable = bundled_library().applicable(node.division, drawn.on)
        pin = drawn.options.get("ruleset")
        chosen = bundled_library().find(pin, drawn.on) if pin is not None else applicable.chosen
        if chosen is None:
            return None, [], "no-ruleset"
        included = []
        for name in drawn.options.get("include", ()):
            ups = (r for r in (applicable.chosen, *applicable.also) if r is not None)
            other = next((r for r in ups if r.name == name and r.id != chosen.id), None)
            if other is None:
                return chosen, [], "ruleset-not-applicable"
            included.append(other)
        return chosen, included, None

    def facts(self, node: Node) -> Facts:
        """A record's facts with its members; those that are refused are counted."""
        found = self._facts.get(id(node))
        if found is None:
            read, problems = bundled_library().reader(node.subject).read(node.facts)
            assert not problems, problems[0]
            refused = Counter(child.subject for child in node.children if child.slug is not None)
            good = [child for child in node.children if child.slug is None]
            members = [Member(child.subject, str(child.id), self.facts(child), _path(child.division)) for child in good]
            found = self._facts[id(node)] = read.with_members(tuple(members), dict(refused))
        return found

    def _chosen(self, program: Program) -> tuple[int, ...]:
        found = self._rules.get(program)
        if found is None:
            found = self._rules[program] = tuple(rules_of(program, self._drawn))
        return found

    def _told(self, program: Program, ruleset: Ruleset, node: Node, facts: Facts) -> Json:
        """What one ruleset says of a record."""
        drawn, rules = self._drawn, self._chosen(program)
        context = Context(drawn.on, _path(node.division), _parameters(ruleset, drawn.options.get("parameters", {})))
        evaluation = Evaluation(program, facts, context)
        findings = [evaluation.finding(i) for i in rules]
        counted = [f for f in findings if program.rules[f.rule].force != "advisory"]
        measured = [f for f in counted if program.rules[f.rule].evidence == "measured"]
        told: Json = {
            "ruleset": ruleset.name,
            "outcome": {"all": _outcome(counted), "measured": _outcome(measured)},
            "codes": "".join(finding.verdict.letter for finding in findings),
        }
        if drawn.detail == "codes":
            return told
        told["missing"] = sorted({name for finding in findings for name in finding.missing})
        derived = list(derived_facts(evaluation))
        if drawn.detail == "full":
            told["verdicts"] = [_verdict(program, finding) for finding in findings]
            told["derived"] = _derived(derived)
            return told
        told["findings"] = [
            {"rule": place, "actual": _plain(dict(finding.actual)), "gap": _number(finding.gap)}
            for place, finding in enumerate(findings)
            if finding.verdict is Verdict.NON_COMPLIANT
        ]
        differing = [fact for fact in derived if fact.differs]
        if differing:
            told["derived"] = _derived(differing)
        return told


def _parameters(ruleset: Ruleset, given: Mapping[str, Json]) -> dict[str, ParameterValue]:
    """As a ruleset reads them: its own by id, those of a standard that it adopts by both names."""
    found: dict[str, ParameterValue] = {}
    for name, values in given.items():
        typed = {id_: value if isinstance(value, bool) else exact(value) for id_, value in values.items()}
        if name == ruleset.name:
            found.update(typed)
        if name in ruleset.standards:
            found.update({qualified(name, id_): value for id_, value in typed.items()})
    return found


def _outcome(findings: Sequence[Finding]) -> str:
    return str(overall(finding.verdict for finding in findings).value)


def _verdict(program: Program, finding: Finding) -> Json:
    """All that a finding says, in the words of a reply; what a rule always says is left out."""
    pace = finding.pace
    return {
        "rule": program.rules[finding.rule].id,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "actual": _plain(dict(finding.actual)),
        "gap": _number(finding.gap),
        "due": _plain(finding.due),
        "period": finding.period,
        "missing": list(finding.missing),
        "notices": list(finding.notices),
        "pace": None
        if pace is None
        else {
            "baseline": _number(pace.baseline),
            "at": _plain(pace.at),
            "target": _number(pace.target),
            "due": _plain(pace.due),
            "expected_today": _number(pace.expected_today),
            "actual": _number(pace.actual),
            "ahead": pace.ahead,
        },
    }


def _derived(facts: Sequence[DerivedFact]) -> Any:
    return _DECODE(derived_json(facts)) if facts else []


def _plain(value: object) -> Any:
    """As JSON reads it back."""
    return _DECODE(_ENCODE(value))


def _number(value: Fraction | None) -> float | None:
    return None if value is None else shortest(value)
