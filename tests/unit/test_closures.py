"""What differs between two closures is found whole, and said so that an author understands it."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from engine.compare.closures import differences, explain
from engine.digests import canonical, closure, text_closure
from tests.small import small_library

BEFORE = """
facts:
- {fact: classes, type: integer, unit: classes}
- {fact: size, type: integer, bounds: [0, 200]}
- {fact: area, type: number}
- {fact: share, type: percent, derive: 100 * classes / size}
rules:
- {id: cap, when: classes > 0, require: size <= 45}
- {id: room, require: area >= 3.825, due: 2025-12-31}
- {id: spare, require: classes <= 30}
- {id: part, require: share >= 2}
consequences:
- {id: notice, breach_of: cap}
- {id: pursued, after: notice, then: {effect: accountability, who: leader}}
ruleset: {parameters: [{id: relaxed, type: integer, unit: pupils, label: {zh: 放宽, en: Relaxed}}]}
clauses:
- {clause: 一, incorporates: {standard@1: {rules: [crowd], due: 2027-12-31}}}
standard:
  rules: [{id: crowd, require: size <= 60}]
"""


def closures(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    library = small_library(text)
    assert not [str(d) for d in library.diagnostics if d.code != "E402"]
    ruleset, facts = library.rulesets["small@1"], library.dictionary.facts
    meaning, texts = closure(ruleset, facts), text_closure(ruleset, facts)
    return msgspec.json.decode(canonical(meaning)), msgspec.json.decode(canonical(texts))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("size <= 45", "size <= 50", ["rule `cap` changed require: `size <= 45` → `size <= 50`"]),
        (
            "when: classes > 0, ",
            "",
            ["rule `cap` changed when: `classes > 0` → nothing", "rule `cap` changed conditions"],
        ),
        ("due: 2025-12-31", "due: 2026-12-31", ["rule `room` changed due.on: `2025-12-31` → `2026-12-31`"]),
        (", due: 2025-12-31", "", ["rule `room` changed due: "]),
        ("bounds: [0, 200]", "bounds: [0, 150]", ["fact `size` changed bounds[1]: 200 → 150"]),
        ("100 * classes / size", "100 * size / classes", ["fact `share` changed derive."]),
        (
            "id: spare, require: classes",
            "id: extra, require: classes",
            ["rule `spare` was removed", "rule `extra` was added"],
        ),
        ("who: leader", "who: head", ["consequence `pursued` changed who: `leader` → `head`"]),
        ("id: notice, breach_of: cap", "id: notice, breach_of: [cap, room]", ["consequence `notice` changed causes: "]),
        ("- {id: pursued", "- {id: blamed", ["consequence `pursued` was removed", "consequence `blamed` was added"]),
        ("id: relaxed, type: integer, ", "id: relaxed, type: number, ", ["parameter `relaxed` changed"]),
        ("id: relaxed", "id: loosened", ["parameter `relaxed` was removed", "parameter `loosened` was added"]),
        (
            "size <= 60",
            "size <= 55",
            ["incorporated rule `standard/crowd` changed require: `size <= 60` → `size <= 55`"],
        ),
        (
            "2027-12-31",
            "2028-12-31",
            ["incorporated rule `standard/crowd` changed due.on: `2027-12-31` → `2028-12-31`"],
        ),
        ("rules: [crowd], due", "span: [0, 50], rules: [crowd], due", ["changed incorporates[0].entries[0].span"]),
        ("ruleset: {", "ruleset: {jurisdiction: 150602, ", ["the ruleset changed jurisdiction: `150600` → `150602`"]),
    ],
)
def test_a_change_is_named(old: str, new: str, said: list[str]) -> None:
    assert old in BEFORE
    (before, texts), (after, new_texts) = closures(BEFORE), closures(BEFORE.replace(old, new))
    changes = differences(before, after, texts, new_texts)
    told = explain(changes).replace("`small/", "`")
    assert bool(changes) == (before != after)
    for words in said:
        assert words in told, told


def test_without_texts_the_smallest_part_is_shown() -> None:
    (before, _), (after, _) = closures(BEFORE), closures(BEFORE.replace("size <= 45", "size <= 45.5"))
    [change] = differences(before, after)
    assert str(change) == "rule `small/cap` changed require.right.value: 45 → 45.5"


def test_another_order_of_rules_is_a_difference() -> None:
    before, _ = closures(BEFORE)
    after = copy.deepcopy(before)
    after["rules"].reverse()
    assert [str(c) for c in differences(before, after)] == ["the rules stand in another order, first at `small/cap`"]


def leaves(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every leaf of a closure, as what holds it and its key there."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        if isinstance(node[key], dict | list) and node[key]:
            yield from leaves(node[key])
        else:
            yield node, key


def test_no_change_goes_unnoticed() -> None:
    before, _ = closures(BEFORE)
    after = copy.deepcopy(before)
    tried = 0
    for inner, key in list(leaves(after)):
        kept = inner[key]
        inner[key] = "another" if kept != "another" else None
        assert differences(before, after), (key, kept)
        inner[key] = kept
        tried += 1
    assert tried > 100
    assert not differences(before, after)


def test_very_many_changes_are_counted() -> None:
    before, _ = closures(BEFORE)
    after = {**before, "rules": []}
    assert explain(differences(before, after), most=2).endswith("\n  and 2 more")
