"""The country in a process of its own, so that its memory can be told. Prints one line of JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench import country, entry, parquet, synthetic
from engine.backends.base import Context
from engine.check.ir import Program


def main(folder: Path, rounds: int) -> None:
    """Run some times; the shortest counts, the memory of all of them together."""
    started = time.perf_counter()
    program = synthetic.library().program(country.RULESET, "county")
    places = country.contexts(pq.read_metadata(folder / "counties.parquet").num_rows)
    start = time.perf_counter() - started
    runs = [_run(folder, program, places) for _ in range(rounds)]
    best = min(runs, key=lambda steps: sum(steps.values()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"steps": best, "seconds": sum(best.values()), "peak_bytes": peak, "start": start}))


def _run(folder: Path, program: Program, places: list[Context]) -> dict[str, float]:
    clock = [time.perf_counter()]
    counties, county_table = parquet.read(folder / "counties.parquet", program)
    schools, school_table = parquet.read(folder / "schools.parquet", program.members["school"])
    ids = county_table.column("id").combine_chunks()
    # The schools of a file stand in any order; members stand by the row of their county.
    county_of = school_table.column("parent").combine_chunks().dictionary_encode()
    rows = pc.index_in(county_of.dictionary, ids)
    of = rows.to_numpy()[county_of.indices.to_numpy()].astype(np.intp)
    if (np.diff(of) < 0).any():
        order = np.argsort(of, kind="stable")
        schools, of = schools.take(order), of[order]
    clock.append(time.perf_counter())
    prepared = entry.prepare_with_schools(program, counties, schools, of, places)
    clock.append(time.perf_counter())
    codes: list[str] = []
    findings: list[bytes] = []
    for of_block, told in entry.findings(prepared):
        codes += of_block
        findings += told
    clock.append(time.perf_counter())
    results = pa.array([b"{%s}" % told for told in findings], pa.string())
    table = pa.table({"id": ids, "codes": pa.array(codes), "result": results})
    pq.write_table(table, folder / "verdicts.parquet")
    clock.append(time.perf_counter())
    names = ("read", "columns into blocks", "roll up, judge, find", "write")
    return {name: after - before for name, before, after in zip(names, clock, clock[1:], strict=False)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
