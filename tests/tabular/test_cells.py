"""Cells of a sheet → values: number cells with their formats, dates, units, codes."""

import pytest

from api.tabular.cells import BadCell, Broken, Cell, Figure, cell_text, cell_value, unit_words
from api.tabular.formats import form_of
from engine.check.ir import FactSpec
from engine.registry import load_library
from tests.small import small_files

FACTS = """
facts:
- {fact: size, type: integer, unit: pupils, bounds: [0, 200]}
- {fact: rate, type: percent}
- {fact: funds, type: number, unit: yuan/pupils}
- {fact: opened, type: date}
- {fact: kept, type: boolean, evidence: attested}
- {fact: told, type: boolean, period: year, evidence: attested}
- {fact: kind, type: category, options: [{id: one, zh: 一类, en: First}, {id: "2", zh: 二类, en: Second}]}
rules:
- {id: size, require: size <= 45}
- {id: rate, require: rate >= 45}
- {id: funds, require: funds >= 1}
- {id: opened, require: opened <= date("2020-12-31")}
- {id: kept, require: not kept}
- {id: told, require: told}
- {id: kind, require: kind == "one"}
cases: []
"""


@pytest.fixture(scope="module")
def facts() -> dict[str, FactSpec]:
    library = load_library(small_files(FACTS))
    return dict(library.dictionary.facts)


@pytest.mark.parametrize(
    ("fact", "cell", "value"),
    [
        ("size", Figure("45"), 45),
        ("size", Figure("44.999999999999996"), 45),
        ("size", Figure("4.5E1"), 45),
        ("size", Figure("44.99999999999"), 44.99999999999),
        ("size", "４５人", 45),
        ("size", "45 pupils", 45),
        ("size", "1,045名", 1045),
        ("size", "45间", "45间"),
        ("size", "45%", "45%"),
        ("rate", Figure("0.45", "percent"), 45),
        ("rate", Figure("0.07", "percent"), 7),
        ("rate", Figure("0.29", "percent"), 29),
        ("rate", Figure("0.12345", "percent"), 12.345),
        ("rate", Figure("1", "percent"), 100),
        ("rate", Figure("0.45"), 0.45),
        ("rate", Figure("45"), 45),
        ("rate", "45％", 45),
        ("funds", "1200元/人", 1200),
        ("funds", "1200元", "1200元"),
        ("opened", Figure("46022", "date"), "2025-12-31"),
        ("opened", Figure("46022.75", "date"), "2025-12-31"),
        ("opened", Figure("46022"), "2025-12-31"),
        ("opened", Figure("44560", "date", True), "2025-12-31"),
        ("opened", Figure("20251231"), "2025-12-31"),
        ("opened", Figure("59", "date"), "1900-02-28"),
        ("opened", Figure("61", "date"), "1900-03-01"),
        ("opened", "2025年12月31日", "2025-12-31"),
        ("opened", "2025-12-31 00:00:00", "2025-12-31"),
        ("opened", "2025年12月", "2025年12月"),
        ("kept", True, True),
        ("kept", Figure("0"), False),
        ("kept", "√", True),
        ("kept", '{"2025": true}', '{"2025": true}'),
        ("told", '{"2025": true}', {"2025": True}),
        ("kept", "无", False),
        ("kind", "二类", "2"),
        ("kind", Figure("2"), "2"),
        ("size", None, None),
        ("size", " ", None),
    ],
)
def test_values(facts: dict[str, FactSpec], fact: str, cell: Cell, value: object) -> None:
    found = cell_value(cell, facts[fact])
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("fact", "cell", "says"),
    [
        ("size", Figure("0.45", "percent"), "the cell shows 45%, but `size` is no percentage"),
        ("size", Figure("46022", "date"), "found the date 2025-12-31"),
        ("size", Figure("0.5", "time"), "found a time of day"),
        ("size", Broken("the cell shows the error #N/A"), "#N/A"),
        ("kept", Broken("the cell shows the error #N/A"), "#N/A"),
        ("opened", Figure("2025"), "found the number 2025"),
        ("opened", Figure("60", "date"), "no 29 February 1900"),
        ("opened", Figure("1E+300", "date"), "is no day"),
        ("opened", Figure("-1", "date"), "is no day"),
    ],
)
def test_what_the_form_of_a_cell_contradicts(facts: dict[str, FactSpec], fact: str, cell: Cell, says: str) -> None:
    with pytest.raises(BadCell, match=r".*") as bad:
        cell_value(cell, facts[fact])
    assert says in str(bad.value)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(Figure("620722"), "620722"), (Figure("6.20722E5"), "620722"), (Figure("1.50"), "1.5"), (" a ", "a"), (None, "")],
)
def test_codes_and_ids(cell: Cell, text: str) -> None:
    assert cell_text(cell) == text


def test_an_id_whose_digits_are_lost_is_refused() -> None:
    with pytest.raises(BadCell, match="more than 15 digits"):
        cell_text(Figure("3.6200001234567801E+18"))


@pytest.mark.parametrize(
    ("number", "code", "form"),
    [
        (0, None, "plain"),
        (9, None, "percent"),
        (10, None, "percent"),
        (14, None, "date"),
        (31, None, "date"),
        (20, None, "time"),
        (164, "0.0%", "percent"),
        (164, '0.0"%"', "plain"),
        (164, 'yyyy"年"m"月"d"日"', "date"),
        (164, 'm"月"', "date"),
        (164, '[$-804]yyyy"年"m"月";@', "date"),
        (164, "[h]:mm", "time"),
        (164, "h:mm:ss", "time"),
        (164, "#,##0.00", "plain"),
        (164, "0.00E+00", "plain"),
        (164, '[Red]0.0"人";[Blue]-0', "plain"),
        (164, "General", "plain"),
        (164, "0_);(0%)", "plain"),
    ],
)
def test_number_formats(number: int, code: str | None, form: str) -> None:
    assert form_of(number, code) == form


def test_words_of_units() -> None:
    assert {"人", "名", "pupils"} <= unit_words("pupils")
    assert "元/人" in unit_words("yuan/pupils")
    assert "万元" not in unit_words("yuan")
    assert not unit_words("ratio")
    assert not unit_words(None)
