"""The table of a run: machine, commit, versions, and a row for each measurement."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "latest.json"
PACKAGES = ("granian", "litestar", "msgspec", "numpy")


@dataclass(frozen=True)
class Row:
    """One measurement. `limit` is what must hold, in words; None where nothing is promised."""

    name: str
    value: float
    unit: str
    limit: str | None = None
    holds: bool = True


@dataclass
class Report:
    """Collects rows; knows the machine."""

    rows: list[Row] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, *, at_most: float | None = None) -> None:
        """Add a measurement, with the most it may be where something is promised."""
        limit = None if at_most is None else f"at most {at_most:g}"
        self.rows.append(Row(name, value, unit, limit, at_most is None or value <= at_most))

    @property
    def holds(self) -> bool:
        """True when every promise holds."""
        return all(row.holds for row in self.rows)

    def head(self) -> dict[str, object]:
        """Machine, commit and versions."""
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
        return {
            "date": datetime.now(UTC).date().isoformat(),
            "commit": commit.stdout.strip() or "unknown",
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {_cores()} cores, {_processor()}",
            "versions": {name: version(name) for name in PACKAGES},
        }

    def print(self) -> None:
        """The table, for people."""
        for key, value in self.head().items():
            print(f"{key}: {value}")
        width = max(len(row.name) for row in self.rows)
        for row in self.rows:
            promise = "" if row.limit is None else f"   {row.limit}: {'holds' if row.holds else 'MISSED'}"
            print(f"{row.name:<{width}}  {row.value:>14,.3f} {row.unit}{promise}")

    def write(self) -> None:
        """The same as JSON."""
        RESULTS.parent.mkdir(exist_ok=True)
        body = {**self.head(), "rows": [asdict(row) for row in self.rows]}
        RESULTS.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
