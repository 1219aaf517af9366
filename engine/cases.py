"""Worked cases: what an author expects of the rules, run against a back end.

A case is data (`cases/<topic>.yaml`). Its scalars are text until the dictionary types them, as JSON
would be typed: `45` is a number for a numeric fact and a text for a category; a quoted scalar is
always a text. Everything that is wrong with a case is a diagnostic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine import codes
from engine.backends.base import Context, ParameterValue
from engine.check.ir import Parameter, Program, Rule, Ruleset, qualified
from engine.check.text import number_text
from engine.diagnostics import Collector, Diagnostic
from engine.expectations import Expectation, differences, read_expectation
from engine.expected_chains import chain_of, check_names, read_by, unlike
from engine.facts import FactProblem, Facts, Member
from engine.load.documents import CaseDoc
from engine.load.fields import Fields, read_date, read_decimal
from engine.load.tree import Listing, Node
from engine.load.tree import Mapping as Tree
from engine.registry import Library
from engine.source import Span, Text
from engine.values import exact
from engine.verdicts import Finding, Verdict
from engine.words import CONTAINS

__all__ = ["CaseRun", "Evaluate", "Trial", "raw_value", "run_cases"]

Evaluate = Callable[[Program, Facts, Context, Sequence[int]], Sequence[Finding]]
"""A back end's entry: `evaluate(program, facts, context, rules)` gives the findings of those rules, by index."""

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_NUMERIC = ("integer", "number", "percent")


@dataclass(frozen=True, slots=True)
class Trial:
    """A case as it was evaluated: `findings` are the yardstick's, by the id of each rule that the case names."""

    case: CaseDoc
    program: Program
    facts: Facts
    context: Context
    findings: Mapping[str, Finding]


@dataclass(frozen=True, slots=True)
class CaseRun:
    """What came of the cases of one ruleset.

    `trials`: the cases evaluated; `withheld`: cases that name a rule or fact which itself has a mistake, so
    that a complaint about the case would only repeat it.
    """

    diagnostics: tuple[Diagnostic, ...]
    trials: tuple[Trial, ...]
    withheld: int

    @property
    def ran(self) -> int:
        """How many cases were evaluated."""
        return len(self.trials)


def run_cases(
    library: Library, ruleset: str, backends: Mapping[str, Evaluate], only: Iterable[CaseDoc] | None = None
) -> CaseRun:
    """Run every case of a ruleset (`id@version`), or `only` some, on every back end.

    The first back end is the yardstick: what fails there is not repeated for the others, whose
    diagnostics name them.
    """
    runner = _Runner(library, library.rulesets[ruleset], backends)
    seen: dict[str, Text] = {}
    for doc in library.cases.get(ruleset, ()) if only is None else only:
        first = seen.setdefault(doc.name.value, doc.name)
        if first is not doc.name:
            line, _ = first.span.source.place(first.span.start)
            where = f"{first.span.source.path}:{line}"
            runner.collector.add(codes.duplicate_id("case", doc.name.value, doc.name.span, where))
        runner.run(doc)
    return CaseRun(tuple(runner.collector.found), tuple(runner.trials), runner.withheld)


def raw_value(node: Node, type_name: str) -> object:
    """A node as JSON would give it to a fact of a type: what `FactReader` takes."""
    match node:
        case Text(value=value, style=None):
            if value == "null":
                return None
            if value in ("true", "false") and type_name in ("boolean", "checklist"):
                return value == "true"
            if type_name in _NUMERIC and _NUMBER.fullmatch(value):
                return float(value) if "." in value else int(value)
            return value
        case Text():
            return node.value
        case Tree():
            return {key: raw_value(child, type_name) for key, child in node.items.items()}
        case Listing():
            return [raw_value(child, type_name) for child in node.items]


