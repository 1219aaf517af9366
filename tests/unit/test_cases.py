"""Running worked cases: what is typed how, and what is reported."""

from collections.abc import Sequence

import pytest

from api.cli.backends import BACKENDS
from engine.backends.base import Context
from engine.cases import raw_value, run_cases
from engine.check.ir import Program
from engine.diagnostics import Collector
from engine.facts import Facts
from engine.load.tree import parse_tree
from engine.source import Source
from engine.verdicts import Finding
from tests.small import small_library

RULES = """
facts:
- {fact: size, type: integer}
- {fact: done, type: boolean}
- {fact: small_schools, type: integer, unit: schools, subject: [county], derive: 'count(school, where=size < 10)'}
- {fact: kind, type: category, options: [{id: primary}, {id: "1"}, {id: "true"}]}
rules:
- {id: size, require: size <= 45}
- {id: done, require: done}
- {id: open, subject: county, require: small_schools >= 1}
- {id: kind, require: kind == "true"}
cases:
"""


def complaints(case: str) -> list[str]:
    library = small_library(RULES + f"- {{case: one, {case}}}\n")
    assert not library.diagnostics
    return [d.message for d in run_cases(library, "small@1", BACKENDS).diagnostics]


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        ("45", "integer", 45),
        ("45.0", "integer", 45.0),
        ("-0.5", "number", -0.5),
        ("45", "category", "45"),
        ("true", "category", "true"),
        ("true", "boolean", True),
        ("false", "checklist", False),
        ("True", "boolean", "True"),
        ("null", "integer", None),
        ("'45'", "integer", "45"),
        ('"true"', "boolean", "true"),
        ("'null'", "category", "null"),
        ("1e3", "number", "1e3"),
        ("0x1f", "integer", "0x1f"),
        ("1_000", "integer", "1_000"),
        ("４５", "integer", "４５"),
        (".5", "number", ".5"),
        ("2025-12-31", "date", "2025-12-31"),
        ("{'2025': 91, '2024': null}", "percent", {"2025": 91, "2024": None}),
        ("[1, x]", "integer", [1, "x"]),
    ],
)
def test_scalars_are_typed_by_the_dictionary(text: str, type_name: str, value: object) -> None:
    node = parse_tree(Source("t", text), Collector())
    assert node is not None
    typed = raw_value(node, type_name)
    assert typed == value
    assert type(typed) is type(value)


def test_a_case_that_holds_is_silent() -> None:
    assert complaints("facts: {size: 45, done: true, kind: 'true'}, expect: {size: compliant, done: compliant}") == []


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("facts: {size: 46}, expect: {size: compliant}", "expected `compliant`, found `non_compliant`"),
        ("facts: {size: 46}, expect: {size: {verdict: non_compliant, gap: 2}}", "expected gap `2`, found `1`"),
        ("facts: {size: 46}, expect: {size: {verdict: non_compliant, gap: null}}", "expected gap `none`, found `1`"),
        ("expect: {size: {verdict: insufficient_data, missing: [done]}}", "expected missing `done`, found `size`"),
        ("expect: {size: {verdict: insufficient_data, missing: []}}", "expected missing `none`, found `size`"),
        ("facts: {size: 46}, expect: {size: {verdict: non_compliant, due: 2025-12-31}}", "expected due `2025-12-31`"),
        ("facts: {size: 1}, expect: {size: {verdict: compliant, period: '2025'}}", "expected period `2025`"),
        ("facts: {size: 1}, expect: {size: {verdict: compliant, notices: [met_late]}}", "expected notices `met_late`"),
        (
            "division: 620722, facts: {size: 1}, expect: {size: {verdict: not_applicable, reason: out_of_scope}}",
            "expected reason `out_of_scope`, found `outside_jurisdiction`",
        ),
        ("facts: {}, expect: {size: {missing: [size]}}", "lacks `verdict`"),
        ("facts: {}, expect: {size: {verdict: compliant, verdit: x}}", "unknown key `verdit`"),
        ("facts: {}, expect: {size: {verdict: compliant, reason: because}}", "found `because`"),
        ("facts: {}, expect: {size: {verdict: compliant, gap: much}}", "expected a number"),
        ("facts: {}, expect: {size: [compliant]}", "expected a verdict or a mapping"),
        ("facts: [size], expect: {size: compliant}", "`facts` is no mapping of facts"),
        ("facts: {}, parameters: {x: 1}, expect: {size: compliant}", "unknown parameter `x`"),
        ("facts: {}, parameters: x, expect: {size: compliant}", "`parameters` is no mapping"),
        ("facts: {}, members: {}, expect: {size: compliant}", "`members` is no list"),
        ("facts: {}, subject: county, members: [x], expect: {open: compliant}", "a member is a mapping"),
        (
            "facts: {}, subject: county, members: [{subject: pupil, id: a, facts: {}}], expect: {open: compliant}",
            "pupil",
        ),
        ("facts: {}, subject: county, members: [{subject: school, facts: {}}], expect: {open: compliant}", "`id`"),
        (
            "facts: {}, subject: county, members: [{subject: school, id: a, facts: {sise: 1}}], "
            "expect: {open: compliant}",
            "unknown fact `sise`",
        ),
        (
            "facts: {}, subject: county, members: [{subject: school, id: a, facts: {}, division: '150602'}], "
            "expect: {open: compliant}",
            "`150602` lies outside `150603`",
        ),
        (
            "facts: {}, subject: county, members: [{subject: school, id: a, facts: {}}, "
            "{subject: school, id: a, facts: {}}], expect: {open: compliant}",
            "stands twice",
        ),
    ],
)
def test_what_is_wrong_is_told(case: str, says: str) -> None:
    [message] = complaints(case)
    assert says in message


def test_all_expectations_are_compared() -> None:
    told = complaints("facts: {size: 46, done: false}, expect: {size: compliant, done: compliant}")
    assert len(told) == 2


def test_a_second_back_end_is_named_when_it_alone_differs() -> None:
    def never_wrong(program: Program, facts: Facts, context: Context, rules: Sequence[int]) -> Sequence[Finding]:
        return BACKENDS["reference"](program, Facts({"size": 1}), context, rules)

    library = small_library(RULES + "- {case: one, facts: {size: 46}, expect: {size: non_compliant}}\n")
    [told] = run_cases(library, "small@1", {**BACKENDS, "other": never_wrong}).diagnostics
    assert "`size` on other: expected `non_compliant`, found `compliant`" in told.message


def test_a_failure_of_the_yardstick_is_not_repeated() -> None:
    library = small_library(RULES + "- {case: one, facts: {size: 46}, expect: {size: compliant}}\n")
    run = run_cases(library, "small@1", {**BACKENDS, "other": BACKENDS["reference"]})
    assert len(run.diagnostics) == 1


def test_cases_of_broken_rules_wait() -> None:
    library = small_library(
        RULES.replace("require: done}", "require: dune}")
        + "- {case: one, facts: {size: 46}, expect: {done: compliant}}\n"
        + "- {case: two, facts: {size: 46}, expect: {size: compliant}}\n"
    )
    run = run_cases(library, "small@1", BACKENDS)
    assert (run.ran, run.withheld) == (1, 1)
    [told] = run.diagnostics
    assert "case `two`" in told.message
