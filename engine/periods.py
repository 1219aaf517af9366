"""Calendar periods: which period a key names, when it begins and ends.

A period of a kind is a whole number (its index); consecutive periods have consecutive indexes.
Only a cycle without an anchor is different: its index is its first year, and it has no
"last finished" one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["FIRST_YEAR", "LAST_YEAR", "BadPeriod", "PeriodKind", "parse_day", "parse_kind"]

_WEEK_ZERO = date(2001, 1, 1)  # a Monday; fortnights are pairs of ISO weeks counted from here
_TERM_STARTS = ((9, 1), (2, 1))  # autumn term September to January, spring term February to August

_NAMES = ("year", "year to 09-30", "school_year", "half_year", "quarter", "term", "month", "fortnight", "week")
_EXAMPLES = {
    "year": "2025",
    "year to 09-30": "2025",
    "school_year": "2024-2025",
    "half_year": "2025-H1",
    "quarter": "2025-Q3",
    "term": "2024-2025-T1",
    "month": "2025-09",
    "fortnight": "2025-W35",
    "week": "2025-W36",
    "cycle": "2021-2025",
}
_KEYS = {
    "year": re.compile(r"([0-9]{4})"),
    "year to 09-30": re.compile(r"([0-9]{4})"),
    "school_year": re.compile(r"([0-9]{4})-([0-9]{4})"),
    "half_year": re.compile(r"([0-9]{4})-H([12])"),
    "quarter": re.compile(r"([0-9]{4})-Q([1-4])"),
    "term": re.compile(r"([0-9]{4})-([0-9]{4})-T([12])"),
    "month": re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])"),
    "fortnight": re.compile(r"([0-9]{4})-W([0-9]{2})"),
    "week": re.compile(r"([0-9]{4})-W([0-9]{2})"),
    "cycle": re.compile(r"([0-9]{4})-([0-9]{4})"),
}
_PARTS = {"half_year": 2, "quarter": 4, "month": 12}
FIRST_YEAR, LAST_YEAR = 1900, 2200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BadPeriod(ValueError):
    """A key that does not name a period of the kind; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class PeriodKind:
    """A kind of period: `year`, `school_year`, …, or `cycle` of `years` from `anchor` on."""

    name: str
    years: int = 1
    anchor: int | None = None

    def __str__(self) -> str:
        if self.name != "cycle":
            return self.name
        return f"cycle of {self.years} years" + (f" from {self.anchor}" if self.anchor else "")

    @property
    def keyed_only(self) -> bool:
        """True when a plain value cannot be placed: a cycle without a printed anchor."""
        return self.name == "cycle" and self.anchor is None

    def parse(self, key: str) -> int:
        """The index of the period that a key names. Raises BadPeriod."""
        match = _KEYS[self.name].fullmatch(key)
        problem = f"expected a {self} like `{_EXAMPLES[self.name]}`, found `{key[:60]}`"
        if match is None:
            raise BadPeriod(problem)
        numbers = [int(g) for g in match.groups()]
        if not FIRST_YEAR <= numbers[0] <= LAST_YEAR:
            raise BadPeriod(f"{problem}: years run from {FIRST_YEAR} to {LAST_YEAR}")
        year = numbers[0]
        match self.name:
            case "year" | "year to 09-30":
                return year
            case "school_year" | "term" if numbers[1] != year + 1:
                raise BadPeriod(f"{problem}: a school year ends in the year after it began")
            case "school_year":
                return year
            case "term":
                return 2 * year + numbers[2] - 1
            case "half_year" | "quarter" | "month":
                return _PARTS[self.name] * year + numbers[1] - 1
            case "week" | "fortnight":
                return self._parse_week(year, numbers[1], problem)
            case _:
                return self._parse_cycle(year, numbers[1], problem)

    def _parse_week(self, year: int, week: int, problem: str) -> int:
        try:
            monday = date.fromisocalendar(year, week, 1)
        except ValueError:
            raise BadPeriod(f"{problem}: {year} has no week {week}") from None
        index = (monday - _WEEK_ZERO).days // 7
        if self.name == "week":
            return index
        if index % 2:
            first, number, _ = (monday - timedelta(days=7)).isocalendar()
            raise BadPeriod(f"{problem}: that fortnight is named by its first week, `{first}-W{number:02}`")
        return index // 2

    def _parse_cycle(self, first: int, last: int, problem: str) -> int:
        if last - first + 1 != self.years:
            raise BadPeriod(f"{problem}: it must span {self.years} years")
        if self.anchor is None:
            return first
        if (first - self.anchor) % self.years:
            near = first - (first - self.anchor) % self.years
            raise BadPeriod(f"{problem}: cycles run like `{near}-{near + self.years - 1}`")
        return (first - self.anchor) // self.years

    def key(self, index: int) -> str:
        """The key of a period: the inverse of `parse`."""
        match self.name:
            case "year" | "year to 09-30":
                return str(index)
            case "school_year":
                return f"{index}-{index + 1}"
            case "half_year":
                return f"{index // 2}-H{index % 2 + 1}"
            case "quarter":
                return f"{index // 4}-Q{index % 4 + 1}"
            case "month":
                return f"{index // 12}-{index % 12 + 1:02}"
            case "term":
                return f"{index // 2}-{index // 2 + 1}-T{index % 2 + 1}"
            case "week" | "fortnight":
                year, week, _ = self.start(index).isocalendar()
                return f"{year}-W{week:02}"
            case _:
                first = self._first_year(index)
                return f"{first}-{first + self.years - 1}"

    def _first_year(self, index: int) -> int:
        return index if self.anchor is None else self.anchor + index * self.years

    def start(self, index: int) -> date:
        """The first day of a period."""
        match self.name:
            case "year":
                return date(index, 1, 1)
            case "year to 09-30":
                return date(index - 1, 10, 1)
            case "school_year":
                return date(index, 9, 1)
            case "half_year" | "quarter" | "month":
                parts = _PARTS[self.name]
                return date(index // parts, index % parts * (12 // parts) + 1, 1)
            case "term":
                month, day = _TERM_STARTS[index % 2]
                return date(index // 2 + index % 2, month, day)
            case "week":
                return _WEEK_ZERO + timedelta(weeks=index)
            case "fortnight":
                return _WEEK_ZERO + timedelta(weeks=2 * index)
            case _:
                return date(self._first_year(index), 1, 1)

    def end(self, index: int) -> date:
        """The last day of a period."""
        if self.keyed_only:
            return date(index + self.years - 1, 12, 31)
        return self.start(index + 1) - timedelta(days=1)

    def containing(self, day: date) -> int | None:
        """The period that contains a day; None for a cycle without an anchor."""
        match self.name:
            case "year":
                return day.year
            case "year to 09-30":
                return day.year + (day.month >= 10)
            case "school_year":
                return day.year - (day.month < 9)
            case "half_year" | "quarter" | "month":
                parts = _PARTS[self.name]
                return day.year * parts + (day.month - 1) // (12 // parts)
            case "term":
                if day.month >= 9:
                    return 2 * day.year
                return 2 * (day.year - 1) + (day.month >= 2)
            case "week":
                return (day - _WEEK_ZERO).days // 7
            case "fortnight":
                return (day - _WEEK_ZERO).days // 14
            case _:
                return None if self.anchor is None else (day.year - self.anchor) // self.years

    def last_finished(self, as_of: date) -> int | None:
        """The newest period whose last day lies before `as_of`; None for a cycle without an anchor."""
        current = self.containing(as_of)
        return None if current is None else current - 1

    def finished(self, index: int, as_of: date) -> bool:
        """True when `as_of` is after the period's last day."""
        return as_of > self.end(index)

    def begun(self, index: int, as_of: date) -> bool:
        """True when the period has begun by `as_of`."""
        return self.start(index) <= as_of

    def covers(self, index: int, day: date) -> bool:
        """True when a day lies in the period."""
        return self.start(index) <= day <= self.end(index)


def parse_day(text: str) -> date | None:
    """The day that `2025-12-31` names, or None; weeks and other digits, which `fromisoformat` takes, are no days."""
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_kind(name: str, years: int | None = None, anchor: int | None = None) -> PeriodKind | None:
    """A kind by its name in the dictionary, or None when there is none."""
    if name == "cycle" and years is not None and 2 <= years <= 50:
        return PeriodKind("cycle", years, anchor)
    return PeriodKind(name) if name in _NAMES else None
