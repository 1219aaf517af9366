"""`make bench`: run the measurements, print a table, keep it in `bench/results/latest.json`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from bench import country, files, formats, kernel, scaling, single
from bench.checks import Disagreement
from bench.report import Report

MEASUREMENTS: dict[str, Callable[[Report], None]] = {
    "kernel": kernel.measure,
    "scaling": scaling.measure,
    "formats": formats.measure,
    "country": country.measure,
    "files": files.measure,
    "single": single.measure,
}


def main() -> int:
    """Run all measurements, or those that are named. Exit code 1 when a promise is missed, 2 when answers differ."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=(*MEASUREMENTS, []), help="what to measure; all by default")
    only = parser.parse_args().only
    report = Report()
    try:
        for name in only or MEASUREMENTS:
            began = time.monotonic()
            MEASUREMENTS[name](report)
            print(f"{name}: measured in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    except Disagreement as disagreement:
        print(f"bench: {disagreement}; nothing more is timed", file=sys.stderr)
        return 2
    report.print()
    if not only:
        report.write()
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
