"""What a verdict says to people, in Chinese and English.

A single comparison is told as such, with limit, value and distance; any other requirement by its title
and summary with the values it read. Texts are derived from the rule and the dictionary's labels, never
from the original document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import cast

from engine import phrases
from engine.check.ir import Compare, Constant, FactRef, FactSpec, Program, Rule, mirrored
from engine.phrases import Pair
from engine.verdicts import Finding, Verdict

__all__ = ["Messages"]

_MAX_SHOWN = 6
"""Most facts that a message lists."""


# Behind the measure, before the limit, by force: binding and expected duties alike, then advice.
_NUMBER_WORDS: dict[str, tuple[Pair, Pair]] = {
    "<=": (("应不超过", "must be at most "), ("宜不超过", "should ideally be at most ")),
    "<": (("应低于", "must be below "), ("宜低于", "should ideally be below ")),
    ">=": (("应不少于", "must be at least "), ("宜不少于", "should ideally be at least ")),
    ">": (("应高于", "must be above "), ("宜高于", "should ideally be above ")),
    "==": (("应为", "must be "), ("宜为", "should ideally be ")),
    "!=": (("不应为", "must not be "), ("不宜为", "should ideally not be ")),
}
_SHARE_WORDS = {**_NUMBER_WORDS, ">=": (("应不低于", "must be at least "), ("宜不低于", "should ideally be at least "))}
_WHOLE_WORDS = (("应达到", "must reach "), ("宜达到", "should ideally reach "))
_DATE_WORDS = {
    **_NUMBER_WORDS,
    "<=": (("应不迟于", "must be no later than "), ("宜不迟于", "should ideally be no later than ")),
    "<": (("应早于", "must be before "), ("宜早于", "should ideally be before ")),
    ">=": (("应不早于", "must be no earlier than "), ("宜不早于", "should ideally be no earlier than ")),
    ">": (("应晚于", "must be after "), ("宜晚于", "should ideally be after ")),
}
_GRADE_WORDS = {
    **_NUMBER_WORDS,
    ">=": (("应不低于", "must be at least "), ("宜不低于", "should ideally be at least ")),
    "<=": (("应不高于", "must be at most "), ("宜不高于", "should ideally be at most ")),
}
_WORDS = {"number": _NUMBER_WORDS, "date": _DATE_WORDS, "grade": _GRADE_WORDS, "category": _NUMBER_WORDS}


@dataclass(frozen=True, slots=True)
class _Single:
    """A comparison of one fact with a limit: the sentence's first half, and how a distance is told."""

    fact: FactSpec
    head: Pair
    op: str
    numeric: bool


