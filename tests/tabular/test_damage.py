"""Files of every kind, damaged at random places: read, or refused in words; no other exception leaves the readers."""

import io
import random
import zipfile
from collections.abc import Callable

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt

from api.tabular.names import BadHeadings
from api.tabular.opening import open_table
from api.tabular.records import BadFile, Budget, Defaults, Limits
from engine.check.ir import FactSpec
from tests.small import small_library

FACTS = """
facts:
- {fact: classes, type: integer, unit: classes, aliases: [班数]}
- {fact: rate, type: percent, aliases: [比例]}
- {fact: opened, type: date, aliases: [建校日期]}
- {fact: kind, type: category, options: [{id: one, zh: 一类, en: First}, {id: two, zh: 二类, en: Second}]}
rules:
- {id: classes, require: classes <= 45}
- {id: rate, require: rate >= 45}
- {id: opened, require: opened <= date("2020-12-31")}
- {id: kind, require: kind == "one"}
cases: []
"""
SMALL = Limits(unpacked_bytes=50_000_000, rows=100_000)
Damage = Callable[[random.Random], bytes]


@pytest.fixture(scope="module")
def facts() -> list[FactSpec]:
    return list(small_library(FACTS).dictionary.facts.values())


def new_workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["某县情况表"])
    sheet.append(["学校名称", "学校", None, "建校日期"])
    sheet.append([None, "班数", "比例"])
    sheet.append(["甲", 1, 0.5, 44000])
    sheet["C4"].number_format = "0%"
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("B2:C2")
    sheet.merge_cells("D2:D3")
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def old_workbook() -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("表1")
    for column, head in enumerate(("学校名称", "班数", "比例")):
        sheet.write(0, column, head)
        sheet.write(1, column, column)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def parquet() -> bytes:
    made = io.BytesIO()
    columns = {"id": ["a", "乙"] * 50, "classes": [1, None] * 50, "kind": ["one", "two"] * 50, "rate": [0.5, 45.0] * 50}
    pq.write_table(pa.table(columns), made)
    return made.getvalue()


CSV = '编号,班数,比例\n甲,1,45%\n"a\nb",2,"4""5"\n'.encode()
NDJSON = b'{"id": "a", "parent": "b", "facts": {"classes": 1}}\n' * 3


def flipped(content: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, left out or added."""
    found = bytearray(content)
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(found))
        match rng.randrange(3):
            case 0:
                found[place] = rng.randrange(256)
            case 1 if len(found) > 100:
                del found[place : place + rng.randrange(1, 50)]
            case _:
                found[place:place] = rng.randbytes(rng.randrange(1, 20))
    return bytes(found)


def part_changed(content: bytes, rng: random.Random) -> bytes:
    """The same within one part of a workbook, whose archive stays whole."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
        hit = rng.choice(old.namelist())
        for name in old.namelist():
            part = bytearray(old.read(name))
            for _ in range(3 if name == hit else 0):
                place, other = rng.randrange(len(part)), rng.randrange(len(part))
                match rng.randrange(3):
                    case 0:
                        part[place] = rng.choice(b'0123456789"<>/= ABst')
                    case 1:
                        part[place : place + rng.randrange(1, 30)] = part[other : other + rng.randrange(1, 30)]
                    case _:
                        del part[place : place + rng.randrange(1, 10)]
            new.writestr(name, bytes(part))
    return made.getvalue()


NEW, OLD, PARQUET = new_workbook(), old_workbook(), parquet()


@pytest.mark.parametrize(
    ("kind", "damage", "number"),
    [
        ("xlsx", lambda rng: part_changed(NEW, rng), 250),
        ("xlsx", lambda rng: flipped(NEW, rng), 100),
        ("xlsx", lambda rng: flipped(OLD, rng), 150),
        ("parquet", lambda rng: flipped(PARQUET, rng), 150),
        ("csv", lambda rng: flipped(CSV, rng), 300),
        ("ndjson", lambda rng: flipped(NDJSON, rng), 300),
    ],
)
def test_damaged_files_are_refused_in_words(facts: list[FactSpec], kind: str, damage: Damage, number: int) -> None:
    read, refusals = 0, []
    for seed in range(number):
        content = damage(random.Random(seed))
        try:
            table, _ = open_table(io.BytesIO(content), kind, facts, Defaults("150603", "school"), limits=SMALL)
            for block in table.blocks():
                table.parse(block)
            read += 1
        except (BadFile, BadHeadings) as refusal:
            refusals.append(str(refusal))
    assert read
    assert all(refusals)
    # Lines of JSON are looked at where they are judged.
    assert kind == "ndjson" or refusals


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(rows=2), "more than 2 rows"),
        (Limits(columns=2), "more than 2 columns"),
        (Limits(seconds=0), "could not be read within 0 seconds"),
    ],
)
@pytest.mark.parametrize(("kind", "content"), [("csv", CSV), ("xlsx", NEW), ("parquet", PARQUET)])
def test_limits(facts: list[FactSpec], kind: str, content: bytes, limits: Limits, says: str) -> None:
    with pytest.raises(BadFile, match=says):
        read_all(facts, kind, content, limits)


def read_all(facts: list[FactSpec], kind: str, content: bytes, limits: Limits) -> None:
    table, _ = open_table(io.BytesIO(content), kind, facts, Defaults("150603", "school"), limits=limits)
    for _ in table.blocks():
        pass


def test_limits_of_texts(facts: list[FactSpec]) -> None:
    with pytest.raises(BadFile, match="unpacks to more than 1,000 bytes"):
        read_all(facts, "xlsx", NEW, Limits(unpacked_bytes=1_000))


def test_a_cell_that_is_too_long_is_the_mistake_of_its_row(facts: list[FactSpec]) -> None:
    content = f"id,classes\n{'x' * 50},1\nb,2\n".encode()
    table, _ = open_table(
        io.BytesIO(content), "csv", facts, Defaults("150603", "school"), limits=Limits(cell_characters=40)
    )
    [block] = table.blocks()
    first, second = table.parse(block).rows
    assert "a cell is longer than 40 characters" in first.faults[0].detail
    assert not second.faults


def test_the_budget_counts_over_all_parts() -> None:
    budget = Budget(Limits(unpacked_bytes=10))
    budget.unpacked(6)
    with pytest.raises(BadFile, match="more than 10 bytes"):
        budget.unpacked(6)
