"""The traps of durable_rules, one by one: what the library does when trusted, and that our use is safe."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.backends import durable
from engine.backends.durable import Forward, Inconsistent, Refused, refusals
from engine.check.ir import MAX_CAUSES, Consequence
from engine.consequences import Cause, Step, chain
from engine.verdicts import Verdict
from tests.differential.chains import consequence

N, U, C = Verdict.NON_COMPLIANT, Verdict.INSUFFICIENT_DATA, Verdict.COMPLIANT
PLAN = [
    consequence("notice", "breach_of", ["small/rooms"]),
    consequence("correction", "breach_of", ["small/rooms", "small/classes"]),
    consequence("accountability", "after", ["small/notice", "small/correction"]),
    consequence("bar", "after", ["small/accountability"]),
    consequence("veto", "fact", ["misconduct", "fraud"]),
    consequence("basis", "result_of", ["small/review"]),
]


class Core:
    """The library's core, with every call noted; `answers` may change what a call returns."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.refuse_steps = False
        self.lose_firings = False

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self.calls.append((name, args))
            if name == "assert_fact" and self.refuse_steps and json.loads(args[1])["cause"] == "step":
                return 2, None
            if name == "start_action_for_state" and self.lose_firings:
                return None
            return getattr(self.real, name)(*args)

        return call

    def named(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of all calls of a name."""
        return [args for called, args in self.calls if called == name]


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Core:
    noted = Core(durable.core)
    monkeypatch.setattr(durable, "core", noted)
    return noted


@pytest.fixture
def forward() -> Iterator[Forward]:
    with Forward(PLAN) as made:
        yield made


def ids(steps: tuple[Step, ...]) -> list[str]:
    return [step.consequence.id.removeprefix("small/") for step in steps]


def test_several_steps_with_all_that_they_rest_on(forward: Forward) -> None:
    steps = forward.chain({"small/rooms": N, "small/review": C}, ["fraud"])
    assert ids(steps) == ["notice", "correction", "veto", "basis", "accountability", "bar"]
    assert [step.because for step in steps] == [
        (Cause(rule="small/rooms", verdict=N),),
        (Cause(rule="small/rooms", verdict=N),),
        (Cause(fact="fraud"),),
        (Cause(rule="small/review", verdict=C),),
        (Cause(after="small/notice"), Cause(after="small/correction")),
        (Cause(after="small/accountability"),),
    ]


def test_one_cause_fires_all_that_follow_from_it(forward: Forward) -> None:
    """An event that is posted is consumed by the first rule; a fact that is asserted is not."""
    assert ids(forward.chain({"small/rooms": N}, []))[:2] == ["notice", "correction"]


def test_all_has_run_when_the_call_returns() -> None:
    """Hundreds of facts asserted together may return before their actions ran; ours go in one by one."""
    plan: list[Consequence] = []
    for i in range(80):
        plan.append(consequence(f"a-{i}", "breach_of", [f"small/r-{i}"]))
        plan.append(consequence(f"b-{i}", "after", [f"small/a-{i}"]))
        plan.append(consequence(f"c-{i}", "after", [f"small/b-{i}"]))
    verdicts = {f"small/r-{i}": N for i in range(80)}
    with Forward(plan) as forward:
        steps = forward.chain(verdicts, [])
    assert len(steps) == 240
    assert steps == chain(plan, verdicts, frozenset())


def test_no_session_is_left(core: Core) -> None:
    """More than 1,024 sessions that nobody deletes end the process."""
    with Forward(PLAN) as forward:
        for _ in range(1_100):
            forward.chain({"small/classes": N}, [])
    told = {json.loads(args[1])["sid"] for args in core.named("assert_fact")}
    assert len(told) == 1_100
    assert told == {args[1] for args in core.named("delete_state")}


def test_a_session_that_fails_is_deleted_too(core: Core) -> None:
    core.refuse_steps = True
    with Forward(PLAN) as forward:
        with pytest.raises(Inconsistent):
            forward.chain({"small/rooms": N}, [])
        core.refuse_steps = False
        assert ids(forward.chain({"small/classes": N}, [])) == ["correction", "accountability", "bar"]
    assert len(core.named("delete_state")) == 2


def test_what_is_missing_causes_nothing_and_is_no_compliance(forward: Forward) -> None:
    """A missing or null field simply does not match: so no field that can be missing is ever matched."""
    assert forward.chain({}, []) == ()
    assert forward.chain({"small/rooms": U, "small/review": U}, []) == ()
    assert forward.chain({"small/review": Verdict.NOT_APPLICABLE}, []) == ()
    assert ids(forward.chain({"small/review": Verdict.NOT_YET_DUE}, [])) == ["basis"]


def test_only_texts_reach_the_core(core: Core) -> None:
    """`"10"` satisfies `< 50`, `"10"` after `10` is "already observed", 1e300 is an error: no number goes in."""
    with Forward(PLAN) as forward:
        forward.chain({"small/rooms": N, "small/review": C}, ["fraud", "misconduct"])
    facts = [json.loads(args[1]) for args in core.named("assert_fact")]
    assert len(facts) > 8
    for fact in facts:
        assert set(fact) == {"sid", "id", "cause"}
        assert all(isinstance(value, str) and value for value in fact.values())
    (_, definition), *_ = core.named("create_ruleset")
    for rule in json.loads(definition).values():
        assert list(rule) == ["all"]
        ((matched,),) = ([list(part.items()) for part in rule["all"]],)
        assert [name for name, _ in matched] == ["m"]
        assert [(list(test), type(test["cause"])) for _, test in matched] == [(["cause"], str)]


def test_ids_are_unique_within_a_session(core: Core) -> None:
    with Forward(PLAN) as forward:
        forward.chain({"small/rooms": N, "small/classes": N}, ["fraud", "misconduct"])
    told = [json.loads(args[1])["id"] for args in core.named("assert_fact")]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("trap", ["refuse_steps", "lose_firings"])
def test_what_goes_wrong_inside_is_raised(core: Core, trap: str) -> None:
    """Exceptions of actions vanish in the library's Python layer. Here nothing is silently shorter."""
    setattr(core, trap, True)
    with Forward(PLAN) as forward, pytest.raises(Inconsistent):
        forward.chain({"small/rooms": N}, [])


def test_no_thread_timer_or_second_layer(core: Core) -> None:
    """`Host` starts two threads that may run actions; two-parameter actions are silently asynchronous."""
    before = threading.enumerate()
    with Forward(PLAN) as forward:
        forward.chain({"small/rooms": N}, ["fraud"])
    assert threading.enumerate() == before
    assert {name for name, _ in core.calls} == {
        "create_ruleset",
        "assert_fact",
        "start_action_for_state",
        "complete_and_start_action",
        "get_facts",
        "delete_state",
        "delete_ruleset",
    }


def test_the_layer_with_the_wall_clock_is_not_even_loaded() -> None:
    """It drops actions that take longer than ten seconds, by the wall clock."""
    code = "import sys, engine.backends.durable; print(sorted(m for m in sys.modules if m.startswith('durable')))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "['durable_rules_engine']"


def test_every_order_of_arrival_gives_one_chain(forward: Forward) -> None:
    """`unless` would depend on it; nothing here matches on what is absent."""
    rows = [("small/rooms", N), ("small/classes", N), ("small/review", C), ("small/other", N)]
    expected = chain(PLAN, dict(rows), frozenset({"fraud", "misconduct"}))
    for order in itertools.permutations(rows):
        assert forward.chain(dict(order), ["fraud", "misconduct"]) == expected
        assert forward.chain(dict(order), ["misconduct", "fraud"]) == expected


def test_consequences_are_not_changed_by_running(forward: Forward) -> None:
    """The library mutates the definitions that it is given; ours are text by then."""
    before = tuple(PLAN)
    first = forward.chain({"small/rooms": N}, [])
    with Forward(PLAN) as second:
        assert second.chain({"small/rooms": N}, []) == first
    assert tuple(PLAN) == before


def test_what_is_told_twice_counts_once(forward: Forward) -> None:
    assert forward.chain({}, ["fraud", "fraud"]) == forward.chain({}, ["fraud"])


def test_what_nothing_follows_from_is_no_error(forward: Forward) -> None:
    """A fact that no rule matches is refused by the core."""
    assert forward.chain({"small/other": N}, ["event_of_another_plan"]) == ()


def test_a_ruleset_can_be_forgotten() -> None:
    """The library's host cannot; the core can."""
    one, same = Forward(PLAN), Forward(PLAN)
    one.close()
    one.close()
    with pytest.raises(ValueError, match="closed"):
        one.chain({"small/rooms": N}, [])
    assert same.chain({"small/rooms": N}, [])
    same.close()


def test_it_says_what_it_refuses() -> None:
    """The core hangs once its table of texts is full; so it is never asked."""
    rules = [f"small/r-{i}" for i in range(MAX_CAUSES + 1)]
    fits = [consequence("many", "breach_of", rules[:-1])]
    too_many = [consequence("many", "breach_of", rules)]
    assert refusals(fits) == ()
    with Forward(fits) as forward:
        assert len(forward.chain(dict.fromkeys(rules, N), [])[0].because) == MAX_CAUSES
    assert refusals(too_many) == ("257 causes in one ruleset are more than 256",)
    with pytest.raises(Refused, match="257 causes"):
        Forward(too_many)


def test_python_versions_are_those_it_can_be_built_for() -> None:
    """It is built from source and does not import on Python 3.13."""
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.13"
    assert "durable-rules==2.0.28" in project["dependencies"]
    assert re.search(r"^setuptools==", (root / "requirements" / "build.txt").read_text("utf-8"), re.MULTILINE)
