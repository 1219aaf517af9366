"""Columns of Arrow that hold facts: which types fit, and their values as JSON would send them.

fact                       columns that fit
integer                    any whole number; decimals and floats are looked at value by value
number, percent            any number; a float32 counts by its shortest text
boolean                    bool
category, grade            string, also as a dictionary
date                       date32, date64, or string like `2025-12-31`
checklist                  struct or map of bool, or string of JSON
any of these with periods  the same, or struct or map by period, or string of JSON
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from api.tabular.names import Column
from engine.check.ir import FactSpec
from engine.nearest import did_you_mean
from engine.periods import BadPeriod

__all__ = ["BadValue", "concatenated", "is_text", "mismatch", "plain", "values_of"]

_EXPECTED = {
    "integer": "int64",
    "number": "double or decimal",
    "percent": "double or decimal",
    "boolean": "bool",
    "category": "string",
    "grade": "string",
    "date": "date32, or string like `2025-12-31`",
}
_IDS = ("id", "parent", "name")
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class BadValue:
    """A value that is none; why."""

    detail: str


# --- types ------------------------------------------------------------------------------------


def mismatch(kind: pa.DataType, column: Column) -> str | None:
    """What is wrong with a column's type, or None where it fits."""
    if column.place is not None:
        fits = is_text(kind) or pa.types.is_null(kind) or (column.place in _IDS and pa.types.is_integer(kind))
        return None if fits else _unlike("string", kind)
    for spec in column.specs:
        problem = _mismatch_of_fact(kind, spec, column)
        if problem is not None:
            return problem
    return None


def _unlike(expected: str, kind: pa.DataType) -> str:
    return f"expected {expected}, found {str(kind)[:_SHOWN]}"


def _mismatch_of_fact(kind: pa.DataType, spec: FactSpec, column: Column) -> str | None:
    if pa.types.is_null(kind):
        return None
    if column.item:
        return None if pa.types.is_boolean(kind) else _unlike("bool", kind)
    checklist = spec.type_name == "checklist"
    if column.key is None and (checklist or spec.period is not None):
        if is_text(kind):
            return None
        if pa.types.is_struct(kind):
            return _mismatch_of_struct(kind, spec)
        if pa.types.is_map(kind) and _is_string(kind.key_type):
            return _mismatch_inside(kind.item_type, "boolean" if checklist else spec.type_name, kind)
        if checklist:
            return _unlike("a struct or map of bool, or JSON text", kind)
    return _mismatch_of_value(kind, spec.type_name, kind)


def _mismatch_of_struct(kind: pa.StructType, spec: FactSpec) -> str | None:
    seen: set[str] = set()
    for i in range(kind.num_fields):
        field = kind.field(i)
        if field.name in seen:
            return f"the field `{field.name[:60]}` stands twice"
        seen.add(field.name)
        if spec.period is None:
            if field.name not in spec.options:
                help_ = did_you_mean(field.name, spec.options)
                return f"`{spec.name}` has no item `{field.name[:60]}`" + (f": {help_}" if help_ else "")
            problem = _mismatch_inside(field.type, "boolean", field.type)
        else:
            try:
                spec.period.parse(field.name)
            except BadPeriod as error:
                return str(error)
            problem = _mismatch_inside(field.type, spec.type_name, field.type)
        if problem is not None:
            return f"field `{field.name[:60]}`: {problem}"
    return None


def _mismatch_inside(kind: pa.DataType, type_name: str, shown: pa.DataType) -> str | None:
    """What is wrong with a type inside a struct or map. Dictionaries and views there are not read: hardly anyone writes
    them.
    """
    if pa.types.is_dictionary(kind) or pa.types.is_string_view(kind):
        return _unlike("string", shown)
    return _mismatch_of_value(kind, type_name, shown)


def _mismatch_of_value(kind: pa.DataType, type_name: str, shown: pa.DataType) -> str | None:
    match type_name:
        case "integer" | "number" | "percent":
            fits = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
            fits = fits or pa.types.is_float32(kind) or pa.types.is_float64(kind)
        case "boolean":
            fits = pa.types.is_boolean(kind)
        case "date":
            fits = pa.types.is_date(kind) or is_text(kind)
        case "category" | "grade":
            fits = is_text(kind)
        case _:
            fits = False
    if fits or pa.types.is_null(kind):
        return None
    return _unlike(_EXPECTED.get(type_name, "bool"), shown)


