"""Batches as Arrow streams: their types, what is refused, and that whatever is damaged is told so."""

import gzip
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from tests.api.conftest import Client

TO = "/v1/evaluations/batch"
ARROW = "application/vnd.apache.arrow.stream"
GOOD: dict[str, Any] = {
    "division": pa.array(["150603", "150603"]),
    "subject": pa.array(["school", "school"]),
    "id": pa.array(["s-1", "s-2"]),
    "primary_classes": pa.array([2, 12]),
    "max_class_size_primary": pa.array([47, 45]),
}


def stream(*batches: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for one in batches:
            writer.write_batch(one)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def batch(**columns: Any) -> Any:
    return pa.record_batch({name: array for name, array in {**GOOD, **columns}.items() if array is not None})


def post(client: Client, body: bytes, **query: str) -> Any:
    options = {"as_of": "2024-06-30", **query}
    return client.post(TO, params=options, content=body, headers={"content-type": ARROW})


def table(client: Client, body: bytes, **query: str) -> Any:
    response = post(client, body, **query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == ARROW
    found = pa.ipc.open_stream(response.content).read_all()
    found.validate(full=True)
    return found


def rows(client: Client, body: bytes, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table(client, body, **query).to_pylist()
    return found


def refused(client: Client, body: bytes, **query: str) -> dict[str, Any]:
    response = post(client, body, **query)
    assert 400 <= response.status_code < 500, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    return problem


def as_json(client: Client, records: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    response = client.post(TO, json={"as_of": "2024-06-30", "records": records, **options})
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


def test_the_reply_is_a_stream_of_one_row_for_each_record(client: Client) -> None:
    found = table(client, stream(batch()))
    first, second = found.to_pylist()
    assert (first["id"], first["outcome_all"], second["id"]) == ("s-1", "non_compliant", "s-2")
    assert [json.loads(one["actual"]) for one in first["findings"]] == [{"max_class_size_primary": 47}]
    assert [one["gap"] for one in first["findings"]] == [2]
    assert first["error"] is None
    reply = as_json(
        client,
        [
            {
                "division": "150603",
                "subject": "school",
                "id": f"s-{i}",
                "facts": {"primary_classes": classes, "max_class_size_primary": size},
            }
            for i, (classes, size) in enumerate([(2, 47), (12, 45)], 1)
        ],
    )
    assert json.loads(found.schema.metadata[b"rulesets"]) == reply["rulesets"]
    assert json.loads(found.schema.metadata[b"counts"]) == reply["counts"]
    assert [row["codes"] for row in found.to_pylist()] == [result["codes"] for result in reply["results"]]


def test_the_columns_of_each_detail(client: Client) -> None:
    head = ["id", "ruleset", "outcome_all", "outcome_measured", "codes"]
    named = {detail: table(client, stream(batch()), detail=detail).schema.names for detail in ("codes", "full")}
    assert named["codes"] == [*head, "refused_members", "error"]
    assert named["full"] == [*head, "verdicts", "derived", "missing", "ignored", "refused_members", "error"]


def test_words_stand_under_one_dictionary(client: Client) -> None:
    schema = table(client, stream(batch(), batch())).schema
    assert pa.types.is_dictionary(schema.field("ruleset").type)
    assert pa.types.is_dictionary(schema.field("outcome_all").type)
    assert pa.types.is_dictionary(schema.field("missing").type.value_type)


# Columns of numbers that all say 47 and 45.
NUMBERS = {
    "int8": pa.array([47, 45], pa.int8()),
    "uint64": pa.array([47, 45], pa.uint64()),
    "float32": pa.array([47, 45], pa.float32()),
    "float64": pa.array([47, 45], pa.float64()),
    "decimal32": pa.array([Decimal("47.0"), Decimal("45.00")], pa.decimal32(8, 2)),
    "decimal128": pa.array([Decimal("47.0"), Decimal("45.00")], pa.decimal128(20, 2)),
    "decimal256": pa.array([Decimal("47.0"), Decimal("45.00")], pa.decimal256(60, 2)),
    "negative scale": pa.array([Decimal(47), Decimal(45)], pa.decimal128(20, 0)),
}


@pytest.mark.parametrize("column", NUMBERS.values(), ids=NUMBERS)
def test_types_of_numbers(client: Client, column: Any) -> None:
    assert rows(client, stream(batch(max_class_size_primary=column))) == rows(client, stream(batch()))


def test_a_float32_counts_by_its_shortest_text(client: Client) -> None:
    values = [0.1, 0.9, 1.1, 23.99, 24.01, 1e-7]
    count = len(values)
    bodies = [
        pa.record_batch(
            {
                "division": pa.array(["150603"] * count),
                "subject": pa.array(["school"] * count),
                "exercise_hours": pa.array(values, kind),
            }
        )
        for kind in (pa.float32(), pa.float64())
    ]
    narrow, wide = (rows(client, stream(body)) for body in bodies)
    # What float32 cannot hold is another number; all others are those of the texts.
    assert [row["error"] and row["error"]["type"] for row in narrow] == [
        row["error"] and row["error"]["type"] for row in wide
    ]


def test_nulls_are_missing(client: Client) -> None:
    sent = batch(primary_classes=pa.array([2, None]), max_class_size_primary=pa.array([None, 45], pa.int16()))
    first, second = rows(client, stream(sent))
    assert "max_class_size_primary" in first["missing"]
    assert "primary_classes" in second["missing"]


# A column, the slug of the second record's problem, and the pointer.
WRONG = {
    "too large": (pa.array([47, 10**6]), "out-of-bounds", "/facts/max_class_size_primary"),
    "no whole number": (pa.array([47, 45.5]), "wrong-type", "/facts/max_class_size_primary"),
    "no number": (pa.array([47, float("nan")]), "wrong-type", "/facts/max_class_size_primary"),
    "endless": (pa.array([47, float("inf")], pa.float32()), "wrong-type", "/facts/max_class_size_primary"),
    "many digits": (
        pa.array([Decimal(47), Decimal("45.00000000000000000001")], pa.decimal128(38, 20)),
        "wrong-type",
        "/facts/max_class_size_primary",
    ),
    "huge": (pa.array([47, 2**63], pa.uint64()), "out-of-bounds", "/facts/max_class_size_primary"),
}


@pytest.mark.parametrize("row", WRONG.values(), ids=WRONG)
def test_a_bad_value_fails_alone(client: Client, row: tuple[Any, str, str]) -> None:
    column, slug, pointer = row
    first, second = rows(client, stream(batch(max_class_size_primary=column)))
    assert first == rows(client, stream(batch()))[0]
    assert second["id"] == "s-2"
    assert (second["codes"], second["findings"]) == (None, None)
    assert (second["error"]["type"], second["error"]["pointer"]) == (f"/problems/{slug}", pointer)


def test_places_that_are_missing_or_unknown_fail_alone(client: Client) -> None:
    sent = batch(division=pa.array(["150603", None]), id=pa.array([1, 2]))
    first, second = rows(client, stream(sent))
    assert (first["id"], first["error"]) == ("1", None)
    assert second["error"]["pointer"] == "/division"
    first, second = rows(client, stream(batch(subject=pa.array(["scool", "school"]).dictionary_encode())))
    assert first["error"]["type"] == "/problems/unknown-subject"
    assert second["error"] is None


# Columns that do not fit, the slug, and words of the detail or help.
COLUMNS: dict[str, tuple[dict[str, Any], str, str]] = {
    "heading": ({"小学班数": pa.array([1, 2])}, "unknown-fact", "the fact is named `primary_classes`"),
    "unknown": ({"primary_clases": pa.array([1, 2])}, "unknown-fact", "did you mean `primary_classes`?"),
    "text": ({"primary_classes": pa.array(["1", "2"])}, "wrong-type", "expected int64, found string"),
    "bool": ({"primary_classes": pa.array([True, False])}, "wrong-type", "expected int64, found bool"),
    "half float": ({"primary_classes": pa.array([1, 2]).cast(pa.float16())}, "wrong-type", "found halffloat"),
    "list": ({"primary_classes": pa.array([[1], [2]])}, "wrong-type", "found list<"),
    "timestamp": ({"primary_classes": pa.array([1, 2], pa.timestamp("s"))}, "wrong-type", "found timestamp"),
    "number as division": ({"division": pa.array([150603, 150603])}, "wrong-type", "expected string, found int64"),
    "no subject": ({"subject": None}, "invalid-request", "there is no column `subject`"),
    "run ends": (
        {"primary_classes": pa.RunEndEncodedArray.from_arrays([2], pa.array([1]))},
        "wrong-type",
        "found run_end_encoded",
    ),
}


@pytest.mark.parametrize("row", COLUMNS.values(), ids=COLUMNS)
def test_columns_that_do_not_fit_refuse_the_batch(client: Client, row: tuple[Mapping[str, Any], str, str]) -> None:
    columns, slug, words = row
    problem = refused(client, stream(batch(**columns)))
    assert problem["type"] == f"/problems/{slug}"
    assert words in problem["detail"] + problem.get("help", "")


def test_all_columns_that_do_not_fit_are_told(client: Client) -> None:
    columns = {f"x{i}": pa.array([1, 2]) for i in range(50)}
    problem = refused(client, stream(batch(**columns)))
    assert (len(problem["errors"]), problem["further_errors"]) == (20, 30)


def test_a_name_that_stands_twice(client: Client) -> None:
    one = batch()
    twice = pa.RecordBatch.from_arrays([*one.columns, one.column(3)], [*one.schema.names, "primary_classes"])
    assert "stands twice" in refused(client, stream(twice))["detail"]


def test_no_batches_and_empty_ones(client: Client) -> None:
    found = table(client, stream(batch().slice(0, 0)))
    assert (found.num_rows, json.loads(found.schema.metadata[b"rulesets"])) == (0, [])
    sink = pa.BufferOutputStream()
    pa.ipc.new_stream(sink, batch().schema).close()
    assert table(client, sink.getvalue().to_pybytes()).num_rows == 0


# What is no stream, and a word of the detail.
NO_STREAMS = {
    "nothing": (b"", "empty"),
    "JSON": (b'{"records": []}', "the body is JSON, and no Arrow IPC stream"),
    "the magic of a file": (b"ARROW1\0\0" + stream(batch()), "the body is an Arrow file, and no Arrow IPC stream"),
    "Parquet": (b"PAR1" * 100, "the body is a Parquet file, and no Arrow IPC stream"),
    "gzip": (gzip.compress(stream(batch())), "gzip, which `Content-Encoding` does not say"),
    "no end": (stream(batch())[:-8], "end-of-stream marker"),
    "cut off": (stream(batch())[:-60], "no Arrow IPC stream"),
    "cut at a batch": (stream(batch(), batch())[:-8], "end-of-stream marker"),
    "more behind": (stream(batch()) + b"x", "1 bytes follow"),
    "two streams": (stream(batch()) * 2, "bytes follow"),
    "zeros": (bytes(64), "no Arrow IPC stream|end-of-stream"),
    "a length of gigabytes": (b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(64), "no Arrow IPC stream"),
}


@pytest.mark.parametrize("row", NO_STREAMS.values(), ids=NO_STREAMS)
def test_what_is_no_stream_is_refused(client: Client, row: tuple[bytes, str]) -> None:
    body, words = row
    problem = refused(client, body)
    assert problem["type"] == "/problems/malformed-arrow"
    assert any(word in problem["detail"] for word in words.split("|"))


def test_too_many_records(small_client: Client) -> None:
    many = batch().slice(0, 1)
    assert refused(small_client, stream(pa.concat_batches([many] * 6)))["type"] == "/problems/too-many-records"
    assert (
        refused(small_client, stream(pa.concat_batches([many] * 3)), detail="full")["type"]
        == "/problems/too-many-records"
    )


def test_buffers_that_unpack_to_too_much(small_client: Client) -> None:
    long = batch(id=pa.array(["x" * 50_000] * 2))
    assert len(stream(long, compression="zstd")) < 4_000
    for compression in ("zstd", "lz4"):
        problem = refused(small_client, stream(long, compression=compression))
        assert problem["type"] == "/problems/body-too-large"
        assert "unpack" in problem["detail"]


def test_texts_of_a_dictionary_count_wherever_they_are_used(small_client: Client) -> None:
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * 5, pa.int8()), pa.array(["x" * 1_500]))
    places = {
        name: pa.array([value] * 5).dictionary_encode()
        for name, value in (("division", "150603"), ("subject", "school"))
    }
    body = stream(pa.record_batch({**places, "id": ids}))
    assert len(body) < 4_000
    assert refused(small_client, body)["type"] == "/problems/body-too-large"


def test_a_length_that_a_compressed_buffer_only_claims(client: Client) -> None:
    body = bytearray(stream(batch(id=pa.array(["x" * 50_000] * 2)), compression="zstd"))
    at = body.index((100_000).to_bytes(8, "little"))
    body[at : at + 8] = (2**40).to_bytes(8, "little")
    assert refused(client, bytes(body))["type"] == "/problems/body-too-large"
    body[at : at + 8] = (90_000).to_bytes(8, "little")
    assert refused(client, bytes(body))["type"] == "/problems/malformed-arrow"


def test_a_place_beyond_a_dictionary(client: Client) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([0, 9], pa.int8()), pa.array(["school"]), safe=False)
    assert refused(client, stream(batch(subject=words)))["type"] == "/problems/malformed-arrow"


def test_dates(client: Client) -> None:
    # Days beyond the calendar of Python are the record's mistake.
    kinds = [
        pa.array([1, 2**31 - 1], pa.int32()).cast(pa.date32()),
        pa.array([86_400_000, 86_400_000 * 10**8], pa.int64()).view(pa.date64()),
        pa.array([date(2020, 1, 1), date(1800, 1, 1)]),
        pa.array(["2020-01-01", "2020-13-01"]).dictionary_encode(),
    ]
    for kind in kinds:
        first, second = rows(client, stream(batch(opened=kind)))
        assert first["error"] is None
        assert second["error"]["type"] == "/problems/bad-date"


def test_damage_is_always_told(client: Client) -> None:
    """Bytes of good streams are changed, cut out, doubled: nothing ends in a status of ours."""
    rng = Random(20261122)
    texts = {name: GOOD[name].dictionary_encode() for name in ("division", "subject")}
    bodies = [stream(batch()), stream(batch(**texts), compression="lz4"), stream(batch(**texts), batch(**texts))]
    seen = set()
    for _ in range(400):
        body = bytearray(rng.choice(bodies))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(body))
            match rng.randrange(4):
                case 0:
                    body[at] = rng.randrange(256)
                case 1:
                    body[at : at + 4] = rng.choice((0, 1, 2**31 - 1, 2**32 - 1, 255)).to_bytes(4, "little")
                case 2:
                    del body[at : at + rng.randint(1, 40)]
                case _:
                    body[at:at] = body[max(at - 8, 0) : at]
        response = post(client, bytes(body))
        assert response.status_code in (200, 400, 413, 422), response.text
        seen.add(response.status_code)
    assert {200, 400} <= seen
