"""NDJSON files → records. They are in the batch interface's own form already."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence

import msgspec

from api.tabular.records import (
    BLOCK_BYTES,
    BLOCK_RECORDS,
    BadFile,
    Budget,
    Defaults,
    Fault,
    Notice,
    Origin,
    Parsed,
    Row,
)
from api.tabular.streams import Counted
from api.tabular.text import MAX_LINE_BYTES

__all__ = ["NdjsonTable"]

_ENCODER = msgspec.json.Encoder()
_OBJECT: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOO_LONG = b""
"""Stands for a line that was longer than can be read; blank lines are left out before."""


class _Tie(msgspec.Struct):
    """What ties a record to others, where it can be read."""

    id: str | None = None
    parent: str | None = None


_TIE = msgspec.json.Decoder(_Tie)


def _tie(line: bytes) -> _Tie:
    try:
        return _TIE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # What is wrong with the record is told where it is judged.
        return _Tie()


class NdjsonTable:
    """A `Table` of lines of JSON; blank lines are left out."""

    notices: Sequence[Notice] = ()

    def __init__(self, stream: Counted, defaults: Defaults, budget: Budget, *, families: bool) -> None:
        self._stream = stream
        self._budget = budget
        self.origin = Origin()
        self.families = families
        self._given = {
            name: value
            for name, value in (("division", defaults.division), ("subject", defaults.subject))
            if value is not None
        }

    def progress(self) -> tuple[int, int | None]:
        """Bytes read."""
        return self._stream.progress()

    def blocks(self) -> Iterator[list[tuple[int, bytes]]]:
        """The lines with their numbers. Raises BadFile."""
        block: list[tuple[int, bytes]] = []
        size = 0
        for number, line in self._lines():
            if b'"parent"' in line and not self.families:
                raise BadFile(
                    f"line {number:,} names a parent, and records before it may have been judged: "
                    "name the file instead of sending it through a pipe"
                )
            block.append((number, line))
            size += len(line)
            if len(block) == BLOCK_RECORDS or size > BLOCK_BYTES:
                self._budget.in_time()
                yield block
                block, size = [], 0
        if block:
            yield block

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while line := self._stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            self._budget.row(number)
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = self._stream.readline(MAX_LINE_BYTES)
                yield number, _TOO_LONG
                continue
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            line = line.strip()
            if line:
                yield number, line

    def parse(self, block: object) -> Parsed:
        """The records of a block."""
        assert isinstance(block, list)
        return Parsed([self._row(number, line) for number, line in block])

    def _row(self, number: int, line: bytes) -> Row:
        if line == _TOO_LONG:
            detail = f"the line is longer than {MAX_LINE_BYTES:,} bytes"
            return Row(number, b"{}", self.origin, faults=(Fault("body-too-large", detail),))
        tie = _tie(line) if self.families else _Tie()
        return Row(number, self._completed(line), self.origin, tie.id, parent=tie.parent)

    def _completed(self, line: bytes) -> bytes:
        """The record with the defaults where it lacks them. A line that is no object stays as it is."""
        if not self._given:
            return line
        try:
            record = _OBJECT.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return line
        return line if self._given.keys() <= record.keys() else _ENCODER.encode({**self._given, **record})
