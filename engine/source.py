"""Files, spans, and offsets inside YAML scalars.

A `Source` is a text with a name. All offsets count Unicode code points from 0; `end` is exclusive.
Lines and columns, as shown to people, count from 1.
"""

from __future__ import annotations

import re
from bisect import bisect_right

import msgspec

__all__ = ["Source", "Span", "Text"]

_ESCAPE_LENGTHS = {"x": 2, "u": 4, "U": 8}


class Source:
    """A named text. `path` is relative to the folder of rulesets and is only ever shown."""

    __slots__ = ("_line_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        # Made when somebody asks for a place: a file without mistakes is never asked.
        self._line_starts: list[int] | None = None

    def _starts(self) -> list[int]:
        if self._line_starts is None:
            self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        return self._line_starts

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        starts = self._starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1) without its end."""
        starts = self._starts()
        start = starts[number - 1]
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[start:end].rstrip("\r")


class Span(msgspec.Struct, frozen=True):
    """A half-open range of code points of one source."""

    source: Source
    start: int
    end: int


class Text(msgspec.Struct, frozen=True):
    """A YAML scalar: its value, where it stands, and how it was written.

    `style` is libyaml's: None (plain), ``'``, ``"``, ``|`` or ``>``.
    """

    value: str
    source: Source
    start: int
    end: int
    style: str | None = None

    @property
    def span(self) -> Span:
        """Where the scalar stands, with its quotation marks."""
        return Span(self.source, self.start, self.end)

    def part(self, start: int, end: int) -> Span:
        """The span in the file of `value[start:end]`, also inside folded and block scalars."""
        offsets = self._offsets()
        first = offsets[min(start, len(offsets) - 1)]
        last = offsets[min(max(end - 1, start), len(offsets) - 1)]
        return Span(self.source, first, max(last + 1, first + 1))

    @property
    def content(self) -> Span:
        """The span of the value without the marks around it, from its first word on."""
        return self.part(len(self.value) - len(self.value.lstrip()), len(self.value.rstrip()))

    def _offsets(self) -> list[int]:
        """For each code point of the value (and one past it) its offset in the file.

        YAML folding changes white space only, so every other character of the value stands in the
        raw text in the same order: walk both together and skip raw white space. In double quotes an
        escape stands for one character, and a backslash at a line's end for none.
        """
        raw, at = self.source.text, self.start
        if self.style in ("|", ">"):
            # Without a line behind the mark the value is empty, and stands where the file ends.
            at = raw.find("\n", at) + 1 or len(raw)
        elif self.style in ("'", '"'):
            at += 1
        offsets: list[int] = []
        for char in self.value:
            at = self._past_joints(raw, at)
            if char.isspace() and not self._escape_at(raw, at):
                offsets.append(at)
                if raw[at : at + 1].isspace():
                    at += 1
                continue
            while raw[at : at + 1].isspace():
                at = self._past_joints(raw, at + 1)
            offsets.append(at)
            at += self._raw_length(raw, at)
        offsets.append(at)
        return offsets

    def _past_joints(self, raw: str, at: int) -> int:
        """Behind a backslash that joins two lines of a double-quoted scalar, and the next line's indent."""
        while self.style == '"' and raw[at : at + 2] == "\\\n":
            at += 2
            while raw[at : at + 1] in (" ", "\t"):
                at += 1
        return at

    def _escape_at(self, raw: str, at: int) -> bool:
        return self.style == '"' and raw[at : at + 1] == "\\"

    def _raw_length(self, raw: str, at: int) -> int:
        if self.style == "'" and raw[at : at + 2] == "''":
            return 2
        if self._escape_at(raw, at):
            return 2 + _ESCAPE_LENGTHS.get(raw[at + 1 : at + 2], 0)
        return 1
