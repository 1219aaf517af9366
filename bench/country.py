"""A country from Parquet to county verdicts with findings: seconds and peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import entry, parquet, synthetic
from bench.checks import Disagreement
from bench.nation import Nation, nation
from bench.report import Report
from bench.timing import best_of
from engine.backends import reference
from engine.backends.base import Context
from engine.check.ir import Program
from engine.facts import FactReader, Facts, Member

__all__ = ["RULESET", "compare", "contexts", "measure"]

RULESET = "national@2017.1"
COUNTIES, SCHOOLS = 3_000, 150_000
MEMBERS = (5, 50, 500)
"""Schools per county, in measuring what members cost."""
COMPARED, COMPARED_SCHOOLS = 25, 1_000
"""Most counties that are compared with the reference, and about as many schools in them."""
MOST_SECONDS = 3.0
ROUNDS = 3


def measure(report: Report) -> None:
    """The country, then the cost of members. Raises Disagreement before timing what answers otherwise."""
    program = synthetic.library().program(RULESET, "county")
    _country(report, program)
    _members(report, program)


def contexts(count: int) -> list[Context]:
    """Counties of the whole list of divisions that have no plan of their own, over and over until there are enough."""
    library = synthetic.library()
    codes = [d.code for d in library.divisions.by_code.values() if d.level == "county"]
    known = {code: Context(synthetic.ON, library.path(code)) for code in codes[:count]}
    return [known[codes[i % len(codes)]] for i in range(count)]


def _country(report: Report, program: Program) -> None:
    section = f"a synthetic country: {RULESET}, {COUNTIES:,} counties, {SCHOOLS:,} schools"
    made = nation(program, COUNTIES, SCHOOLS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ids = pa.array([f"county-{i}" for i in range(COUNTIES)])
        parquet.write(folder / "counties.parquet", made.counties, {"id": ids})
        heads = {
            "id": pa.array([f"school-{i}" for i in range(SCHOOLS)]),
            "parent": pa.array([f"county-{i}" for i in made.county_of]),
        }
        parquet.write(folder / "schools.parquet", made.schools, heads)
        command = [sys.executable, "-m", "bench.country_run", str(folder), str(ROUNDS)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: the country's process ended with code {done.returncode}")
        found = json.loads(done.stdout)
        codes = [str(text) for text in pq.read_table(folder / "verdicts.parquet").column("codes").to_pylist()]
        compare(program, made, codes)
    letters = "".join(codes)
    shares = ", ".join(f"{letter} {letters.count(letter) / len(letters):.0%}" for letter in "CNTXU")
    report.remark(section, f"some counties compared with the reference; verdicts: {shares}")
    for step, seconds in found["steps"].items():
        report.add(section, step, seconds, "s")
    report.add(section, "from Parquet to Parquet", found["seconds"], "s", at_most=MOST_SECONDS)
    report.add(section, "peak memory of the process", found["peak_bytes"] / 2**20, "MiB")
    report.add(section, "starting: imports, rulesets, programs", found["start"], "s")


def _facts(program: Program, made: Nation, row: int) -> Facts:
    """One county with its schools as the reference takes them."""
    facts = FactReader(program.facts, "county").read(made.counties.facts(row))[0]
    reader = FactReader(program.members["school"].facts, "school")
    members = tuple(
        Member("school", f"school-{at}", reader.read(made.schools.facts(at))[0])
        for at in np.flatnonzero(made.county_of == row).tolist()
    )
    return facts.with_members(members)


def compare(program: Program, made: Nation, codes: list[str]) -> None:
    """Compare some counties with the reference. Raises Disagreement."""
    places = contexts(made.counties.size)
    counties, schools = made.counties.size, made.schools.size
    few = max(2, min(COMPARED, COMPARED_SCHOOLS * counties // schools))
    for row in range(0, counties, -(-counties // few)):
        expected = reference.evaluate(program, _facts(program, made, row), places[row]).codes
        if codes[row] != expected:
            raise Disagreement(f"county {row} is {codes[row]}, by the reference {expected}")


def _members(report: Report, program: Program) -> None:
    section = f"cost against members per county: {RULESET}"
    for per_county in MEMBERS:
        counties = max(40, 20_000 // per_county)
        made = nation(program, counties, counties * per_county)
        places = contexts(counties)
        prepared = entry.prepare_with_schools(program, made.counties, made.schools, made.county_of, places)
        found = entry.letters(prepared, entry.kernel(prepared))
        few = ["".join(map(chr, column)) for column in found.T]
        compare(program, made, few)
        seconds = best_of(ROUNDS, partial(entry.kernel, prepared))
        name = f"{per_county} schools in each of {counties:,} counties"
        report.add(section, name, seconds / len(made.county_of) * 1e6, "µs/school")
