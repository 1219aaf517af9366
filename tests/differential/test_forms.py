"""The same records as JSON, NDJSON and Arrow are told the same, whatever types their columns have."""

from __future__ import annotations

import json
from functools import lru_cache
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.services import arrow
from api.services.batches import Batches
from api.settings import Limits
from engine.check.ir import FactSpec, Program
from tests.bundled import bundled_library
from tests.differential.drawn import programs
from tests.differential.forms import Json, answer, batch_of, results, stream_of
from tests.differential.paths import plans
from tests.differential.test_rulesets import DAYS, draw_record, limits_of, places_of


@lru_cache
def _batches() -> Batches:
    return Batches(plans(), Limits())


@lru_cache
def _limits(program: Program) -> dict[str, list[float]]:
    return limits_of(program)


@pytest.fixture(params=[3, 8_192])
def block_records(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(arrow, "BLOCK_RECORDS", request.param)
    count: int = request.param
    return count


def _wrong(spec: FactSpec, rng: Random) -> Any:
    """A value that JSON and a column of the right type can both say, and that is wrong."""
    match spec.type_name:
        case "boolean":
            return True
        case "category" | "grade":
            return "none of them"
        case "date":
            return rng.choice(("2025-02-30", "1066-10-14", "soon"))
        case "checklist":
            return {"none of them": True, spec.options[0]: False}
    assert spec.bounds is not None
    return rng.choice((float(spec.bounds[1]) + 1, float(spec.bounds[0]) - 0.5, 10**14, 0.125))


def _one_form(records: list[Json], specs: dict[str, FactSpec]) -> None:
    """A column holds values or values by period: the first that a fact has decides."""
    by_period: dict[str, bool] = {}
    for record in records:
        for name, value in list(record["facts"].items()):
            if specs[name].period is not None and by_period.setdefault(name, isinstance(value, dict)) != isinstance(
                value, dict
            ):
                del record["facts"][name]


def draw_batch(rng: Random) -> list[Json]:
    """Records of a few programs and places, some of them wrong, with facts of other subjects among their own."""
    specs = dict(bundled_library().dictionary.facts)
    chosen = rng.sample(programs(), rng.randint(1, 3))
    records: list[Json] = []
    for i in range(rng.randint(1, 14)):
        program = rng.choice(chosen)
        facts = draw_record(program, _limits(program), rng)
        for name in rng.sample(sorted(specs), rng.randint(0, 2)):
            if specs[name].period is None:
                facts.setdefault(name, _wrong(specs[name], rng))
        division = rng.choice((*places_of(bundled_library(), program), "999999" if rng.random() < 0.1 else "150603"))
        subject = rng.choice(chosen).subject if rng.random() < 0.1 else program.subject
        record: Json = {"division": division, "subject": subject, "facts": facts}
        if rng.random() < 0.9:
            record["id"] = f"r-{i}"
        records.append(record)
    _one_form(records, specs)
    # In one order, as columns are: what is listed by fact is listed in it.
    for record in records:
        record["facts"] = {name: record["facts"][name] for name in sorted(record["facts"])}
    return records


@settings(
    max_examples=40,
    deadline=None,
    # A drawn batch hardly becomes simpler, and to try takes minutes.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_all_forms_tell_the_same(block_records: int, seed: int) -> None:
    rng = Random(seed)
    records = draw_batch(rng)
    query = {"as_of": rng.choice(DAYS).isoformat(), "detail": rng.choice(("codes", "findings", "full"))}
    if rng.random() < 0.2:
        query["evidence"] = "measured"
    batches, specs = _batches(), bundled_library().dictionary.facts
    lines = b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)
    told = results("ndjson", answer(batches, "ndjson", query, lines))
    body = json.dumps({"records": records}, ensure_ascii=False).encode()
    assert results("json", answer(batches, "json", query, body)) == told
    whole = batch_of(records, specs, rng)
    cut = rng.randint(0, len(records))
    parts = rng.choice(([whole], [whole.slice(0, cut), whole.slice(cut)]))
    stream = stream_of(parts, rng.choice((None, "lz4", "zstd")))
    found, counts = results("arrow", answer(batches, "arrow", query, stream))
    # One by one: a difference in the whole is too long to read.
    for one, other in zip(found, told[0], strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert value == other[name], name
    assert counts == told[1]
