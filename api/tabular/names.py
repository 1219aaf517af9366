"""Words of headings → what their columns hold.

A heading is a fact by its name, an alias or its label, also with the fact's unit in brackets; `fact@2025` and
`fact(2025)` give one period of it, `fact.item` ticks one item of a checklist. Others say what a record is about. What
several facts of one subject could be is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.tabular.cells import ascii_width, unit_words
from engine.check.ir import FactSpec
from engine.nearest import did_you_mean
from engine.periods import BadPeriod

__all__ = ["PLACES", "BadHeadings", "Column", "Names", "Unclear", "folded"]

PLACES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "编号", "标识", "标识码", "学校标识码", "学校代码", "机构代码", "机构标识码"),
    "name": ("学校名称", "单位名称", "机构名称", "园所名称", "幼儿园名称", "学校", "园名", "校名", "名称"),
    "division": ("division", "行政区划代码", "区划代码", "行政区划"),
    "subject": ("subject", "评估对象", "对象"),
    "parent": ("parent", "上级编号", "所属编号"),
}
"""Columns that say what a record is about. `name` is for people; it is the id where there is no column of ids."""
_NO_FACTS = ("序号", "备注", "no.", "remarks")
"""Columns that every table has and that never hold facts."""
_GROUPS_OF_PLACES = frozenset({"学校", "单位", "机构", "园所", "基本信息", "基本情况"})
_QUALIFIERS = re.compile(
    "小学|初中|高中|幼儿|学前|中职|职业|公办|民办|城区|城市|城镇|农村|乡村|乡镇|男|女|上年|去年|今年|本年|计划|目标|[0-9]{4}"
)
"""Words that change what the head below them means."""

_WITH_PERIOD = re.compile(r"(?P<base>.+?)\s*(?:@\s*(?P<at>[^@()]+)|\((?P<inside>[^()]+)\))")
_WITH_UNIT = re.compile(r"(?P<base>.+?)\s*(?:\(\s*(?:单位[::]\s*)?(?P<inside>[^()]+?)\s*\)|/(?P<after>[^/()]+))")
_CJK = "[\u3000-\u303f\u3400-\u9fff()·]"
_GAP = re.compile(rf"(?<={_CJK})\s+|\s+(?={_CJK})")
_SPAN = re.compile(r"([0-9]{4})年?[-—–－~～至]([0-9]{4})(?:学年度?|年度?)?")
_PART_OF_YEAR = re.compile(
    r"([0-9]{4})年(?:(?P<half>[上下])半年|第?(?P<quarter>[一二三四1-4])季度|(?P<month>[0-9]{1,2})月)"
)


class BadHeadings(Exception):
    """The headings cannot be used; each of `problems` is a sentence."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Unclear(Exception):
    """A heading that may mean several things; `args[0]` says which."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one column holds. `heading` is as printed; exactly one of `place` and `facts` is set.

    `facts`: per subject the fact that the heading means there. `key` is a period or a checklist's item.
    """

    heading: str
    place: str | None = None
    facts: Mapping[str, FactSpec] | None = None
    key: str | None = None
    item: bool = False

    def fact(self, subject: str) -> FactSpec:
        """The fact for a record's subject; a fact of another subject where it has none of its own."""
        assert self.facts is not None
        return self.facts.get(subject) or next(iter(self.facts.values()))

    @property
    def specs(self) -> list[FactSpec]:
        """Every fact that the column may hold."""
        return list({spec.name: spec for spec in (self.facts or {}).values()}.values())

    @property
    def meaning(self) -> tuple[object, ...]:
        """Equal for columns that hold the same."""
        return (self.place, frozenset(spec.name for spec in self.specs), self.key)


def folded(text: str) -> str:
    """A heading without what does not matter: width and case of letters, blanks and line ends."""
    return _GAP.sub("", " ".join(ascii_width(text.removeprefix("\ufeff")).casefold().split()))


def _period_key(text: str) -> str:
    """A period as its key: `2024—2025学年` is `2024-2025`, `2025年上半年` is `2025-H1`. Other text stays."""
    if match := _SPAN.fullmatch(text):
        return f"{match[1]}-{match[2]}"
    if match := _PART_OF_YEAR.fullmatch(text):
        if match["half"]:
            return f"{match[1]}-H{'上下'.index(match['half']) + 1}"
        if match["quarter"]:
            return f"{match[1]}-Q{'一二三四1234'.index(match['quarter']) % 4 + 1}"
        return f"{match[1]}-{int(match['month']):02}"
    return text.removesuffix("度").removesuffix("年").upper()


