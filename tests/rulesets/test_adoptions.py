"""What the plans adopt of the national standard: how often, on which terms, and that somebody else read it again."""

from __future__ import annotations

from collections import Counter

import pytest

from engine.check.ir import Adoption, Ruleset
from engine.registry import Library
from tests.bundled import bundled_library

# The entries of each plan, by the plan's own rule that rests on the same words.
ADOPTED = {
    "erdos@2021.1": ["balance-standard-by-schedule", "nationally-recognised"],
    "hanzhong@2023-draft.1": ["recognised-for-balance", "balance-standard-reached"],
    "minle@2024.1": ["nationally-recognised-by-2027"],
}
# Local rates, which the national text does not have.
LOCAL = {"national/local-public-funds-primary", "national/local-public-funds-junior"}


@pytest.fixture(scope="module")
def library() -> Library:
    return bundled_library()


def entries(ruleset: Ruleset) -> list[Adoption]:
    return [adoption for clause in ruleset.clauses for adoption in clause.incorporates]


def test_these_plans_adopt_and_no_others(library: Library) -> None:
    assert {name for name, ruleset in library.rulesets.items() if entries(ruleset)} == set(ADOPTED)


@pytest.mark.parametrize("plan", ADOPTED)
def test_every_county_rule_of_the_standard_is_adopted_once(library: Library, plan: str) -> None:
    standard = library.rulesets["national@2017.1"]
    county = {rule.id for rule in standard.rules if "county" in rule.subjects}
    assert Counter(id_ for entry in entries(library.rulesets[plan]) for id_ in entry.rules) == Counter(county - LOCAL)


@pytest.mark.parametrize("plan", ADOPTED)
def test_the_terms_are_those_of_the_plans_own_rule_on_the_same_words(library: Library, plan: str) -> None:
    ruleset = library.rulesets[plan]
    own = {rule.id.split("/", 1)[1]: rule for rule in ruleset.rules}
    for entry, name in zip(entries(ruleset), ADOPTED[plan], strict=True):
        rule = own[name]
        assert (entry.due, entry.starts, entry.force) == (rule.due, rule.starts, rule.force), name
        assert rule.citation.span is not None
        assert entry.span is not None
        assert entry.span[0] <= rule.citation.span[0] < rule.citation.span[1] <= entry.span[1], name
        assert {citation.span for citation in rule.also_at} == {citation.span for citation in entry.also_at}, name


def test_everything_was_read_by_a_second_reader(library: Library) -> None:
    unread = [
        item.id
        for ruleset in library.rulesets.values()
        for item in (*ruleset.rules, *ruleset.consequences)
        if item.reviewed is None
    ]
    unread += [
        f"{ruleset.name} {entry.ruleset} {entry.span}"
        for ruleset in library.rulesets.values()
        for entry in entries(ruleset)
        if entry.reviewed is None
    ]
    assert not unread
