"""Cells of a spreadsheet → values of facts.

A cell is what a person typed. It is read generously where only one reading is possible (full-width digits, a percent
sign on a percentage, `是`, a unit that is the fact's own), and left as it stands where not, so that the reader of facts
says what it expected. Nothing is guessed: an empty cell is a missing fact, a dash is a mistake.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from engine.check.ir import FactSpec
from engine.values import TEXT_UNITS

__all__ = ["BadCell", "Broken", "Cell", "Figure", "ascii_width", "cell_text", "cell_value", "is_blank", "unit_words"]

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0xA0: " ", 0x2212: "-"}
_NUMBER = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?")
_WITH_UNIT = re.compile(r"(?P<digits>[+-]?[0-9][0-9,.]*) *(?P<unit>[^0-9,.%+ -].*)")
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?( 0?0:00(:00)?)?")
_DAY_OF_EIGHT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_SPREADSHEET_DIGITS = Context(prec=15)
"""A spreadsheet's number counts with 15 significant digits."""
_TRUE = frozenset({"true", "yes", "y", "1", "是", "有", "对", "√", "✓", "✔", "☑"})
_FALSE = frozenset({"false", "no", "n", "0", "否", "无", "错", "×", "✗", "✘"})
_LAST_SERIAL = 2_900_000
_NUMERIC = ("integer", "number", "percent")
_OTHER_WORDS = {
    "平方米": ("㎡", "m2", "m²", "平米"),
    "册": ("本",),
    "个班": ("班", "个"),
    "间": ("个",),
    "所": ("个",),
    "人": ("名", "位"),
}
"""Further ways to write a unit that cannot be taken for another one."""


class Figure(NamedTuple):
    """A number cell: its text in the file, and how the cell shows it: `plain`, `percent`, `date` or `time`."""

    text: str
    form: str = "plain"
    from_1904: bool = False


class Broken(NamedTuple):
    """A cell without a value that could be used: an error, a formula that was never calculated."""

    reason: str


Cell = str | bool | Figure | Broken | None


class BadCell(ValueError):
    """The cell cannot be the fact's value, whatever the fact's reader would say; `args[0]` says why."""


def ascii_width(text: str) -> str:
    """The text with full-width letters, digits and signs as ordinary ones, without blanks around it."""
    return text.translate(_FULL_WIDTH).strip()


