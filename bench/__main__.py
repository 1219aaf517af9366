"""`make bench`: run every measurement, print a table, keep it in `bench/results/latest.json`."""

from __future__ import annotations

import sys

from bench import kernel, single
from bench.report import Report


def main() -> int:
    """Run all measurements. Exit code 1 when a stated limit is missed."""
    report = Report()
    kernel.measure(report)
    single.measure(report)
    report.print()
    report.write()
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
