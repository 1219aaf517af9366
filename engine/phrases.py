"""Words for values, units, days and periods, in Chinese and English.

Numbers are shown as they are; only a decimal that never ends is cut, marked as approximate.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from functools import lru_cache

from engine.check.ir import FactSpec
from engine.check.text import number_text
from engine.periods import PeriodKind
from engine.values import TEXT_UNITS, exact
from engine.verdicts import Pace

__all__ = [
    "SUBJECTS",
    "Pair",
    "day",
    "distance",
    "inside",
    "number",
    "opening",
    "option",
    "pace",
    "period",
    "sentence_en",
    "sentence_zh",
    "short",
    "value",
]

Pair = tuple[str, str]
"""A text in Chinese and in English."""

SUBJECTS: Mapping[str, Pair] = {
    "city": ("市", "city"),
    "county": ("县（市、区）", "county"),
    "school": ("学校", "school"),
    "kindergarten": ("幼儿园", "kindergarten"),
    "vocational_school": ("职业学校", "vocational school"),
    "education_group": ("教育集团", "education group"),
    "training_institution": ("培训机构", "training institution"),
    "teacher": ("教师", "teacher"),
    "pupil": ("学生", "pupil"),
    "project": ("项目", "project"),
    "programme": ("专业", "programme"),
    "premises": ("场所", "premises"),
    "enterprise": ("企业", "enterprise"),
}

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_ORDINALS = ("first", "second", "third", "fourth")
_SINGULAR = {
    "children": "child",
    "classes": "class",
    "class hours": "class hour",
    "staff": "staff",
    "m²": "m²",
    "mu": "mu",
}
_UNCOUNTED = {"%", "", "yuan", "×10,000 yuan", "Mbit/s", "m", "km"}
_DECIMALS = 4
_LONG_DECIMAL = 10**8
_ABBREVIATED = 2


def sentence_zh(text: str) -> str:
    """The text with one full stop."""
    return text.strip().rstrip("。.") + "。"


def sentence_en(text: str) -> str:
    """The text with one full stop."""
    return text.strip().rstrip(".") + "."


def inside(text: str) -> str:
    """A label as it stands inside a sentence: small first letter, unless it is an abbreviation or a name."""
    return text[:1].lower() + text[1:] if text[1:_ABBREVIATED].islower() or text[1:2] == " " else text


def opening(text: str) -> str:
    """A label as it opens a sentence."""
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=8192)
def _sent(amount: float) -> Pair:
    """A number as it was sent, or as the nearest float of a derived one."""
    return _exact(exact(amount))


def number(amount: float | Fraction) -> Pair:
    """A number as text. One with many decimals, or without end, is cut behind four and marked."""
    return _exact(amount) if isinstance(amount, Fraction) else _sent(amount)


def _exact(amount: Fraction) -> Pair:
    if amount.denominator == 1:
        text = str(amount.numerator)
        return text, text
    if _LONG_DECIMAL % amount.denominator == 0:
        text = number_text(amount)
        return text, text
    cut = number_text(Fraction(round(amount * 10**_DECIMALS), 10**_DECIMALS))
    return f"约{cut}", f"about {cut}"


@lru_cache(maxsize=512)
def _unit(unit: str | None, singular: bool) -> Pair:
    """The unit behind a number."""
    if unit is None:
        return "", ""
    zh: list[str] = []
    en: list[str] = []
    for i, word in enumerate(unit.split("/")):
        chinese, english = TEXT_UNITS.get(word.strip(), (word, word))
        if (i > 0 or singular) and english not in _UNCOUNTED:
            english = _SINGULAR.get(english, english.removesuffix("s"))
        zh.append(chinese)
        en.append(english)
    return "/".join(part for part in zh if part), " per ".join(part for part in en if part)


def _with_unit(unit: str | None, amount: float | Fraction) -> Pair:
    zh, en = number(amount)
    unit_zh, unit_en = _unit(unit, amount in (1, -1))
    if not unit_en:
        return zh + unit_zh, en
    return zh + unit_zh, en + unit_en if unit_en[0] == "%" else f"{en} {unit_en}"


def distance(spec: FactSpec, gap: Fraction) -> Pair:
    """A distance to a limit; of shares in percentage points."""
    if spec.unit == "percent":
        zh, en = number(gap)
        return f"{zh}个百分点", f"{en} percentage point{'' if gap == 1 else 's'}"
    return _with_unit(spec.unit, gap)


def short(spec: FactSpec, given: object, *, gap: bool = False) -> str:
    """English only: a number beside a limit that has already named the unit."""
    if isinstance(given, bool) or not isinstance(given, int | float | Fraction):
        return value(spec, given)[1]
    if spec.unit == "percent":
        return distance(spec, Fraction(given))[1] if gap else _with_unit(spec.unit, given)[1]
    return number(given)[1]


def option(spec: FactSpec, id_: str) -> Pair:
    """An option of a category or grade, or an item of a checklist, by its label."""
    return next(((zh, en) for name, zh, en in spec.option_labels if name == id_), (id_, id_))


def value(spec: FactSpec, given: object) -> Pair:
    """A value of a fact with its unit."""
    match given:
        case bool():
            return ("是", "yes") if given else ("否", "no")
        case int() | float() | Fraction():
            return _with_unit(spec.unit, given)
        case date():
            return day(given)
        case Mapping():
            yes = [option(spec, str(item)) for item, ticked in given.items() if ticked]
            no = [option(spec, str(item)) for item, ticked in given.items() if not ticked]
            return _ticked(yes, no)
        case _:
            return option(spec, str(given))


def _ticked(yes: list[Pair], no: list[Pair]) -> Pair:
    zh: list[str] = []
    en: list[str] = []
    if yes:
        zh.append(f"有{'、'.join(p[0] for p in yes)}")
        en.append(f"has {', '.join(p[1] for p in yes)}")
    if no:
        zh.append(f"无{'、'.join(p[0] for p in no)}")
        en.append(f"lacks {', '.join(p[1] for p in no)}")
    return "，".join(zh), " but ".join(en)


def day(on: date) -> Pair:
    """A day: `2025年12月31日`, `31 December 2025`."""
    return f"{on.year}年{on.month}月{on.day}日", f"{on.day} {_MONTHS[on.month - 1]} {on.year}"


def pace(spec: FactSpec, found: Pace) -> Pair:
    """Where a value stands beside the straight line from the baseline: `；按…匀速推算，…应为98.9%，落后0.1个百分点`."""
    expected = value(spec, found.expected_today)
    zh, en = expected[0], short(spec, found.expected_today)
    start_zh, start_en = day(found.at)
    line_zh = f"；自{start_zh}的{value(spec, found.baseline)[0]}起匀速推进，当日应为{zh}"
    line_en = f"; on a straight line from {short(spec, found.baseline)} on {start_en} it would now be {en}"
    gap = abs(found.actual - found.expected_today)
    if gap == 0:
        return f"{line_zh}，进度相符", f"{line_en}, so it is on the line"
    words = ("超前", "ahead of it") if found.ahead else ("落后", "behind it")
    return f"{line_zh}，{words[0]}{distance(spec, gap)[0]}", f"{line_en}, {short(spec, gap, gap=True)} {words[1]}"


def period(kind: PeriodKind | None, key: str) -> Pair:
    """A period by its key: `2024—2025学年`, `in the school year 2024-2025`."""
    parts = key.split("-")
    year = parts[0]
    match kind.name if kind is not None else None:
        case "year":
            return f"{year}年", f"in {year}"
        case "year to 09-30":
            return f"{year}年（截至9月30日）", f"in the year to 30 September {year}"
        case "school_year":
            return f"{year}—{parts[1]}学年", f"in the school year {key}"
        case "term":
            ordinal = parts[2][1:]
            zh = "一" if ordinal == "1" else "二"
            return f"{year}—{parts[1]}学年第{zh}学期", f"in term {ordinal} of {year}-{parts[1]}"
        case "half_year":
            first = parts[1] == "H1"
            return f"{year}年{'上' if first else '下'}半年", f"in the {'first' if first else 'second'} half of {year}"
        case "quarter":
            nth = int(parts[1][1:]) - 1
            return f"{year}年第{'一二三四'[nth]}季度", f"in the {_ORDINALS[nth]} quarter of {year}"
        case "month":
            return f"{year}年{int(parts[1])}月", f"in {_MONTHS[int(parts[1]) - 1]} {year}"
        case "week":
            return f"{year}年第{int(parts[1][1:])}周", f"in week {int(parts[1][1:])} of {year}"
        case "fortnight":
            return (
                f"{year}年第{int(parts[1][1:])}周起的两周",
                f"in the fortnight from week {int(parts[1][1:])} of {year}",
            )
        case "cycle":
            return f"{year}—{parts[1]}年", f"in {year}-{parts[1]}"
        case _:
            return key, key
