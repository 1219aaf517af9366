"""Results as NDJSON: the reply of the batch interface, mistakes with their place in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from api.reports.results import Json, Judged, Result, Totals
from engine.verdicts import Verdict

__all__ = ["NdjsonForm", "NdjsonWriter"]

_ENCODE = msgspec.json.Encoder().encode
_DECODER: msgspec.json.Decoder[Json] = msgspec.json.Decoder(Json)


class NdjsonForm:
    """One line for each result, as it came wherever nothing was changed."""

    def content(self, results: Sequence[Result], heads: Sequence[Json]) -> bytes:
        """The lines of the results."""
        return b"".join(
            (_ENCODE({"result": result.body}) if result.line is None else result.line) + b"\n" for result in results
        )


class NdjsonWriter:
    """Puts blocks together: rulesets are named once and numbered over the whole file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._indexes: dict[str, int] = {}
        self._stopped = False

    def block(self, judged: Judged) -> None:
        """The rulesets that are new, then the results."""
        numbers: list[int] = []
        for head in judged.heads:
            name = f"{head['id']}@{head['version']}"
            if name not in self._indexes:
                self._indexes[name] = len(self._indexes)
                self._stream.write(_ENCODE({"ruleset": {**head, "index": self._indexes[name]}}) + b"\n")
            numbers.append(self._indexes[name])
        if numbers == list(range(len(numbers))):
            self._stream.write(judged.content)
        else:
            for line in judged.content.splitlines():
                self._stream.write(_ENCODE(_renumbered(_DECODER.decode(line), numbers)) + b"\n")
        self._stopped = judged.stopped is not None
        if judged.stopped is not None:
            self._stream.write(_ENCODE({"error": judged.stopped}) + b"\n")

    def end(self, totals: Totals, remarks: Sequence[tuple[str, str]]) -> None:
        """The counts, unless the batch was stopped."""
        if self._stopped:
            return
        counts = {verdict.value: totals.counts[verdict.value] for verdict in Verdict}
        self._stream.write(_ENCODE({"counts": counts}) + b"\n")

    def abandon(self) -> None:
        """Nothing is held."""


def _renumbered(line: Json, numbers: Sequence[int]) -> Json:
    result = line["result"]
    for body in (result, *result.get("included", ())):
        if "ruleset" in body:
            body["ruleset"] = numbers[body["ruleset"]]
    return line
