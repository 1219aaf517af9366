"""The buffers of Arrow's arrays as NumPy sees them: numbers, truths, days, places of words; what is null or wrong.

Arrays are of types that fit, and were validated. Callers hold `np.errstate`: nulls may stand over any bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.tabular.arrow import is_text
from engine.backends.vectors import TRUE, UNKNOWN, Floats, Mask, Truths
from engine.periods import FIRST_YEAR, LAST_YEAR, parse_day

__all__ = ["by_text", "days_in", "given_rows", "numbers_in", "offsets_in", "options_in", "truths_in", "valid_rows"]

_EPOCH = date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000
_FIRST_DAY = date(FIRST_YEAR, 1, 1).toordinal()
_LAST_DAY = date(LAST_YEAR, 12, 31).toordinal()
_UNIT_DECIMALS = 10**15
"""A decimal below so many of its last units has at most 15 digits: a float64 shows it as it is."""
_EXACT_POWER = 22
"""10^22 is the largest power of ten that a float64 holds exactly, so that one division gives the nearest number."""
_FLOAT32_WHOLE = 2.0**24
_FLOAT32_PLACES = 6


def _bits(buffer: Any, offset: int, count: int) -> Truths:
    first = offset // 8
    packed = np.frombuffer(buffer, np.uint8, -(-(offset + count) // 8) - first, first)
    return np.unpackbits(packed, bitorder="little")[offset - first * 8 :][:count]


def valid_rows(array: Any) -> Mask | None:
    """The rows that are not null; None is all."""
    if pa.types.is_null(array.type):
        return np.zeros(len(array), dtype=bool)
    buffer = array.buffers()[0]
    return None if buffer is None or not array.null_count else _bits(buffer, array.offset, len(array)).view(bool)


def given_rows(array: Any) -> Mask:
    """The rows that are not null."""
    valid = valid_rows(array)
    return np.ones(len(array), dtype=bool) if valid is None else valid


def _whole(array: Any, type_: npt.DTypeLike) -> npt.NDArray[Any]:
    """The values as they lie in memory, whatever stands where there is none."""
    size = np.dtype(type_).itemsize
    return np.frombuffer(array.buffers()[1], type_, len(array), array.offset * size)


def truths_in(array: Any) -> Truths:
    """Truths of bools, or of nothing but nulls."""
    if pa.types.is_null(array.type):
        return np.full(len(array), UNKNOWN, dtype=np.uint8)
    found = _bits(array.buffers()[1], array.offset, len(array)) * np.uint8(TRUE)
    valid = valid_rows(array)
    if valid is not None:
        found[~valid] = UNKNOWN
    return found


def numbers_in(array: Any) -> tuple[Floats, Mask | None]:
    """Numbers, NaN where there is none; and the rows that are to be read by themselves."""
    kind, wrong = array.type, None
    if pa.types.is_decimal(kind):
        found, wrong = _decimals(array)
    elif pa.types.is_floating(kind):
        raw = _whole(array, kind.to_pandas_dtype())
        found = raw.astype(np.float64)
        if not np.isfinite(found).all():
            wrong = ~np.isfinite(found)
        if raw.dtype == np.float32:
            _as_shown(raw, found)
    else:
        found = _whole(array, kind.to_pandas_dtype()).astype(np.float64)
    valid = valid_rows(array)
    if valid is not None:
        found[~valid] = np.nan
        if wrong is not None:
            wrong &= valid
    return found, wrong


def _as_shown(raw: npt.NDArray[np.float32], found: Floats) -> None:
    """Replace what float32 hold by the numbers that their shortest texts show: 0.1 and not 0.10000000149011612.

    With so few places nothing is rounded before the one division, and no other text of as many places is nearer.
    """
    rows = np.flatnonzero(~((np.rint(found) == found) & (np.abs(found) < _FLOAT32_WHOLE)))
    rows = rows[np.isfinite(found[rows])]
    for places in range(1, _FLOAT32_PLACES + 1):
        held = found[rows]
        shown = np.rint(held * 10.0**places) / 10.0**places
        same = (shown.astype(np.float32) == raw[rows]) & (np.abs(held) < _FLOAT32_WHOLE)
        found[rows[same]] = shown[same]
        rows = rows[~same]
    if len(rows):
        texts = pc.cast(pa.array(raw[rows]), pa.string())
        found[rows] = pc.cast(texts, pa.float64()).to_numpy()


def _decimals(array: Any) -> tuple[Floats, Mask | None]:
    """Decimals as the numbers that show the same text; those with more digits are to be read by themselves."""
    kind = array.type
    if kind.bit_width < 128 and 0 <= kind.scale <= _EXACT_POWER:
        array = pc.cast(array, pa.decimal128(kind.precision, kind.scale))
    if array.type.bit_width != 128 or not 0 <= kind.scale <= _EXACT_POWER:
        return np.full(len(array), np.nan), given_rows(array)
    pairs = np.frombuffer(array.buffers()[1], "<i8", len(array) * 2, array.offset * 16).reshape(-1, 2)
    low, high = pairs[:, 0], pairs[:, 1]
    wrong = (high != low >> 63) | (low >= _UNIT_DECIMALS) | (low <= -_UNIT_DECIMALS)
    found: Floats = low / 10.0**kind.scale
    return found, wrong if wrong.any() else None


def options_in(array: Any, options: Sequence[str]) -> tuple[Floats, Mask | None]:
    """The places of words among options, NaN where there is none; and the rows that hold another word."""
    places = {option: float(i) for i, option in enumerate(options)}
    return by_text(array, lambda text: places.get(text, -1.0))


def days_in(array: Any) -> tuple[Floats, Mask | None]:
    """Day numbers of dates or their texts, NaN where there is none; and the rows that hold no day of the calendar."""
    kind, valid = array.type, valid_rows(array)
    if is_text(kind):
        return by_text(array, _day_of)
    if pa.types.is_date32(kind):
        found = _whole(array, np.int32) + float(_EPOCH)
        wrong = np.zeros(len(array), dtype=bool)
    else:
        days, rest = np.divmod(_whole(array, np.int64), _DAY_MS)
        found, wrong = days + float(_EPOCH), rest != 0
    wrong |= (found < _FIRST_DAY) | (found > _LAST_DAY)
    if valid is not None:
        found[~valid] = np.nan
        wrong &= valid
    return found, wrong if wrong.any() else None


def _day_of(text: str) -> float:
    day = parse_day(text)
    return -1.0 if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR else float(day.toordinal())


def by_text(array: Any, number_of: Callable[[str], float]) -> tuple[Floats, Mask | None]:
    """The numbers that stand for texts: each distinct text is looked up once. A number below zero stands for none."""
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    valid = valid_rows(array.indices)
    codes = _whole(array.indices, array.indices.type.to_pandas_dtype()).astype(np.intp)
    if valid is not None:
        codes[~valid] = 0
    words = array.dictionary
    if len(words) > len(array):
        used, codes = np.unique(codes, return_inverse=True)
        words = words.take(pa.array(used))
    # A null of the dictionary is a null; where there are no words, all values are.
    table = [np.nan if word is None else number_of(word) for word in words.to_pylist()] or [np.nan]
    found = np.array(table)[codes]
    if valid is not None:
        found[~valid] = np.nan
    wrong = found < 0
    if not wrong.any():
        return found, None
    found[wrong] = np.nan
    return found, wrong


def offsets_in(array: Any) -> npt.NDArray[np.int32]:
    """Where each map begins among all keys, and the last one ends."""
    return np.frombuffer(array.buffers()[1], np.int32, len(array) + 1, array.offset * 4)
