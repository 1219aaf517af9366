"""What the reference back end explains beside verdicts: values, gaps, traces."""

from datetime import date
from fractions import Fraction

from engine.backends import reference
from engine.backends.base import Context, add_years, deadline, due_state
from engine.check.ir import Due
from engine.facts import Facts
from engine.registry import Library
from engine.values import Interval
from engine.verdicts import DueState, Finding, Verdict
from tests.small import small_library

LIBRARY = small_library("""
facts:
- {fact: boys, type: integer}
- {fact: girls, type: integer}
- {fact: pupils, type: integer, derive: boys + girls}
- {fact: classes, type: integer, unit: classes}
- {fact: large, type: boolean}
- {fact: rate, type: percent, period: year}
- {fact: rooms, type: checklist, items: [{id: music}, {id: art}]}
rules:
- {id: mean-class, when: large or pupils > 500, require: pupils / classes <= 45}
- {id: rate, require: rate >= 90}
- {id: change, require: rate >= previous(rate)}
- {id: sum, window: [2024, 2025], require: total(rate) >= 100}
- {id: rooms, require: count_of(rooms) >= 2}
""")
TODAY = date(2026, 11, 22)


def judged(rule: str, raw: dict[str, object], on: date = TODAY, library: Library = LIBRARY) -> Finding:
    program = library.program("small@1", "school")
    facts, problems = library.reader("school").read(raw)
    assert not problems
    index = program.index[f"small/{rule}"]
    return reference.evaluate_rule(program, index, facts, Context(on, library.path("150603")))


def traced(rule: str, raw: dict[str, object]) -> tuple[reference.Trace, ...]:
    program = LIBRARY.program("small@1", "school")
    facts, _ = LIBRARY.reader("school").read(raw)
    context = Context(TODAY, LIBRARY.path("150603"))
    return reference.trace(program, program.index[f"small/{rule}"], facts, context)


def test_the_rulesets_are_sound() -> None:
    assert not LIBRARY.diagnostics


def test_findings_stand_in_rule_order() -> None:
    program = LIBRARY.program("small@1", "school")
    outcome = reference.evaluate(program, Facts(), Context(TODAY, LIBRARY.path("150603")))
    assert [f.rule for f in outcome.findings] == list(range(len(program.rules)))
    assert outcome.codes == "UUUUU"


def test_actual_holds_what_the_requirement_reads_as_sent() -> None:
    finding = judged("mean-class", {"large": True, "pupils": 460, "classes": 10})
    assert finding.actual == (("pupils", 460), ("classes", 10))
    assert finding.gap == 1


def test_actual_shows_a_derived_value() -> None:
    finding = judged("mean-class", {"boys": 300, "girls": 160, "large": True, "classes": 10})
    assert dict(finding.actual)["pupils"] == 460


def test_actual_leaves_out_what_is_unknown() -> None:
    finding = judged("mean-class", {"large": True, "classes": 10})
    assert finding.actual == (("classes", 10),)
    assert finding.gap is None
    assert finding.missing == ("pupils",)


def test_actual_of_the_period_that_was_read() -> None:
    assert judged("rate", {"rate": {"2024": 80, "2025": 85}}).actual == (("rate", 85),)


def test_actual_over_a_window_is_keyed() -> None:
    assert judged("sum", {"rate": {"2024": 40, "2025": 50}}).actual == (("rate", {"2024": 40, "2025": 50}),)


def test_actual_of_a_checklist() -> None:
    assert judged("rooms", {"rooms": {"music": True}}).actual == (("rooms", {"music": True}),)


def test_the_gap_is_in_the_unit_of_the_comparison() -> None:
    assert judged("rate", {"rate": 89.1}).gap == Fraction(9, 10)
    assert judged("change", {"rate": {"2024": 80, "2025": 85}}).gap == 5


def test_nothing_is_explained_where_a_rule_does_not_apply() -> None:
    finding = judged("mean-class", {"large": False, "boys": 1, "girls": 1, "classes": 1})
    assert finding.verdict is Verdict.NOT_APPLICABLE
    assert (finding.actual, finding.gap, finding.missing) == ((), None, ())


def test_a_trace_gives_every_part_its_value() -> None:
    when, require = traced("mean-class", {"large": False, "boys": 300, "girls": 300, "classes": 10})
    assert (when.text, when.value) == ("large or pupils > 500", True)
    assert [(c.text, c.value) for c in when.children] == [("large", False), ("pupils > 500", True)]
    assert (require.text, require.value) == ("pupils / classes <= 45", False)
    quotient, limit = require.children
    assert (quotient.text, quotient.value) == ("pupils / classes", Fraction(60))
    assert limit.value == Fraction(45)


def test_a_trace_shows_unknown_and_partly_known() -> None:
    [unknown] = traced("rate", {})
    assert unknown.value is None
    [partly] = traced("rooms", {"rooms": {"music": True}})
    assert partly.children[0].value == Interval(Fraction(1), Fraction(2))


def test_a_trace_is_of_the_period_that_was_read() -> None:
    [require] = traced("change", {"rate": {"2024": 80, "2025": 85}})
    assert [(c.text, c.value) for c in require.children] == [("rate", Fraction(85)), ("previous(rate)", Fraction(80))]


def test_years_later() -> None:
    assert add_years(date(2021, 5, 1), 3) == date(2024, 5, 1)
    assert add_years(date(2020, 2, 29), 3) == date(2023, 2, 28)
    assert add_years(date(2020, 2, 29), 4) == date(2024, 2, 29)


def test_the_nearest_row_of_a_table_counts() -> None:
    due = Due(table=(("150600", date(2025, 12, 31)), ("150603", date(2022, 12, 31))))
    assert deadline(due, Context(TODAY, ("150603", "150600", "150000", "root"))) == date(2022, 12, 31)
    assert deadline(due, Context(TODAY, ("150602", "150600", "150000", "root"))) == date(2025, 12, 31)
    assert deadline(due, Context(TODAY, ("620722", "620700", "620000", "root"))) is None


def test_due_states() -> None:
    def state(due: Due | None, on: date, anchor: date | None = None) -> DueState:
        return due_state(due, Context(on, ()), anchor)[0]

    dated = Due(on=date(2025, 12, 31))
    assert state(None, TODAY) is DueState.LATE
    assert state(Due(unstated=True), TODAY) is DueState.LATE
    assert state(dated, date(2025, 12, 31)) is DueState.OPEN
    assert state(dated, date(2026, 1, 1)) is DueState.LATE
    anchored = Due(after="opened", years=3)
    assert state(anchored, date(2024, 5, 1), date(2021, 5, 1)) is DueState.OPEN
    assert state(anchored, date(2024, 5, 2), date(2021, 5, 1)) is DueState.LATE
    assert state(anchored, TODAY) is DueState.UNSURE