def is_text(kind: pa.DataType) -> bool:
    """True for strings, also under a dictionary."""
    return _is_string(kind.value_type) if pa.types.is_dictionary(kind) else _is_string(kind) or _is_view(kind)


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_view(kind: pa.DataType) -> bool:
    return pa.types.is_string_view(kind)


def concatenated(arrays: Sequence[Any]) -> Any:
    """Several arrays of one type as one. Texts stand as such: dictionaries may differ, or have nulls."""
    return pa.concat_arrays([a.dictionary_decode() if pa.types.is_dictionary(a.type) else a for a in arrays])


# --- values -----------------------------------------------------------------------------------


def values_of(array: Any, column: Column) -> list[object]:
    """The values of a column as JSON would send them; None where null, `BadValue` where a value is none.

    A text that begins with a brace is an object where the fact can be one.
    """
    values = plain(array)
    if column.place is not None:
        return [value if value is None or isinstance(value, BadValue) else str(value) for value in values]
    if is_text(array.type) and any(spec.period or spec.type_name == "checklist" for spec in column.specs):
        return [
            _object(value) if isinstance(value, str) and value.lstrip().startswith("{") else value for value in values
        ]
    return values


def plain(array: Any) -> list[object]:
    """The values of an array of a type that fits."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        # Each text is made once, however many rows have it.
        words = plain(array.dictionary)
        return [None if i is None else words[i] for i in array.indices.to_pylist()]
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_map(kind):
        return _maps(array)
    if pa.types.is_float32(kind):
        # The shortest text of the float32: 0.1 and not 0.10000000149011612.
        array = pc.cast(pc.cast(array, pa.string()), pa.float64())
        kind = array.type
    if pa.types.is_float64(kind):
        return [_finite(value) for value in array.to_pylist()]
    if pa.types.is_decimal(kind):
        return [_of_decimal(value) for value in array.to_pylist()]
    if pa.types.is_date(kind):
        # As text by Arrow: Python has no days after the year 9999.
        array = pc.cast(array, pa.string())
    try:
        found: list[object] = array.to_pylist()
    except UnicodeDecodeError:
        # Parquet does not check its texts.
        found = [_text(value) for value in array.cast(pa.binary()).to_pylist()]
    return found


def _text(value: bytes | None) -> object:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return BadValue("expected text, found bytes that are no UTF-8")


def _finite(value: float | None) -> object:
    return value if value is None or math.isfinite(value) else BadValue(f"expected a number, found {value}")


def _of_decimal(value: Decimal | None) -> object:
    """A decimal as the number that shows the same text; more digits than that cannot be kept, and are not rounded."""
    if value is None:
        return None
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else BadValue(f"{value} has more digits than can be kept exactly")


def _structs(array: Any) -> list[object]:
    names = [array.type.field(i).name for i in range(array.type.num_fields)]
    fields = [plain(array.field(i)) for i in range(len(names))]
    valid = array.is_valid().to_pylist()
    found: list[object] = []
    for i, there in enumerate(valid):
        found.append(
            _together({name: values[i] for name, values in zip(names, fields, strict=True)}) if there else None
        )
    return found


def _maps(array: Any) -> list[object]:
    offsets = array.offsets.to_pylist()
    first, last = offsets[0], offsets[-1]
    keys, items = array.keys.slice(first, last - first).to_pylist(), plain(array.items.slice(first, last - first))
    found: list[object] = []
    for (start, end), there in zip(pairwise(offsets), array.is_valid().to_pylist(), strict=True):
        here = slice(start - first, end - first)
        found.append(_together(dict(zip(keys[here], items[here], strict=True))) if there else None)
    return found


def _together(values: dict[str, object]) -> object:
    bad = next((value for value in values.values() if isinstance(value, BadValue)), None)
    return bad or {name: value for name, value in values.items() if value is not None}


def _object(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
