"""Judged blocks → columns of Arrow: codes as they lie in memory, lists by their offsets.

Words that repeat (rulesets, names of facts) are numbers until all are known; `worded` then puts them under one
dictionary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.services.plans import Plan
from api.services.results import Results
from api.wire.requests import Detail
from engine.backends.letters import Indexes
from engine.backends.vectors import Mask
from engine.verdicts import BY_SEVERITY

__all__ = ["Telling", "Words", "columns_of", "fields_of", "ignored_of", "included_of", "listed", "named", "nulls"]

_OUTCOMES = pa.array([verdict.value for verdict in BY_SEVERITY], pa.string())
_FINDING = pa.struct([("rule", pa.int32()), ("actual", pa.string()), ("gap", pa.float64())])
_NAMES = pa.list_(pa.int32())
_HEAD: dict[str, pa.DataType] = {
    "ruleset": pa.int32(),
    "outcome_all": pa.int8(),
    "outcome_measured": pa.int8(),
    "codes": pa.string(),
}
_BY_DETAIL: dict[Detail, dict[str, pa.DataType]] = {
    "codes": {},
    "findings": {"findings": pa.list_(_FINDING), "derived": pa.string(), "missing": _NAMES},
    "full": {"verdicts": pa.string(), "derived": pa.string(), "missing": _NAMES},
}
_GAP = b',"gap":'
_ACTUAL = len(b'"actual":')
_DECODE = msgspec.json.decode


@dataclass(slots=True)
class Words:
    """Words in the order in which they were first met."""

    places: dict[str, int] = field(default_factory=dict)
    _of_plans: dict[int, npt.NDArray[np.int32]] = field(default_factory=dict)

    def place(self, word: str) -> int:
        """The number of a word."""
        return self.places.setdefault(word, len(self.places))

    def of_plan(self, plan: Plan, known: Sequence[str]) -> npt.NDArray[np.int32]:
        """The numbers of all that the records of a plan can lack, on the one day of a batch."""
        found = self._of_plans.get(id(plan))
        if found is None:
            found = self._of_plans[id(plan)] = np.array([self.place(name) for name in known], dtype=np.int32)
        return found

    def of_rules(self, ids: Sequence[str]) -> npt.NDArray[np.int32]:
        """The numbers of rules by their place among the codes."""
        return np.array([self.place(id_) for id_ in ids], dtype=np.int32)

    def array(self) -> Any:
        """The words."""
        return pa.array(list(self.places), pa.string())


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told: by `detail`; `names` number the facts that are missing.

    `rules`: words that number the rules of findings; without them a finding has the place of its rule among the codes.
    `derived`: tell the derived facts that were supplied otherwise.
    """

    detail: Detail
    names: Words
    rules: Words | None = None
    derived: bool = True


def fields_of(telling: Telling) -> dict[str, pa.DataType]:
    """The columns in which a ruleset tells of a record, with numbers for words."""
    found = {**_HEAD, **_BY_DETAIL[telling.detail]}
    return found if telling.derived else {name: kind for name, kind in found.items() if name != "derived"}


def columns_of(results: Results, plan: Plan, index: int, rows: Indexes, telling: Telling) -> dict[str, Any]:
    """What a ruleset says of some rows of a block, by name: arrays of as many values.

    `ruleset` is `index`, outcomes are places in `BY_SEVERITY`, `missing` holds numbers of `telling.names`.
    """
    everything, measured = results.outcomes()
    letters = results.letters[rows]
    count, width = letters.shape
    found = {
        "ruleset": _array(np.full(count, index, dtype=np.int32)),
        "outcome_all": pa.array(everything[rows].astype(np.int8)),
        "outcome_measured": pa.array(measured[rows].astype(np.int8)),
        "codes": pa.StringArray.from_buffers(
            count,
            pa.py_buffer((np.arange(count + 1, dtype=np.int32) * np.int32(width)).tobytes()),
            pa.py_buffer(letters.tobytes()),
        ),
    }
    names, rules = telling.names, telling.rules
    if telling.detail == "findings":
        found["findings"] = _findings(results, rows, None if rules is None else rules.of_rules(results.rules))
        if telling.derived:
            differing = results.differing()
            found["derived"] = pa.array([differing.get(row) for row in rows.tolist()], pa.string())
        found["missing"] = _missing(results, plan, rows, names)
    elif telling.detail == "full":
        explained = [results.explained(row) for row in rows.tolist()]
        found["verdicts"] = pa.array([verdicts for verdicts, _, _ in explained], pa.string())
        found["derived"] = pa.array([derived for _, derived, _ in explained], pa.string())
        found["missing"] = listed([[names.place(name) for name in lacks] for _, _, lacks in explained])
    return found


def _array(values: npt.NDArray[Any]) -> Any:
    # The stubs take every such array for one of booleans.
    return pa.array(values)


