"""The table of a run: machine, commit, versions, and a row for each measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

__all__ = ["Remark", "Report", "Row"]

RESULTS = Path(__file__).parent / "results"
LATEST = "latest.json"
PACKAGES = ("duckdb", "granian", "litestar", "msgspec", "numpy", "pyarrow")


@dataclass(frozen=True)
class Row:
    """One measurement. `limit` is what must hold, in words; None where nothing is promised."""

    section: str
    name: str
    value: float
    unit: str
    limit: str | None = None
    holds: bool = True


@dataclass(frozen=True)
class Remark:
    """What must be known beside the numbers of a section."""

    section: str
    text: str


@dataclass
class Report:
    """Collects rows; knows the machine. `file` is its name under `bench/results/`."""

    file: str = LATEST
    packages: tuple[str, ...] = PACKAGES
    rows: list[Row] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def add(
        self,
        section: str,
        name: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Add a measurement, with the most or the least that it may be where something is promised."""
        limit, holds = None, True
        if at_most is not None:
            limit, holds = f"at most {at_most:g}", value <= at_most
        if at_least is not None:
            limit, holds = f"at least {at_least:g}", value >= at_least
        self.rows.append(Row(section, name, value, unit, limit, holds))

    def remark(self, section: str, text: str) -> None:
        """Add a remark."""
        self.remarks.append(Remark(section, text))

    @property
    def holds(self) -> bool:
        """True when every promise holds."""
        return all(row.holds for row in self.rows)

    def head(self) -> dict[str, object]:
        """Machine, commit and versions."""
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")
        return {
            "date": datetime.now(UTC).date().isoformat(),
            "commit": commit or "unknown",
            "uncommitted_changes": bool(changed),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, {_processor()}",
            "versions": {name: version(name) for name in self.packages},
        }

    def print(self) -> None:
        """The table, for people."""
        for key, value in self.head().items():
            print(f"{key}: {value}")
        width = max((len(row.name) for row in self.rows), default=0)
        sections = [*(remark.section for remark in self.remarks), *(row.section for row in self.rows)]
        for section in dict.fromkeys(sections):
            print(f"\n{section}")
            for remark in self.remarks:
                if remark.section == section:
                    print(f"  {remark.text}")
            for row in self.rows:
                if row.section == section:
                    promise = "" if row.limit is None else f"   {row.limit}: {'holds' if row.holds else 'MISSED'}"
                    print(f"  {row.name:<{width}}  {row.value:>14,.3f} {row.unit}{promise}")

    def write(self) -> None:
        """The same as JSON; what could not be measured (NaN) is null."""
        RESULTS.mkdir(exist_ok=True)
        body = {
            **self.head(),
            "remarks": [asdict(remark) for remark in self.remarks],
            "rows": [asdict(row) for row in self.rows],
        }
        (RESULTS / self.file).write_bytes(msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n")


def _git(*arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown processor"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
