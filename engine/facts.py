"""Facts as they are sent → checked facts.

A wrong fact is a `FactProblem` with the keys that lead to it; all problems of a record are found at
once. A null is a missing fact. Numbers stay as sent (`int` or `float`); a float that is whole counts
as an integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from engine.check.ir import FactSpec
from engine.nearest import did_you_mean
from engine.periods import FIRST_YEAR, LAST_YEAR, BadPeriod, parse_day
from engine.values import FactScalar

__all__ = [
    "MAX_PERIODS",
    "MAX_PROBLEMS",
    "FactProblem",
    "FactReader",
    "Facts",
    "Member",
    "ProblemKind",
    "called_otherwise",
]

MAX_PERIODS = 400
"""Most periods of one fact in one record."""
MAX_PROBLEMS = 50
"""Most mistakes that are told of one record: a million wrong names are not answered with a million sentences."""
_LONGEST_NAME = 200

ProblemKind = Literal["unknown-fact", "wrong-type", "out-of-bounds", "unknown-option", "bad-period", "bad-date"]


@dataclass(frozen=True, slots=True)
class FactProblem:
    """What is wrong with a fact. `keys` lead to it inside `facts`."""

    kind: ProblemKind
    keys: tuple[str, ...]
    detail: str
    help: str | None = None


FactValue = FactScalar | Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Facts:
    """Checked facts of one record.

    `plain`: one value each (of a periodic fact: about the last finished period). `keyed`: values of
    periodic facts by period index. `ignored`: dictionary facts of another subject. `members`: the direct
    members that were sent. `refused`: how many of each kind were sent and could not be read, so that they are
    known to exist and nothing else is known of them.
    """

    plain: Mapping[str, FactValue] = field(default_factory=dict)
    keyed: Mapping[str, Mapping[int, FactValue]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)

    def with_members(self, members: tuple[Member, ...], refused: Mapping[str, int] | None = None) -> Facts:
        """The same facts with other members."""
        return replace(self, members=members, refused=refused or {})


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a record, with its own facts and members: a tree.

    `id` is the only one of its kind in the tree. `path`: its division and all above, nearest first; None is
    that of its container.
    """

    subject: str
    id: str
    facts: Facts
    path: tuple[str, ...] | None = None


class FactReader:
    """Reads the facts of one subject. Built once for a dictionary and subject."""

    def __init__(self, facts: Mapping[str, FactSpec], subject: str) -> None:
        self._all = facts
        self._subject = subject
        self._own = {name: spec for name, spec in facts.items() if subject in spec.subjects}
        self._limits = {
            name: (float(spec.bounds[0]), float(spec.bounds[1]))
            for name, spec in self._own.items()
            if spec.bounds is not None
        }

    def read(self, raw: Mapping[str, object]) -> tuple[Facts, list[FactProblem]]:
        """Checked facts and every problem; facts with problems are left out.

        Behind `MAX_PROBLEMS` of them nothing more is looked at, which is then the last of them.
        """
        plain: dict[str, FactValue] = {}
        keyed: dict[str, dict[int, FactValue]] = {}
        ignored: list[str] = []
        problems: list[FactProblem] = []
        for name, value in raw.items():
            if len(problems) > MAX_PROBLEMS:
                break
            spec = self._own.get(name)
            if spec is None:
                if name in self._all:
                    ignored.append(name)
                else:
                    help_ = self._meant(name)
                    # A name of any length is not sent back: the place is then that of all facts.
                    keys = (name,) if len(name) <= _LONGEST_NAME else ()
                    problems.append(FactProblem("unknown-fact", keys, f"unknown fact `{_short(name)}`", help_))
            elif value is None:
                continue
            elif spec.period is not None and isinstance(value, Mapping) and not _names_items(spec, value):
                keyed[name] = self._periods(spec, value, problems)
            elif spec.period is not None and spec.period.keyed_only:
                detail = f"a plain value of `{name}` cannot be placed: give it by period"
                problems.append(FactProblem("bad-period", (name,), detail, f"key it like `{_example(spec)}`"))
            else:
                checked = self._value(spec, value, (name,), problems)
                if checked is not None:
                    plain[name] = checked
        if len(problems) > MAX_PROBLEMS:
            detail = f"there are more mistakes than the {MAX_PROBLEMS} that are told: mend these first"
            problems[MAX_PROBLEMS:] = [FactProblem(problems[MAX_PROBLEMS].kind, (), detail)]
        return Facts(plain, keyed, tuple(ignored)), problems

    def _meant(self, name: str) -> str | None:
        if not name.isascii():
            named = called_otherwise(name, self._own.values()) or called_otherwise(name, self._all.values())
            if named is not None:
                return named
        return did_you_mean(name, self._own) or did_you_mean(name, self._all)

    def _periods(
        self, spec: FactSpec, values: Mapping[str, object], problems: list[FactProblem]
    ) -> dict[int, FactValue]:
        assert spec.period is not None
        found: dict[int, FactValue] = {}
        if len(values) > MAX_PERIODS:
            detail = f"expected at most {MAX_PERIODS} periods, found {len(values)}"
            problems.append(FactProblem("bad-period", (spec.name,), detail))
            return found
        for key, value in values.items():
            if len(problems) > MAX_PROBLEMS:
                break
            try:
                index = spec.period.parse(key)
            except BadPeriod as error:
                at = (key,) if len(key) <= _LONGEST_NAME else ()
                problems.append(FactProblem("bad-period", (spec.name, *at), str(error)))
                continue
            if value is not None:
                checked = self._value(spec, value, (spec.name, key), problems)
                if checked is not None:
                    found[index] = checked
        return found

    def _value(
        self, spec: FactSpec, value: object, keys: tuple[str, ...], problems: list[FactProblem]
    ) -> FactValue | None:
        """The checked value, or None with the problem added."""
        match spec.type_name:
            case "integer" | "number" | "percent":
                return self._number(spec, value, keys, problems)
            case "boolean":
                if isinstance(value, bool):
                    return value
                _wrong("true or false", value, keys, problems)
                return None
            case "date":
                return _date(value, keys, problems)
            case "category" | "grade":
                if not isinstance(value, str):
                    _wrong("text", value, keys, problems)
                    return None
                if value in spec.options:
                    return value
                _unknown_option(spec, value, keys, problems)
                return None
            case _:
                return _checklist(spec, value, keys, problems)

    def _number(
        self, spec: FactSpec, value: object, keys: tuple[str, ...], problems: list[FactProblem]
    ) -> int | float | None:
        expected = "a whole number" if spec.type_name == "integer" else "a number"
        if isinstance(value, bool) or not isinstance(value, int | float):
            _wrong(expected, value, keys, problems)
            return None
        if not abs(value) <= 10**15:  # also NaN
            problems.append(FactProblem("out-of-bounds", keys, f"expected {expected}, found {_shown(value)}"))
            return None
        if isinstance(value, float):
            # As columns tell it: there 10.0 and 10 are one number.
            if value.is_integer():
                value = int(value)
            elif spec.type_name == "integer":
                _wrong(expected, value, keys, problems)
                return None
        low, high = self._limits[spec.name]
        if not low <= value <= high:
            detail = f"expected {expected} from {_shown(low)} to {_shown(high)}, found {_shown(value)}"
            problems.append(FactProblem("out-of-bounds", keys, detail))
            return None
        return value


