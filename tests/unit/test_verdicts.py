"""The table of verdicts, and what they make together."""

from itertools import permutations

import pytest

from engine.values import Truth
from engine.verdicts import CODES, DueState, Verdict, decide, overall

C, N, T, X, U = (CODES[letter] for letter in "CNTXU")


@pytest.mark.parametrize("due", DueState)
@pytest.mark.parametrize("requirement", [True, False, None])
def test_out_of_scope_is_not_applicable_whatever_is_required(requirement: Truth, due: DueState) -> None:
    assert decide(False, requirement, due) is X


@pytest.mark.parametrize("due", DueState)
@pytest.mark.parametrize("requirement", [True, False, None])
def test_unknown_scope_is_insufficient_whatever_is_required(requirement: Truth, due: DueState) -> None:
    assert decide(None, requirement, due) is U


@pytest.mark.parametrize("due", DueState)
def test_met_is_compliant_also_before_the_deadline(due: DueState) -> None:
    assert decide(True, True, due) is C


@pytest.mark.parametrize("due", DueState)
def test_unknown_is_insufficient_at_any_time(due: DueState) -> None:
    assert decide(True, None, due) is U


@pytest.mark.parametrize(("due", "verdict"), [(DueState.LATE, N), (DueState.OPEN, T), (DueState.UNSURE, U)])
def test_unmet_depends_on_the_deadline(due: DueState, verdict: Verdict) -> None:
    assert decide(True, False, due) is verdict


def test_five_verdicts_with_their_letters() -> None:
    assert {v.letter: v.value for v in Verdict} == {
        "C": "compliant",
        "N": "non_compliant",
        "T": "not_yet_due",
        "X": "not_applicable",
        "U": "insufficient_data",
    }


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([], X),
        ([X], X),
        ([X, C], C),
        ([C, T], T),
        ([C, T, U], U),
        ([C, T, U, N, X], N),
    ],
)
def test_a_subjects_outcome(verdicts: list[Verdict], outcome: Verdict) -> None:
    for order in permutations(verdicts):
        assert overall(order) is outcome
