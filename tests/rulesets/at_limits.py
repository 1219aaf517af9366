"""For every numeric rule a record that stands exactly on the printed limit.

The limit is found by solving: all facts of the rule but one are fixed, the last is moved until both sides are
equal in exact numbers. What a caller would send is a finite decimal, so only such solutions count.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import cast

from engine.backends.base import Context, ParameterValue
from engine.backends.reference import Evaluation
from engine.check.ir import Compare, Constant, Expr, FactSpec, Program, Rule
from engine.check.walk import facts_of, nodes
from engine.facts import Facts
from engine.periods import PeriodKind
from engine.registry import Library

TRIES = 1200
TRIES_BY_PARTS = 120
INCLUSIVE = ("<=", ">=", "==")


@dataclass(frozen=True)
class AtLimit:
    """A record on the limit of one rule, as JSON would carry it."""

    ruleset: str
    subject: str
    rule: str
    division: str
    as_of: date
    facts: dict[str, object]
    parameters: dict[str, ParameterValue]


def inclusive_limits(rule: Rule) -> list[Compare]:
    """The comparisons of a requirement whose limit itself complies, all joined by `and`."""
    found = []
    for node in nodes(rule.require):
        if isinstance(node, Compare) and node.kind == "number":
            if node.op not in INCLUSIVE:
                return []
            found.append(node)
    return found


def numeric_rules(library: Library) -> Iterator[tuple[Program, int]]:
    """Every rule with an inclusive numeric limit, for each of its subjects."""
    for ruleset in library.rulesets.values():
        subjects = sorted({s for rule in ruleset.rules for s in rule.subjects})
        for subject in subjects:
            program = library.program(ruleset.name, subject)
            for index, rule in enumerate(program.rules):
                if rule.window is None and inclusive_limits(rule):
                    yield program, index


def leaves(program: Program, rule: Rule) -> list[FactSpec]:
    """The facts a record must give: derived ones are replaced by what they derive from."""
    found: dict[str, FactSpec] = {}
    todo = [*rule.reads, *rule.conditions]
    while todo:
        spec = program.facts[todo.pop(0)]
        parts = facts_of(spec.derive)
        if spec.derive is not None and parts:
            todo.extend(parts)
        else:
            found[spec.name] = spec
    return list(found.values())


def solve(library: Library, program: Program, index: int, rng: random.Random) -> AtLimit | None:
    """A record on the rule's limit, or None when none was found."""
    rule = program.rules[index]
    ruleset = library.rulesets[program.ruleset]
    division = ruleset.jurisdiction
    if rule.due is not None and rule.due.table:
        division = rule.due.table[0][0]
    on = date(2026, 11, 22) if rule.until is None else rule.until
    parameters: dict[str, ParameterValue] = {
        id_: True if program.parameters[id_].type_name == "boolean" else Fraction(50) for id_ in rule.parameters
    }
    context = Context(on, library.path(division) or ("root",), parameters)
    parts = leaves(program, rule)
    wholes = [program.facts[name] for name in dict.fromkeys((*rule.conditions, *rule.reads))]
    limits = [c.value for e in (rule.when, rule.require) if e for c in nodes(e) if isinstance(c, Constant)]
    for attempt in range(TRIES):
        # Where the parts cannot hit the limit in whole numbers, the derived fact itself is sent.
        specs = parts if attempt < TRIES_BY_PARTS else wholes
        values = {spec.name: _candidate(spec, limits, rng) for spec in specs}
        for limit in inclusive_limits(rule):
            record = _on_limit(program, rule, limit, specs, values, context, rng)
            if record is not None:
                raw = {name: _sent(program.facts[name], value, on) for name, value in record.items()}
                return AtLimit(program.ruleset, program.subject, rule.id, division, on, raw, parameters)
    return None


