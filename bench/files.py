"""Files by `xueheng check`, Parquet to Parquet: cost per record from 10⁴ to 10⁶, memory of all its processes, and a
country in one file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench import checks, country, parquet, synthetic, workloads
from bench.checks import Disagreement
from bench.nation import nation
from bench.report import Report
from bench.workloads import Workload

__all__ = ["measure"]

FIRST = 1_000
RECORDS = (10_000, 100_000, 1_000_000)
CHUNK = 50_000
"""Records that are made at a time; every chunk has a seed of its own, so no two are alike."""
MET, COMPARED = 0.99, 200
TOLD = "told.parquet"
POLL_SECONDS = 0.05
ROUNDS = 3
UNEVENNESS = "dearest / cheapest record, one process"
FLAT_WITHIN = 1.2
MOST_MIB = 1024


def measure(report: Report) -> None:
    """Raises Disagreement when a file's codes are not those of the reference."""
    _schools(report)
    _country(report)


def _schools(report: Report) -> None:
    """Schools that are mostly in order."""
    workload = workloads.load(workloads.SCHOOLS)
    section = f"files: {workload.name}, Parquet to Parquet, with findings"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report.add(section, "starting, for one record", _best(folder, _written(workload, folder, 1)).seconds, "s")
        for count in RECORDS:
            run = _best(folder, _written(workload, folder, count))
            _compare(workload, folder, TOLD)
            report.add(section, f"{count:,} records", run.seconds, "s")
            if count == RECORDS[-1]:
                report.add(section, f"{count:,} records, peak of all processes", run.memory, "MiB", at_most=MOST_MIB)
        _written(workload, folder, FIRST)
        _flat(report, section, workload, folder)


