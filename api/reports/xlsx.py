"""Results as a workbook for an office: outcomes, findings, facts to be filled in, records not judged, and about it all.

Texts from the file are written as text: a name that begins with `=` is no formula, an address no link.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from api.reports.results import Json, Judged, Result, Totals
from engine import phrases
from engine.check.ir import FactSpec, Rule
from engine.registry import Library
from engine.verdicts import CODES

__all__ = ["SheetRows", "XlsxForm", "XlsxWriter"]

_MAX_CELL = 32_000
"""A cell holds 32,767 characters."""
_MAX_ROWS = 1_000_000
"""A sheet holds 1,048,576 rows; further ones go to a second sheet."""
_A4 = 9
_LINE_POINTS = 16
_LETTERS = "CNTXU"
_LISTED = "NT"
"""Verdicts whose rules are listed: not met, and not met yet."""

_VERDICTS: Mapping[str, tuple[str, str]] = {
    "compliant": ("符合", "compliant"),
    "non_compliant": ("不符合", "non-compliant"),
    "not_yet_due": ("未到期", "not yet due"),
    "not_applicable": ("不适用", "not applicable"),
    "insufficient_data": ("资料不足", "insufficient data"),
}
_FORCES = {"binding": ("约束性", "binding"), "expected": ("预期性", "expected"), "advisory": ("鼓励性", "advisory")}
_COLOURS = {
    "compliant": "#E2F0D9",
    "non_compliant": "#F8CBAD",
    "not_yet_due": "#DDEBF7",
    "insufficient_data": "#FFF2CC",
}
_Column = tuple[str, str, int]
_LIST: _Column = ("缺少的事实", "Missing", 60)
_OUTCOMES: tuple[_Column, ...] = (
    ("行号", "Row", 7),
    ("编号", "ID", 18),
    ("名称", "Name", 28),
    ("行政区划代码", "Division", 13),
    ("对象", "Subject", 12),
    ("规则集", "Ruleset", 20),
    ("结论", "Outcome", 12),
    ("仅看实测项", "Measured only", 12),
    *((zh, en.capitalize(), 9) for zh, en in _VERDICTS.values()),
    ("缺少事实数", "Facts missing", 11),
    _LIST,
)
_FINDINGS: tuple[_Column, ...] = (
    ("行号", "Row", 7),
    ("编号", "ID", 18),
    ("名称", "Name", 28),
    ("规则", "Rule", 28),
    ("判定", "Verdict", 10),
    ("效力", "Force", 9),
    ("实际", "Actual", 30),
    ("要求", "Requirement", 48),
    ("差距", "Gap", 9),
    ("期限", "Due", 12),
    ("文件", "Document", 24),
    ("条款", "Clause", 22),
    ("说明", "Explanation", 60),
    ("规则编号", "Rule ID", 30),
)
_MISSING: tuple[_Column, ...] = (
    ("事实", "Fact", 44),
    ("字段名", "Name", 44),
    ("缺少的记录数", "Records that lack it", 14),
)
_ERRORS: tuple[_Column, ...] = (
    ("行号", "Row", 7),
    ("单元格", "Cell", 14),
    ("列", "Column", 28),
    ("编号", "ID", 18),
    ("问题", "What is wrong", 90),
)


class Said(NamedTuple):
    """A verdict in a cell, to be shown in words and colour."""

    verdict: str


@dataclass(slots=True)
class SheetRows:
    """A block's rows by sheet, and how many of its records lack each fact."""

    outcomes: list[list[Any]] = field(default_factory=list)
    findings: list[list[Any]] = field(default_factory=list)
    errors: list[list[Any]] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)