def _candidate(spec: FactSpec, limits: list[object], rng: random.Random) -> object:
    match spec.type_name:
        case "boolean":
            return rng.random() < 0.8
        case "category" | "grade":
            return rng.choice(spec.options)
        case "checklist":
            return {option: rng.random() < 0.6 for option in spec.options}
        case "date":
            return f"20{rng.randint(10, 26)}-0{rng.randint(1, 9)}-15"
    assert spec.bounds is not None
    low, high = spec.bounds
    pool = [n for n in limits if isinstance(n, Fraction)] + [Fraction(n) for n in (0, 1, 2, 5, 8, 10, 12, 40, 100, 200)]
    chosen = rng.choice(pool) + rng.choice((0, 0, 1))
    return min(max(chosen if spec.type_name != "integer" else Fraction(round(chosen)), low), high)


def _on_limit(
    program: Program,
    rule: Rule,
    limit: Compare,
    specs: list[FactSpec],
    values: dict[str, object],
    context: Context,
    rng: random.Random,
) -> dict[str, object] | None:
    evaluation, at = _evaluation(program, values, context), _period(rule, context)
    if evaluation.value(limit.left, at) == evaluation.value(limit.right, at) is not None:
        return dict(values) if _holds(evaluation, rule, context) else None
    movable = [s for s in specs if s.bounds is not None and _moves(program, limit, s.name)]
    rng.shuffle(movable)
    for spec in movable:

        def distance(x: Fraction, spec: FactSpec = spec) -> Fraction | None:
            evaluation = _evaluation(program, {**values, spec.name: x}, context)
            at = _period(rule, context)
            left, right = evaluation.value(limit.left, at), evaluation.value(limit.right, at)
            exact = isinstance(left, Fraction) and isinstance(right, Fraction)
            return cast(Fraction, left) - cast(Fraction, right) if exact else None

        start, step = distance(Fraction(1)), distance(Fraction(2))
        if start is None or step is None or start == step:
            continue
        x = 1 - start / (step - start)
        assert spec.bounds is not None
        if not spec.bounds[0] <= x <= spec.bounds[1] or distance(x) != 0 or not _finite(spec, x):
            continue
        found = {**values, spec.name: x}
        if _holds(_evaluation(program, found, context), rule, context):
            return found
    return None


def _moves(program: Program, limit: Compare, name: str) -> bool:
    todo = list(facts_of(limit))
    seen = set()
    while todo:
        fact = todo.pop()
        if fact == name:
            return True
        if fact not in seen:
            seen.add(fact)
            todo.extend(facts_of(program.facts[fact].derive))
    return False


def _finite(spec: FactSpec, x: Fraction) -> bool:
    return x.denominator == 1 if spec.type_name == "integer" else (x * 10**9).denominator == 1


def _holds(evaluation: Evaluation, rule: Rule, context: Context) -> bool:
    at = _period(rule, context)
    applies = rule.when is None or evaluation.value(cast(Expr, rule.when), at) is True
    return (
        applies
        and all(evaluation.value(c, at) is True for c in inclusive_limits(rule))
        and evaluation.value(rule.require, at) is True
    )


def _period(rule: Rule, context: Context) -> int | None:
    if rule.period is None:
        return None
    return _newest(rule.period, context.on)


def _newest(period: PeriodKind, on: date) -> int:
    """The last finished period; of cycles without an anchor the one that ends this year."""
    last = period.last_finished(on)
    return on.year - period.years + 1 if last is None else last


def _evaluation(program: Program, values: dict[str, object], context: Context) -> Evaluation:
    plain: dict[str, object] = {}
    keyed: dict[str, dict[int, object]] = {}
    for name, value in values.items():
        spec = program.facts[name]
        typed: object = value
        if isinstance(value, Fraction):
            typed = value.numerator if value.denominator == 1 else float(value)
        elif spec.type_name == "date":
            typed = date.fromisoformat(str(value))
        if spec.period is None:
            plain[name] = typed
        else:
            last = _newest(spec.period, context.on)
            keyed[name] = {last: typed, last - 1: typed}
    return Evaluation(program, Facts(plain, keyed), context)  # type: ignore[arg-type]  # checked values


def _sent(spec: FactSpec, value: object, on: date) -> object:
    if isinstance(value, Fraction):
        value = value.numerator if value.denominator == 1 else float(value)
    if spec.period is None:
        return value
    last = _newest(spec.period, on)
    return {spec.period.key(last): value, spec.period.key(last - 1): value}
