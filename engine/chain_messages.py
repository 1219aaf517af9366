"""What a step of a chain says to people, in Chinese and English: from what it follows, what it is, how strongly.

Texts are derived from titles, summaries and labels, never from the original document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from engine import phrases
from engine.check.ir import FactSpec, Ruleset
from engine.consequences import Cause, Step
from engine.phrases import Pair
from engine.verdicts import Verdict

__all__ = ["ChainMessages"]

_BEARERS: Mapping[str, Pair] = {
    **phrases.SUBJECTS,
    "head": ("校长", "head of the school"),
    "leader": ("领导班子和领导干部", "leaders"),
    "responsible_person": ("责任人", "persons responsible"),
    "responsible_unit": ("责任单位", "units responsible"),
}
_STRENGTHS: Mapping[str, Pair] = {
    "automatic": ("文件直接规定，不另作裁量", "it follows of itself"),
    "basis": ("作为依据，由决定者权衡", "it is weighed by whoever decides"),
    "discretionary": ("可以如此，由决定者裁量", "whether it follows is for whoever decides"),
    "unspecified": ("文件未写明是否必然发生", "the document does not say whether it must follow"),
}
_RESULTS: Mapping[Verdict, Pair] = {
    Verdict.COMPLIANT: ("符合要求", "is met"),
    Verdict.NON_COMPLIANT: ("不符合要求", "is not met"),
    Verdict.NOT_YET_DUE: ("尚未达到、期限未到", "is not met yet and not yet due"),
}
_LENGTHS: Mapping[str, Pair] = {"days": ("日", "day"), "months": ("个月", "month"), "years": ("年", "year")}


class ChainMessages:
    """The sentences of one ruleset's consequences. `facts`: the dictionary."""

    def __init__(self, ruleset: Ruleset, facts: Mapping[str, FactSpec]) -> None:
        self._rules = {rule.id: rule.title for rule in ruleset.running}
        self._titles = {consequence.id: consequence.title for consequence in ruleset.consequences}
        self._facts = facts

    def of(self, step: Step) -> Pair:
        """The message of a step: Chinese, English."""
        consequence = step.consequence
        causes = [self._cause(cause) for cause in step.because]
        bearer, strength = _BEARERS[consequence.who], _STRENGTHS[consequence.strength]
        time = _within(consequence.within)
        zh = f"因{'、'.join(cause[0] for cause in causes)}：{phrases.sentence_zh(consequence.summary['zh'])}"
        summary = phrases.inside(phrases.sentence_en(consequence.summary["en"]))
        en = f"Because {' and '.join(cause[1] for cause in causes)}: {summary}"
        return (
            f"{zh}承担者：{bearer[0]}；{strength[0]}{time[0]}。",
            f"{en} Whom it meets: {bearer[1]}; {strength[1]}{time[1]}.",
        )

    def _cause(self, cause: Cause) -> Pair:
        if cause.rule is not None:
            title = self._rules[cause.rule]
            result = _RESULTS[cause.verdict or Verdict.NON_COMPLIANT]
            return f"“{title['zh']}”{result[0]}", f"“{title['en']}” {result[1]}"
        if cause.fact is not None:
            label = self._facts[cause.fact].label
            return f"“{label['zh']}”属实", f"“{label['en']}” is the case"
        title = self._titles[cause.after or ""]
        return f"已有“{title['zh']}”这一后果", f"“{title['en']}” follows"


def _within(within: str) -> Pair:
    """`，期限为2025年12月31日`, `，在30日内`; nothing where the text states no time."""
    if within == "unstated":
        return "", ""
    amount, _, unit = within.partition(" ")
    if not unit:
        zh, en = phrases.day(date.fromisoformat(within))
        return f"，期限为{zh}", f", by {en}"
    words = _LENGTHS[unit]
    return f"，在{amount}{words[0]}内", f", within {amount} {words[1]}{'' if amount == '1' else 's'}"
