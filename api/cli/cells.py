"""Cells of a spreadsheet → values of facts.

A cell is text that a person typed. It is read generously where only one reading is possible (full-width
digits, a percent sign on a percentage, `是`), and left as it stands where not, so that the reader of facts
says what it expected. Nothing is guessed: an empty cell is a missing fact, a dash is a mistake.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

import msgspec

from engine.check.ir import FactSpec

__all__ = ["ascii_width", "cell_value"]

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0xA0: " ", 0x2212: "-"}
_NUMBER = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?")
_DATE = re.compile(r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_SPREADSHEET_DIGITS = Context(prec=15)
"""A spreadsheet's number counts with 15 significant digits."""
_TRUE = frozenset({"true", "yes", "y", "1", "是", "有", "对", "√", "✓", "✔"})
_FALSE = frozenset({"false", "no", "n", "0", "否", "无", "错", "×", "✗", "✘"})
_NUMERIC = ("integer", "number", "percent")


def ascii_width(text: str) -> str:
    """The text with full-width letters, digits and signs as ordinary ones, without blanks around it."""
    return text.translate(_FULL_WIDTH).strip()


def cell_value(text: str, spec: FactSpec, *, item: bool = False) -> object:
    """A cell as JSON would send it; None for an empty one. `item`: the cell ticks one item of a checklist."""
    plain = ascii_width(text)
    if not plain:
        return None
    if item or spec.type_name == "boolean":
        return _boolean(plain)
    if plain.startswith("{") and (spec.period is not None or spec.type_name == "checklist"):
        return _object(plain)
    if spec.type_name in _NUMERIC:
        return _number(plain, percent=spec.unit == "percent")
    if spec.type_name == "date":
        return _date(plain)
    if spec.type_name in ("category", "grade"):
        return _option(plain, spec)
    return plain


def _boolean(plain: str) -> bool | str:
    word = plain.casefold()
    return True if word in _TRUE else False if word in _FALSE else plain


def _object(plain: str) -> object:
    try:
        return msgspec.json.decode(plain)
    except (msgspec.DecodeError, RecursionError):
        return plain


def _number(plain: str, *, percent: bool) -> float | str:
    digits = plain.removesuffix("%").rstrip() if percent else plain
    if not _NUMBER.fullmatch(digits) or not any(char.isdigit() for char in digits) or len(digits) > 100:
        return plain
    value = _SPREADSHEET_DIGITS.create_decimal(Decimal(digits.replace(",", "")))
    return int(value) if value == value.to_integral_value() else float(value)


def _date(plain: str) -> str:
    match = _DATE.fullmatch(plain)
    return f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}" if match else plain


def _option(plain: str, spec: FactSpec) -> str:
    """An option by its id or its label in either language."""
    named = {ascii_width(label).casefold(): id_ for id_, zh, en in spec.option_labels for label in (zh, en)}
    return plain if plain in spec.options else named.get(plain.casefold(), plain)
