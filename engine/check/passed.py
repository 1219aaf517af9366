"""Rules that read the verdicts of other rules: what `passes` may name, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine import codes
from engine.check.ir import Rule
from engine.check.size import MAX_HEIGHT, Size
from engine.check.walk import rules_of
from engine.diagnostics import Collector
from engine.load.documents import RuleDoc
from engine.words import EVIDENCE

__all__ = ["follow_passes"]


def follow_passes(
    rules: list[Rule], docs: Mapping[str, RuleDoc], facts: Mapping[str, Size], collector: Collector
) -> list[Rule]:
    """The rules that can run, with the evidence of what they read.

    A rule goes when it reads its own verdict in a circle, a rule of another subject, more than an
    evaluation may hold, or a rule that has gone itself (whose own mistake is in the collector).
    """
    by_id = {rule.id: rule for rule in rules}
    gone = _circles(by_id, docs, collector)
    gone |= {rule.id for rule in rules if not _same_subjects(rule, by_id, docs, collector)}
    left = _without_stranded({rule.id: rule for rule in rules if rule.id not in gone})
    too_large = _too_large(left, docs, facts, collector)
    left = _without_stranded({id_: rule for id_, rule in left.items() if id_ not in too_large})
    return _with_full_evidence(left)


def _without_stranded(rules: dict[str, Rule]) -> dict[str, Rule]:
    """Without the rules that read one that is not there."""
    while True:
        left = {id_: rule for id_, rule in rules.items() if all(other in rules for other in rule.passes)}
        if len(left) == len(rules):
            return left
        rules = left


def _same_subjects(rule: Rule, by_id: Mapping[str, Rule], docs: Mapping[str, RuleDoc], collector: Collector) -> bool:
    sound = True
    doc = docs[_short(rule.id)]
    for expr, text in ((rule.when, doc.when), (rule.require, doc.require)) if rule.passes else ():
        for other in rules_of(expr):
            foreign = [s for s in rule.subjects if other in by_id and s not in by_id[other].subjects]
            if foreign:
                assert text is not None
                collector.add(codes.subject_mismatch(_short(other), by_id[other].subjects, foreign[0], text.content))
                sound = False
    return sound


def _short(id_: str) -> str:
    return id_.split("/", 1)[1]


def _circles(by_id: Mapping[str, Rule], docs: Mapping[str, RuleDoc], collector: Collector) -> set[str]:
    """Reports every circle of `passes`, and chains too long to follow; the rules in one."""
    done: set[str] = set()
    found: set[str] = set()

    def visit(id_: str, path: tuple[str, ...]) -> None:
        if id_ in path:
            circle = (*path[path.index(id_) :], id_)
            found.update(circle)
            collector.add(codes.cyclic("`passes`", map(_short, circle), docs[_short(id_)].require.content))
            return
        if id_ in done or id_ not in by_id:
            return
        if len(path) > MAX_HEIGHT:
            found.add(id_)
            _refuse(id_, docs, collector)
            return
        for other in by_id[id_].passes:
            visit(other, (*path, id_))
        done.add(id_)

    for id_ in by_id:
        visit(id_, ())
    return found


def _refuse(id_: str, docs: Mapping[str, RuleDoc], collector: Collector) -> None:
    what = "nesting, with the rules and derived facts that it reads,"
    collector.add(codes.limit_exceeded(what, f"{MAX_HEIGHT} levels", docs[_short(id_)].require.content))


def _too_large(
    rules: Mapping[str, Rule], docs: Mapping[str, RuleDoc], facts: Mapping[str, Size], collector: Collector
) -> set[str]:
    """Reports every rule that is too deep or too large to evaluate; those rules."""
    heights: dict[str, int] = {}
    found: set[str] = set()

    def visit(id_: str) -> int:
        if id_ not in heights:
            rule = rules[id_]
            sizes = [Size.of(expr, facts) for expr in (rule.when, rule.require)]
            own = max(size.height for size in sizes)
            heights[id_] = own + max(map(visit, rule.passes), default=0)
            excess = next((size.excess for size in sizes if size.excess is not None), None)
            if excess is not None:
                found.add(id_)
                collector.add(codes.limit_exceeded(*excess, docs[_short(id_)].require.content))
            elif heights[id_] > MAX_HEIGHT:
                found.add(id_)
                _refuse(id_, docs, collector)
        return heights[id_]

    for id_ in rules:
        visit(id_)
    return found


def _with_full_evidence(rules: Mapping[str, Rule]) -> list[Rule]:
    """A rule that reads another's verdict is no better proven than that rule."""
    ranks: dict[str, int] = {}

    def rank(id_: str) -> int:
        if id_ not in ranks:
            own = EVIDENCE.index(rules[id_].evidence)
            ranks[id_] = max([own, *map(rank, rules[id_].passes)])
        return ranks[id_]

    for rule in (rule for rule in rules.values() if rule.passes):
        rank(rule.id)
    return [replace(rule, evidence=EVIDENCE[ranks[id_]]) if id_ in ranks else rule for id_, rule in rules.items()]