class Messages:
    """The sentences of one program's rules. Built once; what does not depend on a finding is made then."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._singles = [_single(rule, program) for rule in program.rules]
        self._summaries = [
            (phrases.sentence_zh(rule.summary["zh"]), phrases.sentence_en(rule.summary["en"])) for rule in program.rules
        ]
        self._labels = {
            name: (spec.label["zh"], phrases.inside(spec.label["en"])) for name, spec in program.facts.items()
        }
        self._by_letter: dict[str, Callable[[Rule, Finding], Pair]] = {
            Verdict.COMPLIANT.letter: self._compliant,
            Verdict.NON_COMPLIANT.letter: self._non_compliant,
            Verdict.NOT_YET_DUE.letter: self._not_yet_due,
            Verdict.NOT_APPLICABLE.letter: self._not_applicable,
            Verdict.INSUFFICIENT_DATA.letter: self._undecided,
        }

    def of(self, finding: Finding) -> Pair:
        """The message of a finding of this program: Chinese, English."""
        return self._by_letter[finding.verdict.letter](self._program.rules[finding.rule], finding)

    # --- facts --------------------------------------------------------------------------------

    def _shown(self, rule: Rule, finding: Finding) -> Pair:
        """The values that the requirement read, one after the other."""
        zh: list[str] = []
        en: list[str] = []
        for name, value in finding.actual[:_MAX_SHOWN]:
            spec = self._program.facts[name]
            if isinstance(value, dict) and spec.type_name != "checklist":
                texts = [(phrases.period(rule.period, key), phrases.value(spec, v)) for key, v in value.items()]
                shown = "、".join(p[0] + v[0] for p, v in texts), ", ".join(f"{v[1]} {p[1]}" for p, v in texts)
            else:
                shown = phrases.value(spec, value)
            label = self._labels[name]
            zh.append(f"{label[0]}：{shown[0]}")
            en.append(f"{label[1]}: {shown[1]}")
        if len(finding.actual) > _MAX_SHOWN:
            zh.append("等")
            en.append("and more")
        return "；".join(zh), "; ".join(en)

    def _missing(self, finding: Finding) -> Pair:
        """The missing facts by label."""
        zh: list[str] = []
        en: list[str] = []
        for key in finding.missing[:_MAX_SHOWN]:
            name, _, item = key.partition(".")
            name, _, period = name.partition("@")
            spec = self._program.facts[name]
            label_zh, label_en = f"“{spec.label['zh']}”", f"“{spec.label['en']}”"
            if item:
                option = phrases.option(spec, item)
                label_zh, label_en = f"{label_zh}中的“{option[0]}”", f"“{option[1]}” of {label_en}"
            if period:
                at = phrases.period(spec.period, period)
                label_zh, label_en = f"{label_zh}（{at[0]}）", f"{label_en} {at[1]}"
            zh.append(label_zh)
            en.append(label_en)
        more = len(finding.missing) - _MAX_SHOWN
        if more > 0:
            return f"{'、'.join(zh)}等{len(finding.missing)}项", f"{', '.join(en)} and {more} more"
        return "、".join(zh), ", ".join(en)

    def _comparison(self, single: _Single, finding: Finding) -> Pair:
        """`小学最大班额应不超过45人，实际47人，超出2人`."""
        name = single.fact.name
        actual = next((v for n, v in finding.actual if n == name), None)
        zh, en = single.head
        if actual is None or isinstance(actual, dict):
            return zh, en
        shown = phrases.value(single.fact, actual)[0], phrases.short(single.fact, actual)
        if finding.period is None:
            zh, en = f"{zh}，实际{shown[0]}", f"{en}; it is {shown[1]}"
        else:
            at = phrases.period(single.fact.period, finding.period)
            zh, en = f"{zh}，{at[0]}实际{shown[0]}", f"{en}; it was {shown[1]} {at[1]}"
        if finding.verdict in (Verdict.NON_COMPLIANT, Verdict.NOT_YET_DUE) and finding.gap and single.numeric:
            gap = phrases.distance(single.fact, finding.gap)
            gap_en = phrases.short(single.fact, finding.gap, gap=True)
            match single.op:
                case "<" | "<=":
                    return f"{zh}，超出{gap[0]}", f"{en}, {gap_en} over"
                case ">" | ">=":
                    return f"{zh}，还差{gap[0]}", f"{en}, {gap_en} short"
                case "==":
                    return f"{zh}，相差{gap[0]}", f"{en}, {gap_en} off"
        return zh, en

    # --- verdicts -----------------------------------------------------------------------------

    def _told(self, rule: Rule, finding: Finding, word: Pair, ending: Pair = ("", "")) -> Pair:
        """The comparison, or title, word, summary and values; `ending` follows."""
        single = self._singles[finding.rule]
        if single is not None:
            zh, en = self._comparison(single, finding)
            return f"{zh}{ending[0]}。", f"{en}{ending[1]}."
        summary = self._summaries[finding.rule]
        zh = f"{rule.title['zh']}：{word[0]}{ending[0]}。要求：{summary[0]}"
        en = f"{rule.title['en']}: {word[1]}{ending[1]}. Requirement: {summary[1]}"
        shown = self._shown(rule, finding)
        return (f"{zh}{shown[0]}。", f"{en} {phrases.opening(shown[1])}.") if shown[0] else (zh, en)

    def _compliant(self, rule: Rule, finding: Finding) -> Pair:
        if "met_late" in finding.notices:
            ending = ("，符合要求，但达标晚于期限", ", met, but after the deadline")
            if finding.due is not None:
                zh, en = phrases.day(finding.due)
                ending = (f"，符合要求，但达标晚于期限（{zh}）", f", met, but after the deadline of {en}")
            return self._told(rule, finding, ("已达标", "reached"), ending)
        if self._singles[finding.rule] is not None:
            return self._told(rule, finding, ("", ""), ("，符合要求", ", as required"))
        return self._told(rule, finding, ("符合要求", "met"))

    def _non_compliant(self, rule: Rule, finding: Finding) -> Pair:
        ending = ("，不符合要求", ", which does not meet the requirement")
        if self._singles[finding.rule] is None or finding.gap:
            ending = ("", "")
        if finding.due is not None:
            zh, en = phrases.day(finding.due)
            ending = f"{ending[0]}，期限{zh}已过", f"{ending[1]}; the deadline of {en} has passed"
        return self._told(rule, finding, ("不符合要求", "not met"), ending)

    def _not_yet_due(self, rule: Rule, finding: Finding) -> Pair:
        if finding.due is not None:
            zh, en = phrases.day(finding.due)
            ending = (f"，期限为{zh}，尚未到期", f"; due by {en}, so not yet due")
        elif rule.window is not None and rule.period is not None:
            zh, en = phrases.day(rule.period.end(rule.window[1]))
            ending = (f"，考核期至{zh}，尚未结束", f"; the period it looks over runs until {en}")
        elif finding.period is not None:
            at = phrases.period(rule.period, finding.period)
            ending = (f"，{at[0]}尚未结束", f"; the period it is about ({finding.period}) is still running")
        elif rule.due is not None and rule.due.earliest is not None:
            zh, en = phrases.day(rule.due.earliest)
            ending = (f"，期限不早于{zh}，尚未到期", f"; the deadline is not before {en}")
        else:
            ending = ("，尚未到期", "; it is not yet due")
        single = self._singles[finding.rule]
        if finding.pace is not None and single is not None:
            zh, en = phrases.pace(single.fact, finding.pace)
            ending = f"{ending[0]}{zh}", f"{ending[1]}{en}"
        return self._told(rule, finding, ("尚未达到", "not met yet"), ending)

    def _undecided(self, rule: Rule, finding: Finding) -> Pair:
        title_zh, title_en = rule.title["zh"], rule.title["en"]
        if finding.missing:
            zh, en = self._missing(finding)
            return f"{title_zh}：缺少{zh}，无法判定。", f"{title_en}: cannot be decided; missing: {en}."
        due = rule.due
        if due is not None and due.earliest is not None and due.latest is not None:
            (zh1, en1), (zh2, en2) = phrases.day(due.earliest), phrases.day(due.latest)
            ending = (
                f"，期限在{zh1}至{zh2}之间，未定确切日期，无法判定是否逾期",
                f"; the deadline lies somewhere between {en1} and {en2}, so it cannot be said whether it has passed",
            )
            return self._told(rule, finding, ("尚未达到", "not met yet"), ending)
        return (
            f"{title_zh}：现有数据不足以判定。",
            f"{title_en}: what is known is not enough to decide.",
        )

    def _not_applicable(self, rule: Rule, finding: Finding) -> Pair:
        zh, en = self._why_not(rule, finding)
        return f"{rule.title['zh']}：不适用，{zh}。", f"{rule.title['en']}: does not apply; {en}."

    def _why_not(self, rule: Rule, finding: Finding) -> Pair:
        subject = phrases.SUBJECTS[self._program.subject]
        match finding.reason:
            case "outside_jurisdiction":
                return (
                    f"该{subject[0]}不在本文件施行的行政区划内",
                    f"the {subject[1]} lies outside the area of the document",
                )
            case "division_not_named":
                return "文件的时间表未列出该行政区划", "the document's timetable does not name the division"
            case "before_start":
                starts = [day for day in (self._program.starts, rule.starts) if day is not None]
                if starts:
                    zh, en = phrases.day(max(starts))
                    return (
                        f"该要求自{zh}起施行，评估的日期或期间在此之前",
                        f"it starts on {en}, after the day or period judged",
                    )
                return "评估的日期或期间在该要求施行之前", "the day or period judged lies before its start"
            case "after_end":
                zh, en = phrases.day(cast(date, rule.until))
                return f"该要求施行至{zh}，评估日期在此之后", f"it ended on {en}, before the day judged"
            case "parameter_off":
                names = [
                    self._program.parameters[id_].label for id_ in rule.parameters if id_ in self._program.parameters
                ]
                zh, en = "、".join(n["zh"] for n in names), ", ".join(phrases.inside(n["en"]) for n in names)
                return f"未设定参数“{zh}”", f"a parameter is not set: {en}"
            case "other_subject":
                return f"该要求不针对{subject[0]}", f"it is not about a {subject[1]}"
            case _:
                return f"该{subject[0]}不在该要求的适用范围内", f"the {subject[1]} is outside its scope"


def _single(rule: Rule, program: Program) -> _Single | None:
    """The comparison of a fact with a constant or with another fact, when the requirement is one."""
    require = rule.require
    if not isinstance(require, Compare):
        return None
    left, right, op = require.left, require.right, require.op
    if isinstance(left, Constant):
        left, right, op = right, left, mirrored(op)
    if not isinstance(left, FactRef) or not isinstance(right, Constant | FactRef):
        return None
    spec = program.facts[left.name]
    limit: Pair
    if isinstance(right, FactRef):
        other = program.facts[right.name]
        limit = other.label["zh"], phrases.inside(other.label["en"])
    elif require.kind in ("grade", "category"):
        zh, en = phrases.option(spec, str(right.value))
        limit = f"“{zh}”", f"“{en}”"
    else:
        limit = phrases.value(spec, right.value)
    words = _WORDS[require.kind]
    if require.kind == "number" and (spec.unit or "ratio") in ("percent", "ratio", "points"):
        words = _SHARE_WORDS
    pair = words[op]
    if spec.type_name == "percent" and op in (">=", "==") and isinstance(right, Constant) and right.value == 100:
        pair = _WHOLE_WORDS
    word = pair[rule.force == "advisory"]
    return _Single(
        spec,
        (f"{spec.label['zh']}{word[0]}{limit[0]}", f"{phrases.opening(spec.label['en'])} {word[1]}{limit[1]}"),
        op,
        require.kind == "number",
    )
