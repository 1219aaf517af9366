"""What a worked case expects of one rule, and how a finding differs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from engine import codes
from engine.check.text import number_text
from engine.diagnostics import Collector
from engine.load.fields import Fields, kind_of, read_date, read_decimal
from engine.load.tree import Mapping as Tree
from engine.load.tree import Node
from engine.nearest import did_you_mean
from engine.source import Text
from engine.verdicts import Finding, Reason, Verdict

__all__ = ["Expectation", "differences", "read_expectation"]

_VERDICTS = tuple(verdict.value for verdict in Verdict)
_REASONS: tuple[str, ...] = get_args(Reason)
_NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Expectation:
    """The rule, and what must be found: each aspect of a `Finding` as text, lists sorted.

    An aspect that the case does not mention is absent, so anything may be found there.
    """

    rule: Text
    aspects: Mapping[str, str]


def read_expectation(rule: Text, node: Node, collector: Collector) -> Expectation | None:
    """A verdict by itself, or a mapping with further aspects; None with the mistake in the collector."""
    if isinstance(node, Text):
        if node.value not in _VERDICTS:
            help_ = did_you_mean(node.value, _VERDICTS)
            listed = ", ".join(f"`{v}`" for v in _VERDICTS)
            collector.add(codes.bad_scalar(f"one of {listed}", node.value, node.span, help_))
            return None
        return Expectation(rule, {"verdict": node.value})
    if not isinstance(node, Tree):
        collector.add(codes.wrong_shape("a verdict or a mapping", kind_of(node), node.span))
        return None
    before = len(collector.found)
    fields = Fields(node, f"the expectation of `{rule.value}`", collector)
    aspects: dict[str, str] = {}
    verdict = fields.choice("verdict", _VERDICTS)
    if verdict is not None:
        aspects["verdict"] = verdict
    for key in ("reason", "period", "gap", "due"):
        text = fields.text(key, required=False)
        if text is not None:
            aspects[key] = _aspect(key, text, collector)
    for key in ("missing", "notices"):
        if fields.has(key):
            aspects[key] = _joined(text.value for text in fields.texts(key))
    fields.done()
    return Expectation(rule, aspects) if len(collector.found) == before else None


def _aspect(key: str, text: Text, collector: Collector) -> str:
    """One scalar aspect in the form in which `_found` shows it."""
    if text.value == "null" and text.style is None:
        return _NOTHING
    match key:
        case "reason":
            if text.value not in _REASONS:
                listed = ", ".join(f"`{r}`" for r in _REASONS)
                help_ = did_you_mean(text.value, _REASONS)
                collector.add(codes.bad_scalar(f"one of {listed}", text.value, text.span, help_))
        case "gap":
            number = read_decimal(text, collector)
            return _NOTHING if number is None else number_text(number)
        case "due":
            day = read_date(text, collector)
            return _NOTHING if day is None else day.isoformat()
        case _:
            pass
    return text.value


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or _NOTHING


def _found(finding: Finding) -> dict[str, str]:
    return {
        "verdict": finding.verdict.value,
        "reason": finding.reason or _NOTHING,
        "period": finding.period or _NOTHING,
        "gap": _NOTHING if finding.gap is None else number_text(finding.gap),
        "due": finding.due.isoformat() if finding.due else _NOTHING,
        "missing": _joined(finding.missing),
        "notices": _joined(finding.notices),
    }


def differences(expected: Expectation, finding: Finding) -> list[str]:
    """In words each aspect that is not as expected; empty when all are."""
    found = _found(finding)
    wrong = [
        f"expected {'' if key == 'verdict' else key + ' '}`{value}`, found `{found[key]}`"
        for key, value in expected.aspects.items()
        if found[key] != value
    ]
    if wrong and finding.reason is not None and "reason" not in expected.aspects:
        wrong.append(f"because of `{finding.reason}`")
    return wrong
