"""Every numeral of a document, also those in words, and what became of it.

An auditor asks of each figure on the page: which rule holds it, and if none, why not? A numeral is accounted
for when the spans of rules and consequences cover it, when it lies in a part of a clause that has a reason for
giving no rule, or in a clause that has one. Offsets count code points of the decoded original; spans are half-open.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.check.ir import Clause, Due, Rule, Ruleset

__all__ = ["Kind", "Numeral", "PlacedNumeral", "numerals", "place_numerals"]

Kind = Literal["figure", "word", "mark", "fixed"]
"""`figure`: Arabic digits; `word`: Chinese numerals, and words that say all or none; `mark`: the number of a list
or section; `fixed`: part of a word or name that counts nothing (进一步, IPv6)."""

Span = tuple[int, int]

_D = "[0-9０-９]"
_C = "[零〇一二两三四五六七八九十百千万亿]"
_DASH = "(?:[—–－~～-]{1,2}|[至到])"
_PLAIN = rf"(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+(?![0-9])|{_D}+)(?:[.．·:]{_D}+)*"
_UNIT = "(?:个百分点|[%％‰]|[百千]?[万亿]|年底?|月|日)?"
_ARABIC = rf"{_PLAIN}{_UNIT}(?:{_DASH}{_PLAIN}{_UNIT})*(?:(?<=月){_D}+日|(?<=年){_D}+月(?:{_D}+日)?)*"
_CHINESE = rf"[百千万]分之{_C}+(?:点{_C}+)?|第?{_C}+(?:点{_C}+|分之{_C}+)?(?:[至到—～~]{_C}+)?半?"
# Words that say all or none: they set a limit as a figure does.
_WHOLE = "(?<![健齐])全部(?!门)|全员|全体|全覆盖|全面覆盖|所有|一律|清零|归零|翻番|半"
# Words in which a numeral counts nothing.
_FIXED = (
    "进一步|下一步|第一时间|一带一路|千方百计|一方面|一体化?|一般性?|一定|一些|一切|一样|一致|一直|一向|一贯|一起|一同|一并"
    "|一道|一旦|一经|一时|统一|唯一|同一|单一|专一|划一|逐一|万一|十分|百姓|百分(?!之)|千万(?=要|不)"
)
_TOKEN = re.compile(
    rf"(?P<letters>[A-Za-z]+{_D}+(?:\.{_D}+)*)|(?P<figure>{_ARABIC})|(?P<fixed>{_FIXED})"
    rf"|(?P<whole>{_WHOLE})|(?P<chinese>{_CHINESE})|(?P<circled>[①-⑳])"
)

_NEAR = 40
_BLANK = " \t\u00a0\u2002\u2003\u3000"
_BEFORE_MARK = re.compile(rf"(?:^|[\n\r。；;：:！!？?…])[{_BLANK}]*[（(\[]?$")
_NUMBER_OF_LIST = re.compile(r"(?:[0-9０-９]{1,3}|[一二三四五六七八九十百]{1,4})$")
_SECTION = re.compile(r"第[零一二三四五六七八九十百]+$")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A numeral in `text[start:end]`."""

    start: int
    end: int
    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class PlacedNumeral:
    """A numeral and what became of it.

    `rules`: the rules (also incorporated ones) and consequences whose spans hold it, by full id. `stated`: one of the
    rules prints it among its figures or takes it as a year. `reason`: why it gave no rule, where it gave none.
    """

    numeral: Numeral
    clause: str | None
    rules: tuple[str, ...]
    stated: bool
    reason: str | None
    note: str | None

    @property
    def counts(self) -> bool:
        """True for what an auditor must find again: no list mark, no part of a fixed word."""
        return self.numeral.kind in ("figure", "word")

    @property
    def lost(self) -> bool:
        """True when it counts and went nowhere."""
        return self.counts and not self.rules and self.reason is None


def numerals(text: str, start: int = 0, end: int | None = None, mark: str = "") -> Iterator[Numeral]:
    """The numerals of `text[start:end]` in order. `mark`: the number that the text is known to begin with."""
    end = len(text) if end is None else end
    at = start
    while (match := _TOKEN.search(text, at, end)) is not None:
        number = _list_number(text, start, match, mark)
        if number is not None:
            # The range or unit that seemed to follow belongs to the words behind the mark.
            at = match.start() + len(number)
            yield Numeral(match.start(), at, number, "mark")
            continue
        at = match.end()
        kind: Kind = "fixed" if match["fixed"] or match["letters"] else "figure" if match["figure"] else "word"
        yield Numeral(match.start(), at, match[0], "mark" if match["circled"] else kind)