def included_of(others: Sequence[Mapping[str, Any]], telling: Telling) -> Any:
    """What several rulesets say of the same records, as lists: of each record one entry by each."""
    kind = pa.struct(list(fields_of(telling).items()))
    told = [pa.StructArray.from_arrays(list(columns.values()), fields=list(kind)) for columns in others]
    count, size = len(told[0]), len(told)
    order = np.arange(count * size).reshape(size, count).T.reshape(-1)
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(size)
    return pa.ListArray.from_arrays(_array(offsets), pa.concat_arrays(told).take(_array(order)))


def nulls(kind: pa.DataType, count: int = 1) -> Any:
    """As many nulls of a type."""
    return pa.array([None] * count, kind)


def listed(lists: Sequence[Sequence[int]]) -> Any:
    """Lists of numbers as an array."""
    return pa.array(lists, _NAMES)


def _findings(results: Results, rows: Indexes, rules: npt.NDArray[np.int32] | None) -> Any:
    """The failing rules of some rows, each distinct finding written once."""
    told, places, ends = results.failing()
    kinds: dict[bytes, int] = {}
    of_kinds = np.array([kinds.setdefault(one, len(kinds)) for one in told], dtype=np.int64)
    split = [_split(one) for one in kinds]
    chosen = _array(of_kinds)
    findings = pa.StructArray.from_arrays(
        [
            _array(places.astype(np.int32) if rules is None else rules[places]),
            pa.array([actual for actual, _ in split], pa.string()).take(chosen),
            pa.array([gap for _, gap in split], pa.float64()).take(chosen),
        ],
        fields=list(_FINDING),
    )
    whole = pa.ListArray.from_arrays(_array(np.concatenate([[0], ends]).astype(np.int32)), findings)
    return whole if len(rows) == len(ends) else whole.take(rows)


@lru_cache(maxsize=65_536)
def _split(finding: bytes) -> tuple[bytes, float | None]:
    """The actual values of a finding, still JSON, and its gap."""
    start = finding.index(b'"actual":') + _ACTUAL
    end = finding.rindex(_GAP)
    gap = _DECODE(finding[end + len(_GAP) : -1])
    return finding[start:end], None if gap is None else float(gap)


def _missing(results: Results, plan: Plan, rows: Indexes, names: Words) -> Any:
    lacks, known = results.lacking()
    places, ends = lacks.listed()
    whole = pa.ListArray.from_arrays(_array(ends.astype(np.int32)), _array(names.of_plan(plan, known)[places]))
    if not lacks.further:
        return whole if len(rows) == len(whole) else whole.take(rows)
    lists: list[Any] = whole.to_pylist()
    for row, further in lacks.further.items():
        lists[row] += [names.place(name) for name in dict.fromkeys(further)]
    return listed([lists[row] for row in rows.tolist()])


def ignored_of(ignored: Sequence[tuple[str, Mask]], rows: Indexes, names: Words) -> Any:
    """For some rows the facts of another subject that they give."""
    if not ignored:
        return listed([[]] * len(rows))
    which = np.array([names.place(name) for name, _ in ignored], dtype=np.int32)
    at, of = np.nonzero(np.stack([given[rows] for _, given in ignored]).T)
    ends = np.searchsorted(at, np.arange(len(rows) + 1))
    return pa.ListArray.from_arrays(_array(ends.astype(np.int32)), _array(which[of]))


# --- words ------------------------------------------------------------------------------------


def named(columns: Mapping[str, Any], rulesets: Any, names: Any) -> dict[str, Any]:
    """The same columns with words in place of numbers."""
    return {name: _named(name, array, rulesets, names) for name, array in columns.items()}


def _named(name: str, array: Any, rulesets: Any, names: Any) -> Any:
    match name:
        case "ruleset":
            return pa.DictionaryArray.from_arrays(array, rulesets)
        case "outcome_all" | "outcome_measured":
            return pa.DictionaryArray.from_arrays(array, _OUTCOMES)
        case "missing" | "ignored":
            return _inside(array, lambda values: pa.DictionaryArray.from_arrays(values, names))
        case "included":
            return _inside(array, lambda values: _named_struct(values, rulesets, names))
        case _:
            return array


def _named_struct(values: Any, rulesets: Any, names: Any) -> Any:
    columns = named({f.name: values.field(i) for i, f in enumerate(values.type)}, rulesets, names)
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))


def _inside(array: Any, change: Callable[[Any], Any]) -> Any:
    """The lists with other values in them."""
    # Afresh: the offsets of a slice do not begin at the beginning.
    array = pa.concat_arrays([array])
    mask = array.is_null() if array.null_count else None
    return pa.ListArray.from_arrays(array.offsets, change(array.values), mask=mask)