class XlsxForm:
    """The rows of a block. Takes results with detail `full`."""

    def __init__(self, library: Library, language: str) -> None:
        self._facts = library.dictionary.facts
        self._rules: Mapping[str, Mapping[str, Rule]] = {
            name: {rule.id: rule for rule in ruleset.running} for name, ruleset in library.rulesets.items()
        }
        self._titles = {name: ruleset.title[language] for name, ruleset in library.rulesets.items()}
        self._language = language
        self._at = ("zh", "en").index(language)

    def content(self, results: Sequence[Result], heads: Sequence[Json]) -> SheetRows:
        """The rows of the results."""
        rows = SheetRows()
        names = [f"{head['id']}@{head['version']}" for head in heads]
        for result in results:
            if "error" in result.body:
                self._error(result, rows)
                continue
            for one in (result.body, *result.body.get("included", ())):
                self._judged(result, one, names[one["ruleset"]], rows)
        return rows

    def _judged(self, result: Result, body: Json, ruleset: str, rows: SheetRows) -> None:
        row, id_ = result.row, result.body["id"]
        division, subject = result.about()
        missing = body["missing"]
        rows.missing.update(missing)
        outcome = body["outcome"]
        rows.outcomes.append(
            [
                row.number,
                id_,
                row.name,
                division,
                phrases.SUBJECTS[subject][self._at],
                self._titles[ruleset],
                Said(outcome["all"]),
                Said(outcome["measured"]),
                *(body["codes"].count(letter) for letter in _LETTERS),
                len(missing),
                _listed([self.label(name) for name in missing], self._at),
            ]
        )
        listed = {CODES[letter].value for letter in _LISTED}
        for verdict in body["verdicts"]:
            if verdict["verdict"] in listed:
                rows.findings.append([row.number, id_, row.name, *self._finding(verdict, self._rules[ruleset])])

    def _finding(self, verdict: Json, rules: Mapping[str, Rule]) -> list[Any]:
        rule = rules[verdict["rule"]]
        # What the plan adopts is written in its standard and adopted by the plan: both are named.
        cited = [verdict["clause"], *([] if rule.adopted_at is None else verdict["also_at"][:1])]
        return [
            rule.title[self._language],
            Said(verdict["verdict"]),
            _FORCES[verdict["force"]][self._at],
            self._actual(verdict["actual"]),
            rule.summary[self._language],
            verdict["gap"],
            verdict["due"],
            " ← ".join(clause["document"] for clause in cited),
            " ← ".join(clause["path"] for clause in cited),
            verdict["message"][self._language],
            rule.id,
        ]

    def _actual(self, actual: Json) -> str:
        """The values that decided, with the names of their facts where there are several."""
        texts = []
        for name, value in actual.items():
            spec = self._facts[name]
            if isinstance(value, dict) and spec.type_name != "checklist":
                shown = "、".join(f"{key} {_shown(spec, inner)[self._at]}" for key, inner in value.items())
            else:
                shown = _shown(spec, value)[self._at]
            texts.append(shown if len(actual) == 1 else f"{spec.label[self._language]}: {shown}")
        return "; ".join(texts) if self._at else "；".join(texts).replace(": ", "：")

    def _error(self, result: Result, rows: SheetRows) -> None:
        error = result.body["error"]
        for one in error.get("errors", [error]):
            said = f"{one['detail']} ({one['help']})" if one.get("help") else one["detail"]
            rows.errors.append([result.row.number, one.get("cell"), one.get("column"), result.body["id"], said])

    def label(self, missing: str) -> str:
        """A missing fact in words: of `rooms.music` the item too, of `rate@2025` the period."""
        name, _, item = missing.partition(".")
        name, _, period = name.partition("@")
        spec = self._facts[name]
        found = spec.label[self._language]
        if item:
            found += f"·{phrases.option(spec, item)[self._at]}"
        return f"{found}（{period}）" if period else found


def _shown(spec: FactSpec, value: object) -> tuple[str, str]:
    if spec.type_name == "date" and isinstance(value, str):
        value = date.fromisoformat(value)
    return ("–", "–") if value is None else phrases.value(spec, value)