def _list_number(text: str, start: int, match: re.Match[str], mark: str) -> str | None:
    """The number of a list or section at a token, or None for any other numeral."""
    found = re.match(rf"第?(?:{_D}+|{_C}+)", match[0])
    if found is None:
        return None
    number, behind = found[0], text[match.start() + len(found[0]) :][:2]
    before = text[max(start, match.start() - _NEAR) : match.start()]
    first = match.start() - len(before) == start and not before.strip(_BLANK + "（([")
    begins = first or _BEFORE_MARK.search(before) is not None
    if first and mark and _plain(number) == mark:
        return number
    if _SECTION.match(number):
        return number if begins and behind[:1] in tuple("章节条编") else None
    if not _NUMBER_OF_LIST.match(number):
        return None
    arabic = re.match(_D, number) is not None
    dotted = re.match(r"[.．][^0-9０-９A-Za-z]", behind) is not None
    listed = begins and (dotted or behind[:1] == "、")
    bracketed = begins and before[-1:] in ("(", "（") and behind[:1] in (")", "）")
    told = not arabic and behind[:1] == "是" and (begins or before[-1:] in (",", "，"))
    return number if bracketed or listed or told or (arabic and dotted) else None


def place_numerals(ruleset: Ruleset, text: str) -> list[PlacedNumeral]:
    """Every numeral of a document and what became of it, in the order of the document.

    `text` is the original that the ledger was made from (see `engine.citations.verify`).
    """
    places = [(citation, rule.id) for rule in ruleset.rules for citation in (rule.citation, *rule.also_at)]
    places += [(consequence.citation, consequence.id) for consequence in ruleset.consequences]
    places += [
        (citation, rule.id)
        for rule in ruleset.incorporated
        for citation in rule.also_at
        if citation.ruleset == ruleset.name
    ]
    cited: dict[str, list[tuple[Span, str]]] = {}
    for citation, id_ in places:
        if citation.span is not None:
            cited.setdefault(citation.path, []).append((citation.span, id_))
    rules = {rule.id: rule for rule in ruleset.running}
    found: list[PlacedNumeral] = []
    at = 0
    for clause in ruleset.clauses:
        if clause.span is None:
            continue
        found += _outside(text, at, clause.span[0])
        mark = re.split(r"[/·]", clause.path)[-1].strip("()（）[]")
        for numeral in numerals(text, *clause.span, mark):
            found.append(_placed(numeral, clause, cited.get(clause.path, ()), rules))
        at = max(at, clause.span[1])
    return [*found, *_outside(text, at, len(text))]


def _outside(text: str, start: int, end: int) -> Iterator[PlacedNumeral]:
    """The numerals between clauses: nobody accounts for them."""
    return (PlacedNumeral(n, None, (), False, None, None) for n in numerals(text, start, end))


def _placed(
    numeral: Numeral, clause: Clause, cited: Iterable[tuple[Span, str]], rules: Mapping[str, Rule]
) -> PlacedNumeral:
    here = (numeral.start, numeral.end)
    near = [(span, id_) for span, id_ in cited if span[0] < here[1] and here[0] < span[1]]
    ids = tuple(dict.fromkeys(id_ for _, id_ in near))
    if ids and _covered(here, [span for span, _ in near]):
        stated = any(_states(rules[id_], numeral.text) for id_ in ids if id_ in rules)
        return PlacedNumeral(numeral, clause.path, ids, stated, None, None)
    for part in clause.without_rule:
        if part.span[0] < here[1] and here[0] < part.span[1]:
            spans = [part.span, *(span for span, _ in near), *(other.span for other in clause.without_rule)]
            if _covered(here, spans):
                return PlacedNumeral(numeral, clause.path, ids, False, part.reason, part.note)
    reason = clause.reason
    return PlacedNumeral(numeral, clause.path, (), False, reason, clause.note if reason else None)


def _covered(here: Span, spans: Iterable[Span]) -> bool:
    """True when the spans together hold every code point."""
    return all(any(a <= at < b for a, b in spans) for at in range(*here))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _states(rule: Rule, text: str) -> bool:
    """Whether a rule prints a numeral among its figures, or takes it as the year of one of its days."""
    numeral = _plain(text)
    if any(numeral in _plain(figure) or _plain(figure) in numeral for figure in rule.figures):
        return True
    years = set(re.findall(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])", numeral))
    return bool(years) and years <= _years(rule)


def _years(rule: Rule) -> set[str]:
    due = rule.due or Due()
    days = [rule.starts, rule.until, due.on, due.earliest, due.latest, *(day for _, day in due.table)]
    years = {str(day.year) for day in days if day is not None}
    if rule.window is not None and rule.period is not None:
        years |= {year for i in rule.window for year in re.findall("[0-9]{4}", rule.period.key(i))}
    return years
