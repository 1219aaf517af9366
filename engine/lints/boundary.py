"""A measured rule whose cases never stand exactly on its limit, where `<` and `<=` part."""

from __future__ import annotations

from collections.abc import Iterator

from engine import codes
from engine.backends.base import excluded
from engine.backends.reference import Evaluation
from engine.cases import Trial
from engine.check.ir import Compare, Rule
from engine.check.text import unparse
from engine.check.walk import facts_of, nodes
from engine.diagnostics import Diagnostic
from engine.lints.bounds import decided_by_bounds
from engine.lints.examined import Examined, limits
from engine.values import Interval

__all__ = ["boundaries_untested"]


def boundaries_untested(examined: Examined) -> Iterator[Diagnostic]:
    """Each comparison of numbers or days in a measured requirement at whose limit no case stands.

    A rule without any case is reported by `engine.lints.untested` alone.
    """
    for rule in examined.ruleset.rules:
        trials = examined.trials.get(rule.id, ())
        if rule.evidence != "measured" or not trials:
            continue
        compares = dict.fromkeys(node for node in nodes(rule.require) if isinstance(node, Compare) and _measures(node))
        # Where the bounds leave a comparison nothing to decide, `engine.lints.bounds` says so.
        idle = {x.compare for x in limits(examined, rule) if decided_by_bounds(x, examined.facts) is not None}
        doc = examined.written[rule.id]
        for compare in compares:
            if compare not in idle and not any(_stands_on(trial, rule, compare) for trial in trials):
                yield codes.boundary_untested(doc.id.value, unparse(compare), doc.require.content)


def _measures(compare: Compare) -> bool:
    return compare.kind in ("number", "date") and bool(facts_of(compare))


def _stands_on(trial: Trial, rule: Rule, compare: Compare) -> bool:
    """True when the rule applies in a case, and both sides are known there and equal."""
    if excluded(trial.program, rule, trial.context) is not None:
        return False
    evaluation = Evaluation(trial.program, trial.facts, trial.context)
    evaluation.window = rule.window
    for at in _periods(trial, rule):
        left, right = evaluation.value(compare.left, at), evaluation.value(compare.right, at)
        equal = left is not None and left == right and not isinstance(left, Interval)
        if equal and (rule.when is None or evaluation.value(rule.when, at) is True):
            return True
    return False


def _periods(trial: Trial, rule: Rule) -> list[int | None]:
    """The periods at which the rule was read: those of its window, else the one that the finding names."""
    if rule.period is None:
        return [None]
    if rule.window is not None:
        return list(range(rule.window[0], rule.window[1] + 1))
    named = trial.findings[rule.id].period
    return [None if named is None else rule.period.parse(named)]
