"""Short texts that would be endless or bottomless are refused, and everything else still runs."""

import time
from collections.abc import Callable

import pytest

from api.cli.backends import BACKENDS
from engine.cases import run_cases
from engine.diagnostics import render_all
from tests.small import small_library


def lines(count: int, line: Callable[[int], str]) -> str:
    return "\n".join(line(i) for i in range(count)) + "\n"


CASE = "cases:\n- {case: one, expect: {r0: insufficient_data}}\n"
NESTED = "not " * 36
TOO_MUCH = {
    "facts in a long chain": "facts:\n"
    + lines(300, lambda i: f"- {{fact: a{i}, type: integer, derive: a{i + 1} + 1}}")
    + "- {fact: a300, type: integer}\nrules:\n- {id: r0, require: a0 > 3}\n- {id: r1, require: a300 > 3}\n",
    "facts that double": "facts:\n"
    + lines(50, lambda i: f"- {{fact: a{i}, type: integer, derive: a{i + 1} + a{i + 1}}}")
    + "- {fact: a50, type: integer}\nrules:\n- {id: r0, require: a0 > 3}\n",
    "scopes that multiply": "facts:\n- {fact: a, type: integer}\n"
    + lines(20, lambda i: f"- {{scope: s{i}, where: s{i + 1} and s{i + 1} and s{i + 1}}}")
    + "- {scope: s20, where: a > 1}\nrules:\n- {id: r0, when: s0, require: a > 2}\n",
    "wide scopes": "facts:\n- {fact: a, type: integer}\n"
    + lines(3, lambda i: f"- {{scope: s{i}, where: {f's{i + 1} and ' * 300} a > 2}}")
    + "- {scope: s3, where: a > 1}\nrules:\n- {id: r0, when: s0, require: a > 2}\n",
    "rules in a long chain": "facts:\n- {fact: a, type: integer}\nrules:\n"
    + lines(300, lambda i: f"- {{id: r{i}, require: 'passes(\"r{i + 1}\")'}}")
    + "- {id: r300, require: a > 3}\n",
    "rules that branch": "facts:\n- {fact: a, type: integer}\nrules:\n"
    + lines(70, lambda i: f'- {{id: r{i}, require: \'passes("r{i + 1}") and passes("r{min(i + 2, 70)}")\'}}')
    + "- {id: r70, require: a > 3}\n",
    "deep scopes": "facts:\n- {fact: a, type: boolean}\n"
    + lines(3, lambda i: f"- {{scope: s{i}, where: {NESTED}s{i + 1}}}")
    + f"- {{scope: s3, where: {NESTED}a}}\nrules:\n- {{id: r0, require: {NESTED}s0}}\n",
}


@pytest.mark.parametrize("text", TOO_MUCH.values(), ids=TOO_MUCH)
def test_refused_with_a_place(text: str) -> None:
    started = time.monotonic()
    library = small_library(text + CASE)
    found = [d for d in library.diagnostics if d.code == "E110"]
    assert found
    assert all(d.span is not None for d in found)
    run_cases(library, "small@1", BACKENDS)
    assert library.digests
    # A shared machine is slow, but what these limits are against would take hours.
    assert time.monotonic() - started < 60


def test_what_stays_below_the_limits_runs() -> None:
    library = small_library(
        "facts:\n"
        + lines(25, lambda i: f"- {{fact: a{i}, type: integer, derive: a{i + 1} + 1}}")
        + "- {fact: a25, type: integer}\n"
        + "rules:\n"
        + lines(5, lambda i: f"- {{id: r{i}, require: 'passes(\"r{i + 1}\")'}}")
        + "- {id: r5, require: a0 >= 25}\n"
        + "cases:\n- {case: one, facts: {a25: 0}, expect: {r0: compliant, r5: {verdict: compliant, gap: 0}}}\n"
        + "- {case: two, expect: {r0: {verdict: insufficient_data, missing: [a0]}}}\n"
    )
    assert render_all(library.diagnostics) == ""
    run = run_cases(library, "small@1", BACKENDS)
    assert render_all(run.diagnostics) == ""
    assert run.ran == 2
