"""A block of a Parquet file → columns of a Parquet report, without a record between them.

Where records name parents the whole file is gathered first, as columns, and judged in parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.problems import Problem, problem_body
from api.reports.parquet import OUTCOMES, SCHEMA, ParquetForm
from api.reports.results import Judged, Totals, in_words_of_file
from api.services.frames import FrameBatch, Tied, Told
from api.services.kin import Records, together
from api.services.plans import Plans
from api.services.told import Telling, Words
from api.settings import Limits
from api.tabular.parquet import Arrays
from api.tabular.records import HasArrays, Row
from api.wire.frames import Frame
from api.wire.requests import BatchOptions
from engine.verdicts import BY_SEVERITY, CODES

__all__ = ["FileFrames", "Whole"]

_NAMES = [verdict.value for verdict in BY_SEVERITY]
_MOST_BYTES = 1 << 30
"""Of a file that is gathered: none of its columns is then too long for one array, and it fits in memory twice."""
_PLACES = pa.array([OUTCOMES.index(name) for name in _NAMES], pa.int8())
_ERROR = SCHEMA.field("error").type
_FINDING = SCHEMA.field("findings").type.value_type
_INCLUDED = SCHEMA.field("included").type.value_type
_HEADS = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Whole:
    """All records of a file, with what ties them together."""

    records: Records
    tied: Tied

    def parts(self, rows: int) -> Iterator[range]:
        """The rows in parts, which with the members that they bring are about so many."""
        weights = np.cumsum(self.tied.kin.sizes() + 1)
        start = 0
        while start < len(weights):
            before = weights[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(weights, before + rows, side="right")))
            yield range(start, stop)
            start = stop


class FileFrames(FrameBatch):
    """A block of a file."""

    def __init__(self, plans: Plans, options: BatchOptions, limits: Limits, language: str) -> None:
        super().__init__(plans, options, limits, language)
        # The report has no column for derived facts.
        self.telling = Telling(options.detail, Words(), Words(), derived=False)

    def _unsaid(self, place: str) -> Problem:
        detail = f"`{place}` is missing: fill its column, or give --{place}"
        return Problem("invalid-request", detail, pointer=f"/{place}")

    def _shown(self, place: int) -> str:
        return f"row {place + 1}"

    def block(self, table: HasArrays, block: object) -> Judged | None:
        """The block judged and written, or None where it must be looked at row by row."""
        arrays = table.arrays(block)
        if arrays is None:
            return None
        records = _records(table, arrays)
        return self._written(table, arrays.first, records, self.judged(records, None, 0))

    def whole(self, table: HasArrays, blocks: Sequence[object]) -> Whole | None:
        """All blocks of a file, or None where it must be looked at row by row, or is too large to be held whole."""
        found, size = [], 0
        for block in blocks:
            arrays = table.arrays(block)
            if arrays is None:
                return None
            size += sum(array.nbytes for _, array in arrays.facts)
            if size > _MOST_BYTES:
                return None
            found.append(_records(table, arrays))
        if not found:
            return None
        records = together(found)
        return Whole(records, self.gathered(records))

    def part(self, table: HasArrays, whole: Whole, rows: range) -> Judged:
        """Some rows of a whole file judged and written."""
        records = whole.records.part(rows.start, rows.stop)
        return self._written(table, rows.start + 1, records, self.judged(records, whole.tied, rows.start))

    def _written(self, table: HasArrays, first: int, records: Records, told: Told) -> Judged:
        """What is told of records of which `first` is the number of the first in the file."""
        count = records.frame.count
        heads = [{**_HEADS.decode(head), "index": i} for i, head in enumerate(self.rulesets)]
        columns = {
            "row": pa.array(np.arange(first, first + count)),
            "id": pa.nulls(count, pa.string()) if records.ids is None else records.ids,
            **self._places(records, told),
            **self._named(told.columns),
            "error": self._errors(table, first, count, told),
        }
        return Judged(heads, ParquetForm().columns(columns), self._totals(records, told, columns), [])

    def _places(self, records: Records, told: Told) -> dict[str, Any]:
        """What records are about, where they were judged."""
        good = pc.is_valid(told.columns["codes"])
        places = {"division": records.divisions, "subject": records.subjects}
        return {name: pc.if_else(good, array.cast(pa.string()), None) for name, array in places.items()}

    def _named(self, told: Mapping[str, Any]) -> dict[str, Any]:
        rulesets, names = pa.array(self.ruleset_names, pa.string()), self.telling.names.array()
        found = {
            "ruleset": rulesets.take(told["ruleset"]),
            "outcome_all": _outcomes(told["outcome_all"]),
            "outcome_measured": _outcomes(told["outcome_measured"]),
            "codes": told["codes"],
        }
        assert self.telling.rules is not None
        rules = self.telling.rules.array()
        for name in ("missing", "ignored"):
            if name in told:
                found[name] = _lists(told[name], names.take)
        if "findings" in told:
            found["findings"] = _lists(told["findings"], lambda values: _findings(values, rules))
        if "included" in told:
            found["included"] = _lists(told["included"], lambda values: _included(values, rulesets))
        # A record that was judged has lists, if of nothing.
        nothing = {name: pa.array([[]], SCHEMA.field(name).type) for name in ("ignored", "included")}
        good = pc.if_else(pc.is_valid(told["codes"]), pa.scalar(0), None)
        return found | {name: array.take(good) for name, array in nothing.items() if name not in found}

    def _errors(self, table: HasArrays, first: int, count: int, told: Told) -> Any:
        rows: list[dict[str, object] | None] = [None] * count
        for row, problem in told.problems.items():
            body = problem_body(problem, self._language, status=False)
            error = in_words_of_file(body, Row(first + row, b"", table.origin))
            rows[row] = {field.name: error.get(field.name) for field in _ERROR}
        return pa.array(rows, _ERROR)

    def _totals(self, records: Records, told: Told, columns: Mapping[str, Any]) -> Totals:
        outcomes = np.bincount(np.asarray(told.columns["outcome_all"].drop_null()), minlength=len(_NAMES))
        pairs: Any = pa.table({name: columns[name] for name in ("ruleset", "subject")}).drop_null()
        distinct = pairs.group_by(["ruleset", "subject"]).aggregate([]).to_pylist()
        subjects = {(pair["ruleset"], pair["subject"]) for pair in distinct}
        return Totals(
            records=records.frame.count,
            errors=len(told.problems),
            outcomes=Counter({name: n for name, n in zip(_NAMES, outcomes.tolist(), strict=True) if n}),
            counts=Counter({CODES[letter].value: n for letter, n in self._counts.items()}),
            given=records.frame.given({subject for _, subject in subjects}),
            subjects=subjects,
        )


def _records(table: HasArrays, arrays: Arrays) -> Records:
    places, nobody = arrays.places, pa.nulls(arrays.count, pa.string())
    ids = [_strings(places[name]) for name in ("id", "name") if name in places]
    # An empty id is none.
    ids = [pc.if_else(pc.equal(array, pa.scalar("")), None, array) for array in ids]
    said = {"division": table.defaults.division, "subject": table.defaults.subject}
    about = {name: _filled(places.get(name, nobody), default) for name, default in said.items()}
    parents = _strings(places["parent"]) if "parent" in places else None
    frame = Frame(arrays.count, arrays.facts)
    return Records(frame, about["division"], about["subject"], pc.coalesce(*ids) if ids else None, parents)


def _filled(array: Any, default: str | None) -> Any:
    return array if default is None or not array.null_count else pc.fill_null(_strings(array), default)


def _strings(array: Any) -> Any:
    return array.cast(pa.string())


def _outcomes(array: Any) -> Any:
    """Outcomes under the dictionary of the report."""
    return pa.DictionaryArray.from_arrays(_PLACES.take(array), pa.array(OUTCOMES))


def _lists(array: Any, change: Any) -> Any:
    array = pa.concat_arrays([array])
    mask = array.is_null() if array.null_count else None
    return pa.ListArray.from_arrays(array.offsets, change(array.values), mask=mask)


def _findings(values: Any, rules: Any) -> Any:
    return pa.StructArray.from_arrays(
        [rules.take(values.field("rule")), values.field("actual"), values.field("gap")], fields=list(_FINDING)
    )


def _included(values: Any, rulesets: Any) -> Any:
    outcomes = pa.array(_NAMES)
    columns = [
        rulesets.take(values.field("ruleset")),
        outcomes.take(values.field("outcome_all")),
        outcomes.take(values.field("outcome_measured")),
        values.field("codes"),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(_INCLUDED))
