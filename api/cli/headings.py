"""Headings of a spreadsheet → what their columns hold.

A heading is a fact by its name, an alias or its label; `fact@2025` and `fact(2025)` give one period of
it, `fact.item` ticks one item of a checklist. `id`, `division` and `subject` say what a row is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.cli.cells import ascii_width
from engine.check.ir import FactSpec
from engine.diagnostics import did_you_mean
from engine.periods import BadPeriod

__all__ = ["BadHeadings", "Column", "read_headings"]

_PLACES = {
    "id": ("id", "编号", "标识", "标识码"),
    "division": ("division", "行政区划代码", "区划代码", "行政区划"),
    "subject": ("subject", "评估对象", "对象"),
}
_WITH_PERIOD = re.compile(r"(?P<base>.+?)\s*(?:@\s*(?P<at>[^@()]+)|\((?P<inside>[^()]+)\))")


class BadHeadings(Exception):
    """The first row cannot be read as headings; each of `problems` is a sentence."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


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
        """The fact for a row's subject; a fact of another subject where it has none of its own."""
        assert self.facts is not None
        return self.facts.get(subject) or next(iter(self.facts.values()))


def read_headings(row: Sequence[str], facts: Iterable[FactSpec], ignored: Iterable[str] = ()) -> list[Column | None]:
    """One column per heading; None for an empty heading and those to ignore. Raises BadHeadings.

    `ignored` are headings that the caller knows to hold no facts.
    """
    names = _Names(facts)
    skipped = {_folded(text) for text in ignored}
    found: list[Column | None] = []
    problems: list[str] = []
    seen: dict[tuple[object, ...], str] = {}
    for heading in row:
        folded = _folded(heading)
        column = None if not folded or folded in skipped else names.column(heading)
        found.append(column)
        if column is None:
            if folded and folded not in skipped:
                help_ = did_you_mean(folded, names.known)
                problems.append(f"unknown heading `{heading.strip()[:60]}`" + (f": {help_}" if help_ else ""))
            continue
        fact = next(iter(column.facts.values())).name if column.facts else None
        first = seen.setdefault((column.place, fact, column.key), heading)
        if first is not heading:
            problems.append(f"the headings `{first.strip()[:60]}` and `{heading.strip()[:60]}` mean the same")
    if problems:
        raise BadHeadings(problems)
    if all(column is None for column in found):
        raise BadHeadings(["the first row has no headings"])
    return found


def _folded(text: str) -> str:
    return " ".join(ascii_width(text.removeprefix("\ufeff")).casefold().split())


class _Names:
    """Everything that a heading may say."""

    def __init__(self, facts: Iterable[FactSpec]) -> None:
        self._places = {_folded(word): place for place, words in _PLACES.items() for word in words}
        self._facts: dict[str, dict[str, FactSpec]] = {}
        for spec in facts:
            for word in (spec.name, *spec.aliases, *spec.label.values()):
                by_subject = self._facts.setdefault(_folded(word), {})
                for subject in spec.subjects:
                    by_subject.setdefault(subject, spec)
        # A name is a name, whatever other facts use it as a label.
        for spec in facts:
            self._facts[_folded(spec.name)] = dict.fromkeys(spec.subjects, spec)
        self.known = [*self._facts, *self._places]

    def column(self, heading: str) -> Column | None:
        """The column of a heading, or None when it says nothing known."""
        folded = _folded(heading)
        shown = heading.removeprefix("\ufeff").strip()
        if folded in self._places:
            return Column(shown, place=self._places[folded])
        if folded in self._facts:
            return Column(shown, facts=self._facts[folded])
        return self._of_period(shown, folded) or self._of_item(shown, folded)

    def _of_period(self, shown: str, folded: str) -> Column | None:
        match = _WITH_PERIOD.fullmatch(folded)
        facts = self._facts.get(match["base"].strip()) if match else None
        if match is None or facts is None:
            return None
        key = (match["at"] or match["inside"]).strip().removesuffix("年").upper()
        for spec in facts.values():
            if spec.period is not None:
                try:
                    spec.period.parse(key)
                except BadPeriod:
                    return None
                return Column(shown, facts=facts, key=key)
        return None

    def _of_item(self, shown: str, folded: str) -> Column | None:
        base, dot, item = folded.rpartition(".")
        facts = self._facts.get(base.strip()) if dot else None
        for spec in (facts or {}).values():
            if spec.type_name == "checklist":
                for id_, zh, en in spec.option_labels:
                    if item.strip() in (id_, _folded(zh), _folded(en)):
                        return Column(shown, facts=facts, key=id_, item=True)
        return None