class _Runner:
    """The cases of one ruleset."""

    def __init__(self, library: Library, ruleset: Ruleset, backends: Mapping[str, Evaluate]) -> None:
        self._library = library
        self._ruleset = ruleset
        self._backends = backends
        own = {rule.id.split("/", 1)[1]: rule for rule in ruleset.rules}
        # What another ruleset wrote is named in full.
        self._rules: Mapping[str, Rule] = own | {rule.id: rule for rule in ruleset.incorporated}
        self._named = {adoption.ruleset for clause in ruleset.clauses for adoption in clause.incorporates}
        self._broken = any(self._matters(d) for d in library.diagnostics)
        self.collector = Collector()
        self.trials: list[Trial] = []
        self.withheld = 0

    def _matters(self, diagnostic: Diagnostic) -> bool:
        """True for a mistake that may leave a rule or fact out, so that cases cannot name it."""
        folders = [name.replace("@", "/") for name in (self._ruleset.name, *self._named)]
        in_rules = any(
            diagnostic.file.startswith(f"{folder}/") and not diagnostic.file.startswith(f"{folder}/cases/")
            for folder in folders
        )
        return diagnostic.severity == "error" and (in_rules or diagnostic.file.startswith("facts/"))

    def run(self, doc: CaseDoc) -> None:
        """Evaluate one case and compare every expectation."""
        before = len(self.collector.found)
        path = self._library.path(doc.division.value)
        if not path:
            self.collector.add(codes.unknown_division(doc.division.value, doc.division.span))
        facts, unknown_fact = self._record(doc, path)
        parameters = self._parameters(doc)
        expected, unknown_rule = self._expected(doc)
        if (unknown_fact or unknown_rule) and self._broken:
            self.withheld += 1
            return
        check_names(doc, self._ruleset, self.collector)
        if len(self.collector.found) > before or not (expected or doc.consequences is not None):
            return
        program = self._library.program(self._ruleset.name, doc.subject)
        context = Context(doc.as_of, path, parameters)
        wanted = [program.index[rule.id] for rule, _ in expected]
        failed: set[str] = set()
        for number, (backend, evaluate) in enumerate(self._backends.items()):
            findings = evaluate(program, facts, context, wanted)
            if number == 0:
                by_rule = {rule.id: finding for (rule, _), finding in zip(expected, findings, strict=True)}
                self.trials.append(Trial(doc, program, facts, context, by_rule))
            for (rule, expectation), finding in zip(expected, findings, strict=True):
                known = expectation.rule.value in failed
                if not known and self._differs(doc, rule, expectation, finding, backend):
                    failed.add(expectation.rule.value)
            if doc.consequences is not None and not failed:
                failed.update(self._unlike(doc, evaluate, program, facts, context))

    def _unlike(
        self, doc: CaseDoc, evaluate: Evaluate, program: Program, facts: Facts, context: Context
    ) -> tuple[str, ...]:
        """Compare the consequences that follow with those that the case expects; their key if they differ."""
        assert doc.consequences is not None
        findings = evaluate(program, facts, context, read_by(self._ruleset.consequences, program))
        steps = chain_of(self._ruleset, program, self._library.dictionary.facts, facts, context, findings)
        problem = unlike(doc.consequences, steps)
        if problem is None:
            return ()
        self._wrong(doc, problem, doc.consequences[0].span if doc.consequences else doc.name.span)
        return ("expect_consequences",)

    # --- what the case gives ------------------------------------------------------------------

    def _record(self, doc: CaseDoc, path: tuple[str, ...]) -> tuple[Facts, bool]:
        """The checked facts with members, and whether one of them is unknown to the dictionary."""
        facts, unknown = self._facts(doc, doc.facts, doc.subject)
        if doc.members is None:
            return facts, unknown
        seen: set[tuple[str, str]] = set()
        members, unknown_below = self._members(doc, doc.members, doc.subject, path, seen)
        return facts.with_members(members), unknown or unknown_below

    def _members(
        self, doc: CaseDoc, node: Node, container: str, path: tuple[str, ...], seen: set[tuple[str, str]]
    ) -> tuple[tuple[Member, ...], bool]:
        """The members of one container, each `{subject, id, facts}` and perhaps `members` and `division`."""
        if not isinstance(node, Listing):
            self._wrong(doc, "`members` is no list", node.span)
            return (), False
        found: list[Member] = []
        unknown = False
        for one in node.items:
            fields = Fields(one, "a member", self.collector) if isinstance(one, Tree) else None
            if fields is None:
                self._wrong(doc, "a member is a mapping with `subject`, `id` and `facts`", one.span)
                continue
            subject, id_ = fields.choice("subject", CONTAINS.get(container, ())), fields.text("id")
            place, given = self._place(doc, fields, path), fields.any("facts")
            below = fields.any("members", required=False)
            fields.done()
            if subject is None or id_ is None or given is None:
                continue
            if (subject, id_.value) in seen:
                self._wrong(doc, f"the {subject} `{id_.value}` stands twice among the members", id_.span)
            seen.add((subject, id_.value))
            facts, unknown_here = self._facts(doc, given, subject)
            inner, unknown_below = self._members(doc, below, subject, place or path, seen) if below else ((), False)
            unknown |= unknown_here or unknown_below
            found.append(Member(subject, id_.value, facts.with_members(inner), place))
        return tuple(found), unknown

    def _place(self, doc: CaseDoc, fields: Fields, path: tuple[str, ...]) -> tuple[str, ...] | None:
        """A member's own division with all above; None is that of its container."""
        code = fields.text("division", required=False)
        if code is None:
            return None
        place = self._library.path(code.value)
        if not place:
            self.collector.add(codes.unknown_division(code.value, code.span))
        elif path and path[0] not in place:
            self._wrong(doc, f"`{code.value}` lies outside `{path[0]}`", code.span)
        return place or None

    def _facts(self, doc: CaseDoc, node: Node, subject: str) -> tuple[Facts, bool]:
        """The checked facts of the record or a member, and whether one is unknown to the dictionary."""
        if not isinstance(node, Tree):
            self._wrong(doc, "`facts` is no mapping of facts", node.span)
            return Facts(), False
        specs = self._library.dictionary.facts
        raw: dict[str, object] = {}
        for name, child in node.items.items():
            type_name = specs[name].type_name if name in specs else "boolean"
            raw[name] = raw_value(child, type_name)
            self._exactness(doc, child, type_name)
        facts, problems = self._library.reader(subject).read(raw)
        whose = "case" if node is doc.facts else "member"
        for name in facts.ignored:
            subjects = ", ".join(specs[name].subjects)
            problem = f"`{name}` is about {subjects}, the {whose} about {subject}"
            self._wrong(doc, problem, node.keys[name].span)
        unknown = any(problem.kind == "unknown-fact" for problem in problems)
        for fault in problems:
            if not (fault.kind == "unknown-fact" and self._broken):
                self._wrong(doc, fault.detail, _place(node, fault), fault.help)
        return facts, unknown

    def _exactness(self, doc: CaseDoc, node: Node, type_name: str) -> None:
        """A case's number must come back as written: more digits than a float64 shows would not."""
        if isinstance(node, Tree):
            for child in node.items.values():
                self._exactness(doc, child, type_name)
        elif isinstance(node, Text):
            value = raw_value(node, type_name)
            if isinstance(value, float) and exact(value) != Fraction(node.value):
                self._wrong(doc, f"`{node.value}` has more digits than a number can carry", node.span)

    def _parameters(self, doc: CaseDoc) -> dict[str, ParameterValue]:
        """The defaults and what the case sets: by id, those of an incorporated ruleset below its name."""
        known = {p.id: p for p in (*self._ruleset.parameters, *self._ruleset.standard_parameters)}
        found: dict[str, ParameterValue] = {p.id: p.default for p in known.values() if p.default is not None}
        if doc.parameters is None:
            return found
        if not isinstance(doc.parameters, Tree):
            self._wrong(doc, "`parameters` is no mapping", doc.parameters.span)
            return found
        for id_, key, node in self._given(doc.parameters):
            if id_ not in known:
                self.collector.add(codes.unknown_parameter(id_, known, key.span))
            elif not isinstance(node, Text):
                self._wrong(doc, f"parameter `{id_}` is no single value", node.span)
            elif node.value == "null":
                found.pop(id_, None)
            elif (value := self._parameter(known[id_], node)) is not None:
                found[id_] = value
        return found

    def _given(self, parameters: Tree) -> Iterator[tuple[str, Text, Node]]:
        """What a case sets, by the id under which rules read it."""
        for id_, node in parameters.items.items():
            if id_ in self._ruleset.standards and isinstance(node, Tree):
                yield from ((qualified(id_, inner), node.keys[inner], child) for inner, child in node.items.items())
            else:
                yield id_, parameters.keys[id_], node

    def _parameter(self, parameter: Parameter, text: Text) -> ParameterValue | None:
        match parameter.type_name:
            case "boolean":
                if text.value in ("true", "false"):
                    return text.value == "true"
                self.collector.add(codes.bad_scalar("`true` or `false`", text.value, text.span))
                return None
            case "date":
                return read_date(text, self.collector)
            case _:
                return read_decimal(text, self.collector)

    # --- what the case expects ----------------------------------------------------------------

    def _expected(self, doc: CaseDoc) -> tuple[list[tuple[Rule, Expectation]], bool]:
        """The expectations with their rules, and whether one names an unknown rule."""
        found: list[tuple[Rule, Expectation]] = []
        unknown = False
        for name, node in doc.expect:
            rule = self._rules.get(name.value)
            if rule is None:
                unknown = True
                if not self._broken:
                    self.collector.add(codes.unknown_rule(name.value, self._rules, name.span))
                continue
            if doc.subject not in rule.subjects:
                problem = f"`{name.value}` is about {', '.join(rule.subjects)}, the case about {doc.subject}"
                self._wrong(doc, problem, name.span)
                continue
            expectation = read_expectation(name, node, self.collector)
            if expectation is not None:
                found.append((rule, expectation))
        return found, unknown

    def _differs(self, doc: CaseDoc, rule: Rule, expected: Expectation, finding: Finding, backend: str) -> bool:
        wrong = differences(expected, finding)
        if not wrong:
            return False
        where = "" if backend == next(iter(self._backends)) else f" on {backend}"
        problem = f"`{expected.rule.value}`{where}: {'; '.join(wrong)}"
        self._wrong(doc, problem, expected.rule.span, _explained(rule, finding))
        return True

    def _wrong(self, doc: CaseDoc, problem: str, span: Span, help: str | None = None) -> None:
        self.collector.add(codes.case_mismatch(doc.name.value, problem, span, help))


def _place(facts: Tree, problem: FactProblem) -> Span:
    """Where a fact problem stands: the key for an unknown name or bad period, else the value."""
    at_key = problem.kind in ("unknown-fact", "bad-period", "unknown-option")
    node: Node = facts
    span = facts.span
    for i, key in enumerate(problem.keys):
        if not isinstance(node, Tree) or key not in node.items:
            break
        last = i == len(problem.keys) - 1
        child = node.items[key]
        inside = last and at_key and not (problem.kind == "unknown-option" and isinstance(child, Text) and i == 0)
        span = node.keys[key].span if inside else child.span
        node = child
    return span


def _explained(rule: Rule, finding: Finding) -> str:
    """In words what the back end found."""
    parts = [f"required `{rule.require_text}`"]
    parts += [f"`{name}` is {_shown(value)}" for name, value in finding.actual]
    if finding.verdict is Verdict.INSUFFICIENT_DATA:
        parts.append(f"missing {_listed(finding.missing)}")
    if finding.due is not None:
        parts.append(f"due {finding.due}")
    return "; ".join(parts)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _shown(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Mapping():
            return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
        case Fraction():
            return number_text(value)
        case _:
            return str(value)