def called_otherwise(word: str, specs: Iterable[FactSpec]) -> str | None:
    """A help sentence for a heading of spreadsheets that was sent as the name of a fact; None where it is none."""
    for spec in specs:
        if word in spec.aliases or word in spec.label.values():
            return f"the fact is named `{spec.name}`; `{_short(word)}` is its heading in spreadsheets"
    return None


def _names_items(spec: FactSpec, value: Mapping[str, object]) -> bool:
    """True for a checklist of the last finished period: its keys are items, where others are periods."""
    return spec.type_name == "checklist" and any(key in spec.options for key in value)


def _example(spec: FactSpec) -> str:
    assert spec.period is not None
    return spec.period.key(2021)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


def _shown(value: float) -> str:
    if abs(value) < 1e16 and float(value).is_integer():
        return str(int(value))
    return _short(str(value))


def _kind(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return _shown(value)
        case str():
            return f"the text `{_short(value)}`"
        case Mapping():
            return "an object"
        case _:
            return "a list" if isinstance(value, Iterable) else "something else"


def _wrong(expected: str, value: object, keys: tuple[str, ...], problems: list[FactProblem]) -> None:
    help_ = None
    if isinstance(value, str) and expected in ("a number", "a whole number"):
        help_ = "send the number without quotation marks"
    problems.append(FactProblem("wrong-type", keys, f"expected {expected}, found {_kind(value)}", help_))


def _unknown_option(spec: FactSpec, value: str, keys: tuple[str, ...], problems: list[FactProblem]) -> None:
    listed = ", ".join(f"`{o}`" for o in spec.options)
    detail = f"expected one of {listed}, found `{_short(value)}`"
    problems.append(FactProblem("unknown-option", keys, detail, did_you_mean(value, spec.options)))


def _date(value: object, keys: tuple[str, ...], problems: list[FactProblem]) -> date | None:
    if not isinstance(value, str):
        _wrong("a date like `2025-12-31`", value, keys, problems)
        return None
    day = parse_day(value)
    if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR:
        return day
    detail = f"expected a date like `2025-12-31` between {FIRST_YEAR} and {LAST_YEAR}, found `{_short(value)}`"
    problems.append(FactProblem("bad-date", keys, detail))
    return None


def _checklist(
    spec: FactSpec, value: object, keys: tuple[str, ...], problems: list[FactProblem]
) -> Mapping[str, bool] | None:
    if not isinstance(value, Mapping):
        _wrong("an object of items, each true or false", value, keys, problems)
        return None
    found: dict[str, bool] = {}
    for item, ticked in value.items():
        if len(problems) > MAX_PROBLEMS:
            break
        if item not in spec.options:
            at = (str(item),) if len(str(item)) <= _LONGEST_NAME else ()
            _unknown_option(spec, str(item), (*keys, *at), problems)
        elif isinstance(ticked, bool):
            found[item] = ticked
        elif ticked is not None:
            _wrong("true or false", ticked, (*keys, item), problems)
    # Without a single item nothing is said, as in columns.
    return found or None
