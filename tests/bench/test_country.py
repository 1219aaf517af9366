"""The synthetic country: what it is made of, that files keep it, that its counties are judged as by the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bench import country, entry, parquet, synthetic
from bench.checks import Disagreement
from bench.nation import Nation, nation
from bench.synthetic import Columns
from engine.check.ir import Program

COUNTIES, SCHOOLS = 30, 450


@pytest.fixture(scope="module")
def program() -> Program:
    return synthetic.library().program(country.RULESET, "county")


@pytest.fixture(scope="module")
def made(program: Program) -> Nation:
    return nation(program, COUNTIES, SCHOOLS, seed=3)


def _same(left: Columns, right: Columns) -> bool:
    numbers = all(np.array_equal(left.numbers[n], right.numbers[n], equal_nan=True) for n in left.numbers)
    return numbers and all(np.array_equal(left.truths[n], right.truths[n]) for n in left.truths)


def test_the_same_seed_makes_the_same_country(program: Program, made: Nation) -> None:
    again = nation(program, COUNTIES, SCHOOLS, seed=3)
    assert _same(made.schools, again.schools)
    assert _same(made.counties, again.counties)
    assert not _same(made.schools, nation(program, COUNTIES, SCHOOLS, seed=4).schools)


def test_every_fact_could_have_been_sent(program: Program, made: Nation) -> None:
    library = synthetic.library()
    for columns, subject in ((made.counties, "county"), (made.schools, "school")):
        reader = library.reader(subject)
        for row in range(columns.size):
            assert reader.read(columns.facts(row))[1] == []


def test_schools_of_all_kinds_and_sizes_in_every_county(made: Nation) -> None:
    schools = made.schools
    assert schools.size == SCHOOLS
    assert set(made.county_of.tolist()) == set(range(COUNTIES))
    assert (np.diff(made.county_of) >= 0).all()
    integrated = (schools.numbers["primary_pupils"] > 0) & (schools.numbers["junior_pupils"] > 0)
    assert 0.05 < integrated.mean() < 0.3
    assert np.isnan(schools.numbers["teaching_floor_area"]).any()


def test_counties_are_judged_as_by_the_reference(program: Program, made: Nation) -> None:
    contexts = country.contexts(COUNTIES)
    prepared = entry.prepare_with_schools(program, made.counties, made.schools, made.county_of, contexts)
    ((codes, told),) = entry.findings(prepared)
    country.compare(program, made, codes)
    assert all(f'"codes":"{c}"'.encode() in t for c, t in zip(codes, told, strict=True))
    everywhere = program.index["national/all-primary-sections-pass"]
    assert {c[everywhere] for c in codes} >= {"C", "N"}
    with pytest.raises(Disagreement, match="county 0"):
        country.compare(program, made, ["?" * len(codes[0]), *codes[1:]])


def test_files_keep_it(program: Program, made: Nation, tmp_path: Path) -> None:
    for columns in (made.counties, made.schools):
        parquet.write(tmp_path / "file.parquet", columns, {"id": pa.array(range(columns.size))})
        read, table = parquet.read(tmp_path / "file.parquet", columns.program)
        assert _same(columns, read)
        assert table.column("id").to_pylist() == list(range(columns.size))