def _flat(report: Report, section: str, workload: Workload, folder: Path) -> None:
    """The cost of a record of files of each size.

    What is done once (imports, plans, the first look at each rule) is done for the first records. With one process, as
    a second one shares caches with the first where they share a core.
    """
    # A machine is quicker at times: the least file is judged at both ends of a round, to see whether it kept its pace.
    counts = (FIRST, *RECORDS, FIRST, RECORDS[0])
    command = [sys.executable, "-m", "bench.files_run", str(folder), str(ROUNDS), *map(str, counts)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    _compare(workload, folder, "told-again.parquet")
    told = [_costs(seconds) for seconds in json.loads(done.stdout.splitlines()[-1])]
    rounds = [found for found in told if found is not None]
    if not rounds:
        report.remark(section, f"the machine is too busy to tell what {RECORDS[0]:,} records cost")
        report.add(section, UNEVENNESS, float("nan"), "×", at_most=FLAT_WITHIN)
        return
    pace, cost = min(rounds, key=lambda found: abs(log(found[0])))
    report.remark(
        section,
        f"a record's cost is that of all beyond the first {FIRST:,}, in processor time; the steadiest of {ROUNDS} "
        f"rounds, in which the {RECORDS[0]:,} at its end took {pace:.2f} times what those at its beginning did; "
        f"dearest / cheapest of all rounds: {', '.join(f'{_unevenness(each):.2f}' for _, each in rounds)}",
    )
    for count in RECORDS:
        report.add(section, f"{count:,} records, one process", cost[count], "µs/record")
    report.add(section, UNEVENNESS, _unevenness(cost), "×", at_most=FLAT_WITHIN)


def _costs(seconds: Sequence[float]) -> tuple[float, dict[int, float]] | None:
    """How the end of a round compares with its beginning, and microseconds of a record by count; None of a round in
    which so many records took less than the first of them.
    """
    first, *of_counts, first_again, again = seconds
    cost = {n: (found - first) / (n - FIRST) * 1e6 for n, found in zip(RECORDS, of_counts, strict=True)}
    begin, end = cost[RECORDS[0]], (again - first_again) / (RECORDS[0] - FIRST) * 1e6
    if min(begin, end) <= 0:
        return None
    return end / begin, {**cost, RECORDS[0]: (begin + end) / 2}


def _unevenness(cost: Mapping[int, float]) -> float:
    return max(cost.values()) / min(cost.values())


def _chunks(workload: Workload, count: int) -> Iterator[pa.RecordBatch]:
    for seed, at in enumerate(range(0, count, CHUNK)):
        columns = synthetic.columns(workload.program, len(workload.contexts), CHUNK, seed=seed + 1, met=MET)
        part = columns.part(0, min(CHUNK, count - at))
        heads = {
            "id": pa.array([f"s-{at + i}" for i in range(part.size)]),
            "division": pa.array([workload.divisions[place] for place in part.places.tolist()]),
            "subject": pa.array([workload.program.subject] * part.size),
        }
        yield parquet.batch(part, heads)


def _written(workload: Workload, folder: Path, count: int) -> Path:
    path = folder / f"{count}.parquet"
    writer: pq.ParquetWriter | None = None
    for batch in _chunks(workload, count):
        if writer is None:
            writer = pq.ParquetWriter(path, batch.schema)
        writer.write_batch(batch)
    assert writer is not None
    writer.close()
    return path


@dataclass(frozen=True)
class _Run:
    """Seconds by the clock, and the most memory, in MiB."""

    seconds: float
    memory: float


def _best(folder: Path, path: Path, *options: str) -> _Run:
    """The least of some runs, and the most memory of any."""
    runs = [_check(folder, path, *options) for _ in range(1 if path.stem == str(RECORDS[-1]) else ROUNDS)]
    return _Run(min(r.seconds for r in runs), max(r.memory for r in runs))


def _check(folder: Path, path: Path, *options: str) -> _Run:
    command = [sys.executable, "-m", "api.cli", "check", str(path), "--as-of", synthetic.ON.isoformat(), *options]
    started = time.perf_counter()
    peak = 0.0
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen([*command, "-o", str(folder / TOLD)], stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - started
    if process.returncode != 0:
        told = (folder / "errors").read_text()[-500:]
        raise SystemExit(f"bench: xueheng check ended with code {process.returncode}: {told}")
    return _Run(seconds, peak)


def _memory(pid: int) -> float:
    """What a process and those below it hold of memory, each shared page counted once over all who share it; MiB."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    kib = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return kib / 1024 + sum(_memory(int(child)) for child in below)


def _country(report: Report) -> None:
    """Counties and their schools in one file, all of them judged."""
    counties, schools = country.COUNTIES, country.SCHOOLS
    section = f"files: {country.RULESET}, {counties:,} counties with {schools:,} schools in one file, all judged"
    program = synthetic.library().program(country.RULESET, "county")
    made = nation(program, counties, schools)
    divisions = pa.array([context.path[0] for context in country.contexts(counties)])
    ids = pa.array([f"county-{i}" for i in range(counties)])
    heads = {"id": ids, "division": divisions, "subject": pa.array(["county"] * counties)}
    of_schools = {
        "id": pa.array([f"school-{i}" for i in range(schools)]),
        "division": divisions.take(made.county_of),
        "subject": pa.array(["school"] * schools),
        "parent": ids.take(made.county_of),
    }
    parts = (parquet.batch(made.counties, heads), parquet.batch(made.schools, of_schools))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(pa.concat_tables(map(pa.table, parts), promote_options="permissive"), folder / "all.parquet")
        run = _best(folder, folder / "all.parquet", "--ruleset", country.RULESET)
        codes = pq.read_table(folder / TOLD, columns=["codes"]).column("codes").slice(0, counties)
        country.compare(program, made, [str(text) for text in codes.to_pylist()])
    report.add(section, "from Parquet to Parquet, with the start", run.seconds, "s")
    report.add(section, "peak of all processes", run.memory, "MiB")


def _compare(workload: Workload, folder: Path, name: str) -> None:
    columns = synthetic.columns(workload.program, len(workload.contexts), CHUNK, seed=1, met=MET)
    wanted = checks.expected(workload, columns, COMPARED)
    told = pq.ParquetFile(folder / name).read_row_group(0, columns=["codes"]).column("codes")
    if told.slice(0, COMPARED).to_pylist() != ["".join(map(chr, column)) for column in wanted.T]:
        raise Disagreement("files: xueheng check and the reference disagree")
