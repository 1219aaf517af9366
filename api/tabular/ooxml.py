"""Workbooks of the kind .xlsx (ECMA-376) → cells, as a stream in bounded memory.

Read here and not by a library because none tells all that decides whether a cell can be trusted: how it shows its
number, whether a formula was ever calculated, what is merged and hidden; and a file may unpack to any size.
"""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, BinaryIO
from xml.parsers import expat

from api.tabular.cells import Broken, Cell, Figure
from api.tabular.formats import form_of
from api.tabular.heads import Merge
from api.tabular.records import BadFile, Budget

__all__ = ["Layout", "SheetEntry", "Workbook"]

_CHUNK = 1 << 16
_MAX_PARTS = 10_000
_MAX_TAG = 4_000_000
"""Bytes of one tag: the parser holds what has not ended yet."""
_MAX_MERGES = 100_000
_MAX_NAMES = 1_000
"""Names that are remembered; a hostile file has as many as it likes."""
_DIGITS = "0123456789"
_MAX_ROW, _MAX_COLUMN = 1_048_576, 16_384
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A sheet of the workbook by its name and part; `hidden` from whoever opens it."""

    name: str
    part: str
    hidden: bool


@dataclass(slots=True)
class Layout:
    """What stands in a sheet beside its cells. `hidden_columns` are ranges from 1."""

    merges: list[Merge] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)


class Workbook:
    """An open workbook. Raises BadFile for what is none, is damaged, or unpacks to too much."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._budget = budget
        try:
            self._zip = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise BadFile(f"it is no workbook: {error}") from None
        if len(self._zip.namelist()) > _MAX_PARTS:
            raise BadFile(f"it has more than {_MAX_PARTS:,} parts")
        self._parts = {name.lower().lstrip("/"): name for name in self._zip.namelist()}
        part = self._office_document()
        reader = _WorkbookXml()
        self._parse(part, reader.start)
        related = self._related(part)
        self.sheets = [
            SheetEntry(name, related[relation][1], state in ("hidden", "veryHidden"))
            for name, relation, state in reader.sheets
            if relation in related and related[relation][0] == "worksheet"
        ]
        self._from_1904 = reader.from_1904
        self._uncalculated = reader.uncalculated
        self._forms = ["plain"]
        self._texts: list[str] = []
        for kind, target in related.values():
            if kind == "styles" and self._has(target):
                styles = _StylesXml()
                self._parse(target, styles.start)
                self._forms = styles.forms() or self._forms
            elif kind == "sharedStrings" and self._has(target):
                strings = _StringsXml(self._budget.limits.text_bytes)
                self._parse(target, strings.start, strings.end, strings.text)
                self._texts = strings.found

    def layout(self, entry: SheetEntry) -> Layout:
        """What stands beside the cells: merged ranges are listed behind them, so the whole sheet is looked through."""
        reader = _LayoutXml()
        self._parse(entry.part, reader.start)
        return reader.layout

    def rows(self, entry: SheetEntry) -> Iterator[tuple[int, list[Cell]]]:
        """The rows with their numbers, from 1. Rows and cells that are not written are left out or None."""
        reader = _SheetXml(self._texts, self._forms, self._budget, self._from_1904, self._uncalculated)
        parser = _parser(reader.start, reader.end, reader.text)
        for _ in self._feed(entry.part, parser):
            yield from reader.rows
            reader.rows.clear()
        yield from reader.rows

    # --- parts --------------------------------------------------------------------------------

    def _has(self, part: str) -> bool:
        return part.lower() in self._parts

    def _office_document(self) -> str:
        for kind, target in self._related("").values():
            if kind == "officeDocument" and self._has(target):
                return target
        raise BadFile("it is no workbook: it names no list of sheets")

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """The relations of a part by id: the last word of their type, and the part that they lead to."""
        folder, name = posixpath.split(part)
        rels = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, tuple[str, str]] = {}

        def start(tag: str, attributes: Attributes) -> None:
            if _local(tag) == "Relationship" and attributes.get("TargetMode") != "External":
                kind = attributes.get("Type", "").rsplit("/", 1)[-1]
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                found[attributes.get("Id", "")] = (kind, target.lstrip("/"))

        if self._has(rels):
            self._parse(rels, start)
        return found

    def _open(self, part: str) -> IO[bytes]:
        name = self._parts.get(part.lower())
        if name is None:
            raise BadFile(f"it is damaged: the part {part} is missing")
        try:
            return self._zip.open(name)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            # RuntimeError: the part is encrypted by the archive itself.
            raise BadFile(f"it is damaged, or protected by a password: {error}") from None

    def _parse(
        self,
        part: str,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        for _ in self._feed(part, _parser(start, end, text)):
            pass

    def _feed(self, part: str, parser: expat.XMLParserType) -> Iterator[None]:
        """Parse a part piece by piece."""
        fed = 0
        with self._open(part) as stream:
            try:
                while block := stream.read(_CHUNK):
                    self._budget.unpacked(len(block))
                    parser.Parse(block, False)
                    fed += len(block)
                    if fed - parser.CurrentByteIndex > _MAX_TAG:
                        raise BadFile(f"it is damaged: {part} has a tag without end")
                    yield
                parser.Parse(b"", True)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                raise BadFile(f"it is damaged: {error}") from None
            except expat.ExpatError as error:
                raise BadFile(f"it is damaged: {part} is no XML ({error})") from None
            except (ValueError, OverflowError, LookupError) as error:
                raise BadFile(f"it is damaged: {part} holds what no workbook has ({error})") from None


def _parser(
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None,
    text: Callable[[str], None] | None,
) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _no_doctype
    return parser


def _no_doctype(*_: object) -> None:
    # Entities are declared there, and a few of them can unfold without end. No workbook needs any.
    raise BadFile("it declares a document type, which no workbook does")


class _Locals(dict[str, str]):
    """The names of elements without their namespaces, of which there are two, transitional and strict."""

    def __missing__(self, tag: str) -> str:
        name = tag.rpartition(" ")[2]
        if len(self) < _MAX_NAMES:
            self[tag] = name
        return name


_LOCALS = _Locals()
_local = _LOCALS.__getitem__


class _Columns(dict[str, int]):
    """The numbers of columns, from 1, by their letters."""

    def __missing__(self, letters: str) -> int:
        column = _position(f"{letters}1")[0]
        self[letters] = column
        return column


def _flag(attributes: Mapping[str, str], name: str) -> bool:
    return attributes.get(name) in ("1", "true", "on")


def _unescaped(text: str) -> str:
    """Signs that XML cannot hold are written `_x000D_`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


class _WorkbookXml:
    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []
        self.from_1904 = False
        self.uncalculated = False

    def start(self, tag: str, attributes: Attributes) -> None:
        match _local(tag):
            case "sheet":
                relation = next((v for k, v in attributes.items() if k.endswith(" id")), "")
                self.sheets.append((attributes.get("name", ""), relation, attributes.get("state", "visible")))
            case "workbookPr":
                self.from_1904 = _flag(attributes, "date1904")
            case "calcPr":
                # Programs that write formulas without calculating them ask for it on opening.
                self.uncalculated = _flag(attributes, "fullCalcOnLoad")


class _StylesXml:
    def __init__(self) -> None:
        self._codes: dict[int, str] = {}
        self._numbers: list[int] = []
        self._inside = False

    def start(self, tag: str, attributes: Attributes) -> None:
        match _local(tag):
            case "numFmt":
                self._codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
            case "cellXfs":
                self._inside = True
            case "cellStyles" | "dxfs":
                self._inside = False
            case "xf" if self._inside:
                self._numbers.append(int(attributes.get("numFmtId", "0")))

    def forms(self) -> list[str]:
        """The form of every cell format, in order."""
        return [form_of(number, self._codes.get(number)) for number in self._numbers]


class _StringsXml:
    """Shared texts; the readings that East Asian texts may carry (`rPh`) are no part of them."""

    def __init__(self, most: int) -> None:
        self.found: list[str] = []
        self._left = most
        self._most = most
        self._pieces: list[str] = []
        self._in_text = False
        self._in_reading = False

    def start(self, tag: str, attributes: Attributes) -> None:
        match _local(tag):
            case "si":
                self._pieces.clear()
            case "t":
                self._in_text = not self._in_reading
            case "rPh":
                self._in_reading = True

    def end(self, tag: str) -> None:
        match _local(tag):
            case "si":
                # An empty one takes room as well.
                self._left -= 64
                self.found.append(_unescaped("".join(self._pieces)))
                self._check()
            case "t":
                self._in_text = False
            case "rPh":
                self._in_reading = False

    def text(self, text: str) -> None:
        if self._in_text:
            self._left -= len(text)
            self._check()
            self._pieces.append(text)

    def _check(self) -> None:
        if self._left < 0:
            raise BadFile(f"its texts are longer than {self._most:,} characters")


class _LayoutXml:
    def __init__(self) -> None:
        self.layout = Layout()
        self._row = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        match _local(tag):
            case "row":
                self._row = int(attributes.get("r", self._row + 1))
                if _flag(attributes, "hidden"):
                    self.layout.hidden_rows.append(self._row)
            case "col" if _flag(attributes, "hidden"):
                self.layout.hidden_columns.append((int(attributes["min"]), int(attributes["max"])))
            case "mergeCell":
                first, _, last = attributes.get("ref", "").partition(":")
                (left, top), (right, bottom) = _position(first), _position(last or first)
                self.layout.merges.append(Merge(top, left, bottom, right))
                if len(self.layout.merges) > _MAX_MERGES:
                    raise BadFile(f"it has more than {_MAX_MERGES:,} merged ranges")


def _position(reference: str) -> tuple[int, int]:
    """Column and row, from 1, of `B7`. Raises ValueError."""
    match = _REFERENCE.fullmatch(reference.replace("$", ""))
    if match is None:
        raise ValueError(f"`{reference[:20]}` is no cell")
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    row = int(match[2])
    if not (column <= _MAX_COLUMN and 1 <= row <= _MAX_ROW):
        raise ValueError(f"there is no cell `{reference[:20]}`")
    return column, row


class _SheetXml:
    """Collects the cells of complete rows in `rows`."""

    def __init__(self, texts: list[str], forms: list[str], budget: Budget, from_1904: bool, uncalculated: bool) -> None:
        self.rows: list[tuple[int, list[Cell]]] = []
        self._texts = texts
        self._forms = forms
        self._budget = budget
        self._longest = budget.limits.cell_characters
        self._from_1904 = from_1904
        self._uncalculated = uncalculated
        self._row = 0
        self._column = 0
        self._columns = _Columns()
        self._cells: list[Cell] = []
        self._type = "n"
        self._style = 0
        self._formula = False
        self._has_value = False
        self._pieces: list[str] = []
        self._length = 0
        self._taking = False
        self._in_reading = False

    def start(self, tag: str, attributes: Attributes) -> None:
        match _local(tag):
            case "c":
                reference = attributes.get("r")
                self._column = self._columns[reference.rstrip(_DIGITS)] if reference else self._column + 1
                self._type = attributes.get("t", "n")
                self._style = int(attributes.get("s", "0"))
                self._formula = self._has_value = False
                self._pieces.clear()
                self._length = 0
            case "v":
                self._has_value = self._taking = True
            case "t":
                self._taking = not self._in_reading
            case "is":
                self._has_value = True
            case "f":
                self._formula = True
            case "rPh":
                self._in_reading = True
            case "row":
                number = int(attributes.get("r", self._row + 1))
                if not self._row < number <= _MAX_ROW:
                    raise ValueError(f"row {number} stands after row {self._row}")
                self._row, self._column = number, 0
                self._budget.row(number)

    def end(self, tag: str) -> None:
        match _local(tag):
            case "c":
                cell = self._cell()
                if cell is not None:
                    missing = self._column - 1 - len(self._cells)
                    if missing < 0:
                        raise ValueError(f"a cell of row {self._row} stands twice")
                    self._cells.extend([None] * missing)
                    self._cells.append(cell)
            case "v" | "t":
                self._taking = False
            case "rPh":
                self._in_reading = False
            case "row":
                if self._cells:
                    self.rows.append((self._row, self._cells))
                    self._cells = []

    def text(self, text: str) -> None:
        if self._taking:
            self._length += len(text)
            # Kept until it is clear that it is too long, not until memory ends.
            if self._length <= self._longest + 1:
                self._pieces.append(text)

    def _cell(self) -> Cell:
        if self._length > self._longest:
            return Broken(f"the cell is longer than {self._longest:,} characters")
        text = "".join(self._pieces)
        if self._formula and (self._uncalculated or not self._has_value or (not text and self._type != "str")):
            return Broken(
                "the cell holds a formula that was never calculated: open the file in a spreadsheet and save it"
            )
        if not self._has_value:
            return None
        match self._type:
            case "s":
                return self._texts[_index(text, len(self._texts))]
            case "str" | "inlineStr":
                return _unescaped(text)
            case "b":
                return text.strip() in ("1", "true")
            case "e":
                return Broken(f"the cell shows the error {text.strip()[:20]}")
            case "d":
                return text.strip().removesuffix("T00:00:00")
            case _:
                return self._figure(text.strip())

    def _figure(self, text: str) -> Cell:
        if not text:
            return None
        if _NUMBER.fullmatch(text) is None or len(text) > 100 or not math.isfinite(float(text)):
            raise ValueError(f"`{text[:20]}` is no number")
        form = self._forms[self._style] if self._style < len(self._forms) else "plain"
        return Figure(text, form, self._from_1904)


def _index(text: str, length: int) -> int:
    index = int(text)
    if not 0 <= index < length:
        raise ValueError(f"there is no text number {index}")
    return index
