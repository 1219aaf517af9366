"""Records in columns that name parents, and rulesets that are included: the same as in JSON."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from litestar.testing import TestClient

from api.app import create_app
from api.services import arrow
from api.settings import Settings
from tests.api.conftest import BASE_URL, Client
from tests.api.test_arrow import ARROW, TO
from tests.api.test_families import LIBRARY
from tests.differential.forms import batch_of, results, stream_of
from tests.small import lay_out, small_files

Json = dict[str, Any]


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = Settings(rulesets=lay_out(small_files(LIBRARY), tmp_path_factory.mktemp("families")))
    with TestClient(create_app(settings), base_url=BASE_URL) as client:
        yield client


def told(client: Client, records: list[Json], rng: Random, **query: str) -> list[list[Json]]:
    """The results in both forms."""
    facts = client.app.state.xueheng.plans.library.dictionary.facts
    json_body = json.dumps({"records": records})
    whole = batch_of(records, facts, rng)
    cut = rng.randint(0, len(records))
    sent = stream_of([whole.slice(0, cut), whole.slice(cut)])
    options = {"as_of": "2026-11-22", **query}
    replies = []
    for form, body, kind in (("json", json_body, "application/json"), ("arrow", sent, ARROW)):
        response = client.post(TO, params=options, content=body, headers={"content-type": kind})
        assert response.status_code == 200, response.text
        # The one names a place in the body by its pointer, the other by its number.
        replies.append(results(form, response.content.replace(b"first at /records/", b"first at record "))[0])  # type: ignore[arg-type]  # one of the forms
    return replies


def family(rng: Random) -> list[Json]:
    """Counties with schools with teachers, in any order; some parents unknown, some records wrong, some ids twice."""
    records: list[Json] = []

    def add(subject: str, id_: str, parent: str | None, facts: Json) -> None:
        chosen = {name: value for name, value in facts.items() if rng.random() < 0.8}
        # Nobody judges in the second of these.
        division = "150603" if rng.random() < 0.95 else "620722"
        record: Json = {"division": division, "subject": subject, "id": id_, "facts": dict(sorted(chosen.items()))}
        if parent is not None:
            record["parent"] = parent
        records.append(record)

    for county in range(rng.randint(1, 3)):
        add("county", f"c{county}", None, {"open_share": rng.choice((40.0, 50.0))} if rng.random() < 0.2 else {})
        for school in range(rng.randint(0, 4)):
            pupils = rng.choice((10, 1001, 10**12))
            name = f"c{county}s{school}" if rng.random() < 0.95 else "c0s0"
            above = f"c{county}" if rng.random() < 0.9 else "nobody"
            add("school", name, above, {"open_campus": rng.random() < 0.6, "pupils": pupils})
            for teacher in range(rng.randint(0, 2)):
                add("teacher", f"{name}t{teacher}{rng.random()}", name, {"trained": rng.random() < 0.5})
    rng.shuffle(records)
    return records


@pytest.mark.parametrize("seed", range(25))
def test_parents(tied: Client, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = Random(seed)
    monkeypatch.setattr(arrow, "BLOCK_RECORDS", rng.choice((3, 8192)))
    as_json, as_arrow = told(tied, family(rng), rng, detail=rng.choice(("codes", "findings", "full")))
    for one, other in zip(as_arrow, as_json, strict=True):
        assert one == other


@pytest.mark.parametrize("detail", ["codes", "findings", "full"])
def test_included_rulesets(client: Client, detail: str) -> None:
    records = [
        {
            "division": place,
            "subject": "school",
            "id": place,
            "facts": {"max_class_size_primary": size, "primary_classes": 2},
        }
        for place, size in (("150603", 45), ("620722", 47), ("150602", 51), ("150603", 10**6))
    ]
    as_json, as_arrow = told(client, records, Random(1), detail=detail, include="upland")
    assert as_arrow == as_json
    assert ["included" in row for row in as_json] == [True, False, True, False]


def sent(client: Client, *batches: Any) -> list[Json]:
    """The results of some Arrow batches."""
    query = {"as_of": "2026-11-22", "detail": "findings"}
    response = client.post(TO, params=query, content=stream_of(batches), headers={"content-type": ARROW})
    assert response.status_code == 200, response.text
    return results("arrow", response.content)[0]


def columns(**more: Any) -> Any:
    """A county with two schools."""
    return pa.record_batch(
        {
            "division": ["150603"] * 3,
            "subject": ["county", "school", "school"],
            "id": ["c", "s1", "s2"],
            "parent": [None, "c", "c"],
            "open_campus": [None, True, False],
            **more,
        }
    )


def test_what_others_are_asked_says_nothing_of_a_member(tied: Client) -> None:
    """Whether a sibling is wrong makes no difference to that."""
    other = pa.array([float("nan")] * 3)
    right, wrong = (sent(tied, columns(open_share=other, pupils=pa.array([None, 5, n]))) for n in (5, -5))
    assert right[1]["ignored"] == ["open_share"]
    assert "error" not in right[1]
    assert right[1] == wrong[1]
    assert [result["id"] for result in wrong if "error" in result] == ["c", "s2"]


def test_dictionaries_that_differ_from_batch_to_batch(tied: Client) -> None:
    few = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1], pa.int8()), pa.array([None, "150603"]))
    many = pa.DictionaryArray.from_arrays(
        pa.array([0, 100, 126], pa.int8()), pa.array([*(str(i) for i in range(100)), *["150603"] * 27])
    )
    told = sent(tied, columns(division=few), columns(division=many, id=["d", "t1", "t2"], parent=[None, "d", "d"]))
    assert ["error" in result for result in told] == [True, False, False, True, False, False]


def test_more_kinds_than_there_are(tied: Client) -> None:
    """Each is looked at once, not against every other."""
    kinds = pa.array(["county", *(f"kind {i}" for i in range(30_000))])
    subject = pa.DictionaryArray.from_arrays(pa.array([0, 1, 30_000]), kinds)
    told = sent(tied, columns(subject=subject))
    assert [result["error"]["type"] for result in told[1:]] == ["/problems/unknown-subject"] * 2
    assert told[0]["refused_members"] == 2
