"""A deadline, a start or an end of which only one side is tested: the last day ends at 24:00."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from engine import codes
from engine.check.ir import Due
from engine.diagnostics import Diagnostic
from engine.lints.examined import Examined, WrittenAdoption
from engine.source import Span
from engine.verdicts import Finding, Verdict

__all__ = ["days_untested"]

_DAY = timedelta(days=1)
_Shown = tuple[str, Callable[[date, Finding], bool]]
"""What a case must show, in words, and whether a finding on a day shows it."""


def days_untested(examined: Examined) -> Iterator[Diagnostic]:
    """Each day on which a rule's verdict turns without a case on both sides of it.

    A rule without any case is reported by `engine.lints.untested` alone.
    """
    for rule in examined.ruleset.rules:
        trials = examined.trials.get(rule.id, ())
        doc = examined.written[rule.id]
        wanted = list(_turning(rule.due, rule.starts, rule.until, examined.ruleset.starts)) if trials else []
        for what, shows in wanted:
            if not any(shows(trial.context.on, trial.findings[rule.id]) for trial in trials):
                place: Span = doc.due.place if doc.due is not None and rule.due is not None else doc.id.span
                yield codes.day_untested(doc.id.value, what, place)
    for adoption in examined.adoptions:
        yield from _of_adoption(adoption, examined)


def _of_adoption(adoption: WrittenAdoption, examined: Examined) -> Iterator[Diagnostic]:
    """The days that the plan itself gives to incorporated rules: one rule of the entry on either side is enough."""
    typed, written = adoption.typed, adoption.written
    seen = [(t.context.on, t.findings[id_]) for id_ in typed.rules for t in examined.trials.get(id_, ())]
    wanted = list(_turning(typed.due, typed.starts, None, examined.ruleset.starts)) if seen else []
    for what, shows in wanted:
        if not any(shows(on, finding) for on, finding in seen):
            place = written.due.place if written.due is not None else written.place
            yield codes.day_untested(f"{adoption.clause} → {typed.ruleset}", what, place)


def _turning(due: Due | None, starts: date | None, until: date | None, plan_starts: date | None) -> Iterator[_Shown]:
    """What the cases must show. A start that lies before the plan's own turns nothing."""
    if due is not None and not due.unstated:
        yield from _deadline(due)
    if starts is not None and (plan_starts is None or plan_starts < starts):
        yield _excluded(f"that it has not begun on {starts - _DAY}", starts - _DAY, "before_start")
        yield _in_force(f"that it has begun on {starts}", starts, "before_start")
    if until is not None:
        yield _in_force(f"that it still holds on {until}, its last day", until, "after_end")
        yield _excluded(f"that it has ended on {until + _DAY}", until + _DAY, "after_end")


def _deadline(due: Due) -> Iterator[_Shown]:
    days = {due.on} if due.on is not None else {day for _, day in due.table}
    for day in sorted(days):
        yield _unmet(f"`not_yet_due` on the last day, {day}", day, Verdict.NOT_YET_DUE)
        yield _unmet(f"`non_compliant` on {day + _DAY}, the day after", day + _DAY, Verdict.NON_COMPLIANT)
    if due.after is not None:
        yield (
            f"`not_yet_due` on the last day, {due.years} years after `{due.after}`",
            lambda on, finding: finding.verdict is Verdict.NOT_YET_DUE and finding.due == on,
        )
        yield (
            f"`non_compliant` on the day after, {due.years} years after `{due.after}`",
            lambda on, finding: finding.verdict is Verdict.NON_COMPLIANT and finding.due == on - _DAY,
        )
    if due.earliest is not None:
        yield _unmet(f"`not_yet_due` on {due.earliest}, the earliest end", due.earliest, Verdict.NOT_YET_DUE)
        after = due.earliest + _DAY
        yield _unmet(f"`insufficient_data` on {after}, behind the earliest end", after, Verdict.INSUFFICIENT_DATA)
    if due.latest is not None:
        after = due.latest + _DAY
        yield _unmet(f"`non_compliant` on {after}, behind the latest end", after, Verdict.NON_COMPLIANT)


def _unmet(what: str, day: date, verdict: Verdict) -> _Shown:
    return what, lambda on, finding: on == day and finding.verdict is verdict


def _excluded(what: str, day: date, reason: str) -> _Shown:
    return what, lambda on, finding: on == day and finding.reason == reason


def _in_force(what: str, day: date, reason: str) -> _Shown:
    return what, lambda on, finding: on == day and finding.reason != reason
