"""All lints over one ruleset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from engine.cases import Trial
from engine.diagnostics import Diagnostic
from engine.lints.boundary import boundaries_untested
from engine.lints.bounds import thresholds_out_of_bounds
from engine.lints.days import days_untested
from engine.lints.examined import Examined, WrittenAdoption
from engine.lints.figures import figures_not_printed
from engine.lints.percent import percents_and_ratios
from engine.lints.untested import untested
from engine.registry import Library

__all__ = ["LINTS", "run_lints"]

LINTS: tuple[Callable[[Examined], Iterator[Diagnostic]], ...] = (
    thresholds_out_of_bounds,
    percents_and_ratios,
    untested,
    boundaries_untested,
    days_untested,
    figures_not_printed,
)


def run_lints(library: Library, name: str, trials: Iterable[Trial], original: str | None = None) -> list[Diagnostic]:
    """The warnings about a ruleset (`id@version`) of a library that was loaded with its cases.

    `trials`: its cases as they ran. `original`: the text of its document, where it is at hand. Only for a
    library without errors: an error elsewhere may be why a case is lacking.
    """
    ruleset, parts = library.rulesets[name], library.written[name]
    by_rule: dict[str, list[Trial]] = {}
    followed: set[str] = set()
    for trial in trials:
        followed.update(text.value for text in trial.case.consequences or ())
        for rule in trial.findings:
            by_rule.setdefault(rule, []).append(trial)
    examined = Examined(
        ruleset,
        library.dictionary.facts,
        {f"{ruleset.id}/{doc.id.value}": doc for doc in parts.rules},
        by_rule,
        parts.consequences,
        [
            WrittenAdoption(clause.path, typed, written)
            for clause, doc in zip(ruleset.clauses, parts.clauses, strict=True)
            for typed, written in zip(clause.incorporates, doc.incorporates, strict=True)
        ],
        frozenset(followed),
        original,
    )
    return [diagnostic for lint in LINTS for diagnostic in lint(examined)]
