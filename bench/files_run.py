"""Files of many sizes through `xueheng check` in one process, in turns. Prints one line of JSON.

What a start costs is then the same for all of them, and so is, within a round, how quick the machine is at the moment.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from api.cli.check import check
from bench import synthetic

__all__: list[str] = []

_SHORT, _TIMES = 20_000, 3
"""Files of so few records are judged so many times in a round: else what is told of them is mostly noise."""


def main(folder: Path, rounds: int, counts: list[int]) -> None:
    """By round: seconds of processor time for each count, in order."""
    print(json.dumps([[_least(folder, count) for count in counts] for _ in range(rounds)]))


def _least(folder: Path, count: int) -> float:
    return min(_once(folder, count) for _ in range(_TIMES if count <= _SHORT else 1))


def _once(folder: Path, count: int) -> float:
    arguments = [str(folder / f"{count}.parquet"), "-o", str(folder / "told-again.parquet")]
    options = ["--as-of", synthetic.ON.isoformat(), "--processes", "1"]
    # What earlier runs left is not looked through again.
    gc.collect()
    gc.freeze()
    started = time.process_time()
    ended = check.main([*arguments, *options], prog_name="xueheng check", standalone_mode=False)
    seconds = time.process_time() - started
    if ended:
        raise SystemExit(f"bench: xueheng check ended with code {ended}")
    return seconds


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [int(count) for count in sys.argv[3:]])
