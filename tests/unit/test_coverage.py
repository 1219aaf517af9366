"""How much of a document became rules."""

from __future__ import annotations

from dataclasses import replace

from engine.check.ir import Ruleset
from engine.citations.coverage import CodePoints, cover
from engine.registry import load_library
from tests.small import small_files


def ruleset() -> Ruleset:
    files = small_files("""
facts: [{fact: a, type: integer, subject: [school, kindergarten]}]
rules:
- {id: one, span: [10, 30], subject: [school, kindergarten], require: a <= 45, conflicts_with: [two]}
- {id: two, span: [20, 40], force: expected, require: a <= 50, conflicts_with: [one]}
- {id: three, span: [20, 25], force: advisory, require: a <= 60, also_at: [{clause: 三, span: [80, 85]}]}
""")
    digest = "0" * 64
    files["small/1/clauses.yaml"] = f"""
- clause: 一
  span: [5, 50]
  sha256: {digest}
  kind: duty
  without_rule:
  - {{span: [5, 15], reason: background}}
  - {{span: [45, 50], reason: permission}}
- {{clause: 二, span: [50, 60], sha256: {digest}, kind: heading, reason: organisational}}
- {{clause: 三, span: [75, 90], sha256: {digest}, kind: duty}}
"""
    library = load_library(files)
    assert not library.diagnostics
    return library.rulesets["small@1"]


def test_everything_is_counted_once() -> None:
    found = cover(ruleset())
    assert (found.clauses, found.with_rules, found.incorporating, found.rules) == (3, 2, 0, 3)
    assert found.without_rules == {"organisational": 1}
    assert found.parts_without_rule == {"background": 1, "permission": 1}
    assert found.rules_by_force == {"binding": 1, "expected": 1, "advisory": 1}
    assert found.rules_by_evidence == {"measured": 3, "attested": 0, "judged": 0}
    assert found.rules_by_subject == {"school": 3, "kindergarten": 1}
    assert found.contradictions == 1
    # Cited: [10, 40) and [80, 85). With a reason and not cited: [5, 10), [45, 60).
    assert found.code_points == CodePoints(100, 70, 35, 20)
    assert found.code_points.cited_percent == 50.0


def test_without_the_original_nothing_is_measured() -> None:
    assert cover(replace(ruleset(), source="facts_only")).code_points is None


def test_an_empty_ledger() -> None:
    found = cover(replace(ruleset(), clauses=(), rules=()))
    assert found.code_points == CodePoints(100, 0, 0, 0)
    assert found.code_points.cited_percent == 0.0
