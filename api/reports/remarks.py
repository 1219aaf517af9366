"""What was noticed while reading → sentences for whoever reads the results, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from api.tabular.records import Notice

__all__ = ["Noticed", "Remark", "not_given"]

Remark = tuple[str, str]
_SHOWN = 8
_FACTS_SHOWN = 12
_WORDS: dict[str, Remark] = {
    "sum": ("第{places}行为合计行，未作为记录", "left out as sums of others: row {places}"),
    "note": ("第{places}行为注释，未作为记录", "left out as notes: row {places}"),
    "short-row": (
        "第{places}行的单元格少于表头，所缺按空白计",
        "fewer cells than headings, the rest read as empty: row {places}",
    ),
    "hidden-row": ("第{places}行是隐藏行，仍已读取", "read although hidden: row {places}"),
    "hidden-column": ("{places}列是隐藏列，仍已读取", "read although hidden: column {places}"),
    "unread-column": ("{places}列没有表头，未读取", "not read, for want of a heading: column {places}"),
}


class Noticed:
    """Collects notices over blocks: of each kind the first few places and how many there are."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}
        self._numbers: dict[str, int] = {}
        self._percents: dict[str, set[str]] = {}

    def add(self, notices: Iterable[Notice]) -> None:
        """Add those of a block."""
        for notice in notices:
            if notice.kind.startswith("percent-"):
                self._percents.setdefault(notice.place, set()).add(notice.kind)
                continue
            places = self._places.setdefault(notice.kind, [])
            if notice.place in places:
                continue
            self._numbers[notice.kind] = self._numbers.get(notice.kind, 0) + 1
            if len(places) < _SHOWN:
                places.append(notice.place)

    def remarks(self) -> list[Remark]:
        """The sentences."""
        found = []
        for kind, (zh, en) in _WORDS.items():
            if kind in self._places:
                places, more = self._places[kind], self._numbers[kind] - len(self._places[kind])
                found.append(
                    (
                        zh.format(places="、".join(places) + (f"等{self._numbers[kind]:,}" if more else "")),
                        en.format(places=", ".join(places) + (f" and {more:,} more" if more else "")),
                    )
                )
        found += [remark for heading, seen in self._percents.items() if (remark := _of_percents(heading, seen))]
        return found


def _of_percents(heading: str, seen: set[str]) -> Remark | None:
    """Percentages run from 0 to 100: a column of fractions was probably meant otherwise."""
    if "percent-small" not in seen:
        return None
    if "percent-signed" in seen:
        return (
            f"“{heading}”列有的带百分号，有的是不大于1的数；后者按百分数计，0.45即0.45%",
            f"column `{heading}` has percent signs, and numbers of at most 1 without: 0.45 counts as 0.45 %",
        )
    if "percent-large" not in seen:
        return (
            f"“{heading}”列各数均不大于1；此列按百分数计，0.45即0.45%，如应为45%，请改正",
            f"every number of column `{heading}` is at most 1: percentages run to 100, and 0.45 counts as 0.45 %",
        )
    return None


def not_given(names: Sequence[tuple[str, str]]) -> list[Remark]:
    """That no record gave some facts (name and Chinese label) which rules read."""
    if not names:
        return []
    more = len(names) - _FACTS_SHOWN
    zh = "、".join(label for _, label in names[:_FACTS_SHOWN]) + (f"等{len(names):,}项" if more > 0 else "")
    en = ", ".join(name for name, _ in names[:_FACTS_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
    return [(f"没有任何记录给出以下事实：{zh}", f"no record gave {en}")]