def is_blank(cell: Cell) -> bool:
    """True for an empty cell and for one with nothing but blanks."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def cell_text(cell: Cell) -> str:
    """A cell as text: an id, a code, a heading. Raises BadCell for a number whose digits are lost."""
    match cell:
        case None:
            return ""
        case str():
            return cell.strip()
        case bool():
            return "TRUE" if cell else "FALSE"
        case Broken():
            raise BadCell(cell.reason)
        case Figure(form="date"):
            return _day(cell).isoformat()
        case Figure():
            value = _decimal(cell.text)
            if abs(value) >= 10**15:
                raise BadCell(
                    "a number of more than 15 digits has lost the others: format the column as text and type it again"
                )
            return format(value.normalize() if value else Decimal(0), "f")


def cell_value(cell: Cell, spec: FactSpec, *, item: bool = False) -> object:
    """A cell as JSON would send it; None for an empty one. `item`: the cell ticks one item of a checklist.

    Raises BadCell where the cell's own form contradicts the fact.
    """
    match cell:
        case None | "":
            return None
        case str():
            return _of_text(cell, spec, item=item)
        case bool():
            return cell
        case Broken():
            raise BadCell(cell.reason)
        case Figure():
            return _of_figure(cell, spec, item=item)


def _of_text(text: str, spec: FactSpec, *, item: bool) -> object:
    plain = ascii_width(text)
    if not plain:
        return None
    if not item and plain.startswith("{") and (spec.period is not None or spec.type_name == "checklist"):
        return _object(plain)
    if item or spec.type_name == "boolean":
        return _boolean(plain)
    if spec.type_name in _NUMERIC:
        return _number(plain, spec)
    if spec.type_name == "date":
        return _date(plain)
    if spec.type_name in ("category", "grade"):
        return _option(plain, spec)
    return plain


def _of_figure(cell: Figure, spec: FactSpec, *, item: bool) -> object:
    if item or spec.type_name == "boolean":
        return _boolean(cell_text(cell))
    if spec.type_name == "date":
        return _date_of(cell)
    if spec.type_name not in _NUMERIC:
        return cell_text(cell)
    match cell.form:
        case "date":
            raise BadCell(f"expected a number, found the date {_day(cell)}: format the cell as a number")
        case "time":
            raise BadCell("expected a number, found a time of day: format the cell as a number")
        case "percent" if spec.unit != "percent":
            shown = format(_decimal(cell.text).scaleb(2).normalize(), "f")
            raise BadCell(f"the cell shows {shown}%, but `{spec.name}` is no percentage: format it as a number")
        case "percent":
            return _json_number(_decimal(cell.text).scaleb(2))
        case _:
            return _json_number(_decimal(cell.text))


def _decimal(text: str) -> Decimal:
    return _SPREADSHEET_DIGITS.create_decimal(text)


def _json_number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)


def _boolean(plain: str) -> bool | str:
    word = plain.casefold()
    return True if word in _TRUE else False if word in _FALSE else plain


def _object(plain: str) -> object:
    try:
        return msgspec.json.decode(plain)
    except (msgspec.DecodeError, RecursionError):
        return plain


def _number(plain: str, spec: FactSpec) -> float | str:
    digits = plain
    if spec.unit == "percent":
        digits = plain.removesuffix("%").rstrip()
    elif (match := _WITH_UNIT.fullmatch(plain)) and match["unit"].casefold() in unit_words(spec.unit):
        digits = match["digits"]
    if not _NUMBER.fullmatch(digits) or not any(char.isdigit() for char in digits) or len(digits) > 100:
        return plain
    return _json_number(_decimal(digits.replace(",", "")))


@lru_cache(maxsize=1024)
def unit_words(unit: str | None) -> frozenset[str]:
    """What may stand behind a number in this unit, small letters: `人`, `pupils`; of `yuan/pupils` also `元/人`."""
    parts = [] if unit is None else unit.split("/")
    words = [""]
    for i, part in enumerate(parts):
        zh, en = TEXT_UNITS.get(part.strip(), ("", ""))
        here = [zh, en, *_OTHER_WORDS.get(zh, ())]
        words = [f"{before}{'/' if i else ''}{word}" for before in words for word in here if word]
    return frozenset(ascii_width(word).casefold() for word in words if word)


def _date(plain: str) -> str:
    match = _DATE.fullmatch(plain)
    return f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}" if match else plain


def _date_of(cell: Figure) -> str:
    """A date cell, a number that can only be a serial day, or eight digits; anything else is no date."""
    if cell.form == "date":
        return _day(cell).isoformat()
    text = cell_text(cell)
    if match := _DAY_OF_EIGHT.fullmatch(text):
        return "-".join(match.groups())
    if cell.form == "plain" and re.fullmatch(r"[0-9]{5}", text):
        return _day(cell).isoformat()
    raise BadCell(f"expected a date like `2025-12-31`, found the number {text}")


def _day(cell: Figure) -> date:
    """The day of a serial number. Day 60 of the 1900 system is a 29 February that never was."""
    serial = int(_decimal(cell.text).to_integral_value(rounding="ROUND_FLOOR"))
    if cell.from_1904:
        first = date(1904, 1, 1)
    elif serial == 60:
        raise BadCell("there was no 29 February 1900")
    else:
        first = date(1899, 12, 30 if serial > 60 else 31)
    if not 0 <= serial <= _LAST_SERIAL:
        raise BadCell(f"the number {cell.text} is no day")
    return first + timedelta(days=serial)


def _option(plain: str, spec: FactSpec) -> str:
    """An option by its id or its label in either language."""
    named = {ascii_width(label).casefold(): id_ for id_, zh, en in spec.option_labels for label in (zh, en)}
    return plain if plain in spec.options else named.get(plain.casefold(), plain)