def _listed(labels: Sequence[str], at: int) -> str:
    text = ("、", "; ")[at].join(labels)
    return text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 1] + "…"


class _Forgiving:
    """A stream that keeps its first mistake to itself and takes nothing more after it.

    The archive of a book would try to end itself whenever it is thrown away, on a full disk or a closed file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at = 0
        self.failed: OSError | None = None

    def write(self, data: bytes) -> int:
        """As of a file."""
        self._try(lambda: self._stream.write(data))
        self._at += len(data)
        return len(data)

    def seek(self, at: int, whence: int = 0) -> int:
        """As of a file."""
        if self._try(lambda: self._stream.seek(at, whence)):
            self._at = self._stream.tell()
        return self._at

    def tell(self) -> int:
        """As of a file."""
        return self._at

    def flush(self) -> None:
        """As of a file."""
        self._try(self._stream.flush)

    def seekable(self) -> bool:
        """As of a file."""
        return True

    def _try(self, act: Callable[[], object]) -> bool:
        if self.failed is None:
            try:
                act()
            except OSError as error:
                self.failed = error
        return self.failed is None


class XlsxWriter:
    """Writes the sheets row by row, so that memory does not grow with them."""

    def __init__(self, stream: BinaryIO, library: Library, language: str, about: Mapping[str, object]) -> None:
        self._form = XlsxForm(library, language)
        self._library = library
        self._at = ("zh", "en").index(language)
        self._about = about
        # Rows wait in files of a folder that goes whatever happens.
        self._folder = TemporaryDirectory(prefix="xueheng-")
        options = {
            "constant_memory": True,
            "tmpdir": self._folder.name,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self._stream = _Forgiving(stream)
        self._book = xlsxwriter.Workbook(self._stream, options)
        self._head = self._book.add_format({"bold": True, "bg_color": "#D9D9D9", "border": 1, "text_wrap": True})
        self._top = self._book.add_format({"valign": "top"})
        self._wrapped = self._book.add_format({"valign": "top", "text_wrap": True})
        self._coloured = {
            verdict: self._book.add_format({"valign": "top", "bg_color": colour})
            for verdict, colour in _COLOURS.items()
        }
        self._sheets = {
            name: _Sheet(self, titles[self._at], columns)
            for name, titles, columns in (
                ("outcomes", ("结果", "Outcomes"), _OUTCOMES),
                ("findings", ("不符合与未到期", "Findings"), _FINDINGS),
                ("missing", ("缺少的事实", "Missing facts"), _MISSING),
                ("errors", ("未判定的记录", "Not judged"), _ERRORS),
            )
        }
        self._missing: Counter[str] = Counter()
        self._rulesets: dict[str, Json] = {}
        self._stopped: str | None = None

    def block(self, judged: Judged) -> None:
        """The next rows."""
        rows: SheetRows = judged.content
        for head in judged.heads:
            self._rulesets.setdefault(f"{head['id']}@{head['version']}", head)
        for name in ("outcomes", "findings", "errors"):
            for row in getattr(rows, name):
                self._sheets[name].add(row)
        self._missing.update(rows.missing)
        if judged.stopped is not None:
            self._stopped = judged.stopped["detail"]

    def end(self, totals: Totals, remarks: Sequence[tuple[str, str]]) -> None:
        """The facts to be filled in, most wanted first, and a sheet about it all."""
        for name, number in sorted(self._missing.items(), key=lambda item: (-item[1], item[0])):
            self._sheets["missing"].add([self._form.label(name), name, number])
        for sheet in self._sheets.values():
            sheet.close()
        self._write_about(totals, remarks)
        try:
            self._book.close()
        except FileCreateError as error:
            # Of its temporary files; it stands for what the system said.
            raise error.args[0] from None
        if self._stream.failed is not None:
            raise self._stream.failed
        self._folder.cleanup()

    def abandon(self) -> None:
        """Leave the book as it is, and its temporary files nowhere."""
        for sheet in self._book.worksheets():
            # On a full disk closing fails, and what waits to be written goes nowhere in any case.
            with suppress(OSError):
                sheet.row_data_fh.close()
        self._folder.cleanup()

    def _write_about(self, totals: Totals, remarks: Sequence[tuple[str, str]]) -> None:
        sheet = self._book.add_worksheet(("说明", "About")[self._at])
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 100)
        lines: list[tuple[str, object]] = [
            (("文件", "File")[self._at], self._about.get("file")),
            (("评估日期", "As of")[self._at], self._about.get("as_of")),
            (("已判定记录数", "Records judged")[self._at], sum(totals.outcomes.values())),
            (("未判定记录数", "Records not judged")[self._at], totals.errors),
        ]
        for name, head in self._rulesets.items():
            ruleset = self._library.rulesets[name]
            notices = f" ({', '.join(head['notices'])})" if head["notices"] else ""
            cited = f"{ruleset.title[('zh', 'en')[self._at]]}, {ruleset.document.cited_as}{notices}"
            lines += [(name, cited), ("", head["digest"])]
        for letter in _LETTERS:
            verdict = CODES[letter].value
            lines.append((f"{_VERDICTS[verdict][self._at]} ({letter})", totals.counts[verdict]))
        lines += [(("提示", "Note")[self._at], remark[self._at]) for remark in remarks]
        if self._stopped is not None:
            lines.append((("中止", "Stopped")[self._at], self._stopped))
        for i, (name, value) in enumerate(lines):
            sheet.write_string(i, 0, name, self._top)
            _write(sheet, i, 1, value, self._wrapped)

    # --- what a sheet needs of the book -------------------------------------------------------

    def new_sheet(self, title: str, columns: Sequence[_Column]) -> Any:
        """A sheet with its headings, frozen."""
        sheet = self._book.add_worksheet(title)
        sheet.freeze_panes(1, 3 if len(columns) > 5 else 0)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        for i, column in enumerate(columns):
            sheet.set_column(i, i, column[2])
            sheet.write_string(0, i, column[self._at], self._head)
        return sheet

    def write(self, sheet: Any, number: int, values: Sequence[Any], columns: Sequence[_Column]) -> None:
        """One row; verdicts in words and colours."""
        if _LIST in columns:
            # As high as one line: a list of all that is missing would fill a page.
            sheet.set_row(number, _LINE_POINTS)
        for i, value in enumerate(values):
            if isinstance(value, Said):
                form = self._coloured.get(value.verdict, self._top)
                sheet.write_string(number, i, _VERDICTS[value.verdict][self._at], form)
            else:
                _write(sheet, number, i, value, self._wrapped)


class _Sheet:
    """A growing table; where a sheet is full the next one goes on."""

    def __init__(self, writer: XlsxWriter, title: str, columns: Sequence[_Column]) -> None:
        self._writer = writer
        self._title = title
        self._columns = columns
        self._sheets = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        title = self._title if self._sheets == 1 else f"{self._title} {self._sheets}"
        self._sheet = self._writer.new_sheet(title, self._columns)
        self._rows = 0

    def add(self, values: Sequence[Any]) -> None:
        if self._rows == _MAX_ROWS:
            self.close()
            self._begin()
        self._rows += 1
        self._writer.write(self._sheet, self._rows, values, self._columns)

    def close(self) -> None:
        self._sheet.autofilter(0, 0, self._rows, len(self._columns) - 1)


def _write(sheet: Any, row: int, column: int, value: object, form: Any) -> None:
    """A value as what it is; text always as text."""
    match value:
        case None | "":
            sheet.write_blank(row, column, None, form)
        case bool():
            sheet.write_boolean(row, column, value, form)
        case int() | float():
            sheet.write_number(row, column, value, form)
        case _:
            sheet.write_string(row, column, str(value)[:_MAX_CELL], form)