class Names:
    """Everything that a heading may say. Facts of the wanted subject stand first in `facts`."""

    def __init__(self, facts: Iterable[FactSpec], ignored: Iterable[str] = ()) -> None:
        self._skipped = {folded(text) for text in (*ignored, *_NO_FACTS)}
        self._places = {folded(word): place for place, words in PLACES.items() for word in words}
        self._facts: dict[str, dict[str, FactSpec]] = {}
        self._unclear: dict[str, set[str]] = {}
        specs = list(facts)
        for spec in specs:
            for word in (spec.name, *spec.aliases, *spec.label.values()):
                by_subject = self._facts.setdefault(folded(word), {})
                for subject in spec.subjects:
                    other = by_subject.setdefault(subject, spec)
                    if other is not spec:
                        self._unclear.setdefault(folded(word), set()).update((other.name, spec.name))
        # A name is a name, whatever other facts use it as a label.
        for spec in specs:
            self._facts[folded(spec.name)] = dict.fromkeys(spec.subjects, spec)
            self._unclear.pop(folded(spec.name), None)
        self.known = [*self._facts, *self._places]

    def skips(self, text: str) -> bool:
        """True for a heading without facts: empty, of the usual kinds, or one that the caller ignores."""
        return not folded(text) or folded(text) in self._skipped

    def hint(self, text: str) -> str | None:
        """A did-you-mean for a heading that says nothing known."""
        return did_you_mean(folded(text), self.known)

    def column(self, heading: str) -> Column | None:
        """The column of a heading, or None when it says nothing known. Raises Unclear."""
        plain = folded(heading)
        shown = heading.removeprefix("\ufeff").strip()
        if plain in self._places:
            return Column(shown, place=self._places[plain])
        return self._of_fact(shown, plain) or self._of_period(shown, plain) or self._of_item(shown, plain)

    def merged(self, parts: Sequence[str]) -> Column | None:
        """The column below merged heads, from the top down: 小学 over 最大班额. None, or Unclear raised, as above.

        Upper heads that are no part of the name are passed over only where they cannot change its meaning.
        """
        texts = [text for text in parts if folded(text)]
        for first in range(len(texts)):
            found = {c.meaning: c for c in self._together(texts[first:])}
            if len(found) > 1:
                listed = " or ".join(sorted({f"`{spec.name}`" for c in found.values() for spec in c.specs}))
                raise Unclear(f"may mean {listed}")
            for column in found.values():
                if all(self._neutral(group, column) for group in texts[:first]):
                    return column
        return None

    def _together(self, texts: Sequence[str]) -> list[Column]:
        shown = "/".join(text.strip() for text in texts)
        *groups, last = texts
        words = ["".join(texts)]
        if groups:
            over = "".join(groups)
            words += [f"{last}({over})", f"{over}({last})", f"{over}.{last}", f"{last}@{over}", f"{over}@{last}"]
        if len(texts) == 3:
            # A period above or below a head of two parts.
            a, b, c = texts
            words += [f"{b}{c}@{a}", f"{a}{b}@{c}", f"{a}{c}@{b}"]
        found = [self.column(word) for word in words]
        return [Column(shown, c.place, c.facts, c.key, c.item) for c in found if c is not None]

    def _neutral(self, group: str, column: Column) -> bool:
        """True when a head above a name leaves its meaning as it is: the name says it too, or no fact speaks of it."""
        word = folded(group)
        if column.place is not None:
            return word in _GROUPS_OF_PLACES or not any(word in known for known in self.known)
        own = [folded(w) for spec in column.specs for w in (*spec.aliases, *spec.label.values())]
        if any(not any(qualifier in w for w in own) for qualifier in _QUALIFIERS.findall(word)):
            return False
        return any(word in w for w in own) or not any(word in known for known in self._facts)

    def _of_fact(self, shown: str, plain: str) -> Column | None:
        facts = self._named(plain)
        if facts is not None:
            return Column(shown, facts=facts)
        match = _WITH_UNIT.fullmatch(plain)
        facts = self._named(match["base"].strip()) if match else None
        if match is None or facts is None:
            return None
        unit = match["inside"] or match["after"]
        fits = all(unit == "%" if spec.unit == "percent" else unit in unit_words(spec.unit) for spec in facts.values())
        return Column(shown, facts=facts) if fits else None

    def _named(self, plain: str) -> Mapping[str, FactSpec] | None:
        if plain in self._unclear:
            listed = " or ".join(f"`{name}`" for name in sorted(self._unclear[plain]))
            raise Unclear(f"may mean {listed}: write the name of the fact")
        return self._facts.get(plain)

    def _of_period(self, shown: str, plain: str) -> Column | None:
        match = _WITH_PERIOD.fullmatch(plain)
        facts = self._named(match["base"].strip()) if match else None
        if match is None or facts is None:
            return None
        key = _period_key((match["at"] or match["inside"]).strip())
        for spec in facts.values():
            if spec.period is not None:
                try:
                    spec.period.parse(key)
                except BadPeriod:
                    return None
                return Column(shown, facts=facts, key=key)
        return None

    def _of_item(self, shown: str, plain: str) -> Column | None:
        base, dot, item = plain.rpartition(".")
        facts = self._named(base.strip()) if dot else None
        for spec in (facts or {}).values():
            if spec.type_name == "checklist":
                for id_, zh, en in spec.option_labels:
                    if item.strip() in (id_, folded(zh), folded(en)):
                        return Column(shown, facts=facts, key=id_, item=True)
        return None
