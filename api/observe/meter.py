"""What one evaluation did, counted beside the work in plain numbers. The metrics take it over once, at its end."""

from __future__ import annotations

from time import perf_counter

import msgspec

__all__ = ["STAGES", "Meter"]

STAGES = ("decode", "columns", "evaluate", "encode", "store")
_LETTERS = "CNTXU"


class Meter(msgspec.Struct):
    """Seconds by stage, verdicts by ruleset and letter, records by subject, refused records by problem type."""

    stages: dict[str, float] = {}
    verdicts: dict[str, dict[str, int]] = {}
    records: dict[str, int] = {}
    problems: dict[str, int] = {}
    since: float = 0.0

    def begin(self) -> Meter:
        """Look at the clock: what follows belongs to the next stage that is named."""
        self.since = perf_counter()
        return self

    def end(self, stage: str) -> None:
        """All since the last look at the clock was this stage."""
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self.since
        self.since = now

    def columns_stand(self) -> None:
        """For the engine to call, which has no clock."""
        self.end("columns")

    def judged(self, ruleset: str, codes: str) -> dict[str, int]:
        """Count the verdicts of one ruleset: a letter each, of one record or of many. Returns these counts."""
        counts = {letter: codes.count(letter) for letter in _LETTERS}
        before = self.verdicts.get(ruleset)
        self.verdicts[ruleset] = counts if before is None else {k: before[k] + n for k, n in counts.items()}
        return counts

    def recorded(self, subject: str, records: int = 1) -> None:
        """Count judged records."""
        self.records[subject] = self.records.get(subject, 0) + records

    def refused(self, slug: str) -> None:
        """Count a record, or the rest of a stream, that could not be judged."""
        self.problems[slug] = self.problems.get(slug, 0) + 1
