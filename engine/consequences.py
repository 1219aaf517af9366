"""What follows from verdicts and events: the plain fixpoint that defines the meaning.

A cause holds when a rule of `breach_of` is non-compliant, a rule of `result_of` is judged, a fact of
`fact` is known to be true, or a consequence of `after` has followed. Causes only add: nothing follows
from what is missing, so the order in which verdicts and events arrive cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import assert_never

from engine.check.ir import Consequence
from engine.verdicts import Verdict

__all__ = ["RESULTS", "Cause", "Step", "causes_first", "chain", "holding"]

RESULTS = frozenset({Verdict.COMPLIANT, Verdict.NON_COMPLIANT, Verdict.NOT_YET_DUE})
"""The verdicts that are a result, met or not: what does not apply or cannot be decided has none."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What a step follows from: a rule with its verdict, a fact that is true, or an earlier step."""

    rule: str | None = None
    verdict: Verdict | None = None
    fact: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A consequence that follows, and all causes of it that hold, in the order of the plan."""

    consequence: Consequence
    because: tuple[Cause, ...]


def holding(
    consequence: Consequence, verdicts: Mapping[str, Verdict], events: Set[str], fired: Set[str]
) -> tuple[Cause, ...]:
    """The causes of a consequence that hold. `events`: the facts that are true; `fired`: ids that have followed."""
    match consequence.cause:
        case "breach_of":
            wanted = frozenset({Verdict.NON_COMPLIANT})
        case "result_of":
            wanted = RESULTS
        case "fact":
            return tuple(Cause(fact=name) for name in consequence.causes if name in events)
        case "after":
            return tuple(Cause(after=name) for name in consequence.causes if name in fired)
        case _:
            assert_never(consequence.cause)
    return tuple(Cause(rule=id_, verdict=verdicts[id_]) for id_ in consequence.causes if verdicts.get(id_) in wanted)


def causes_first(consequences: Iterable[Consequence]) -> tuple[Consequence, ...]:
    """The consequences such that each stands behind those that it follows, else in their order.

    Raises ValueError for a circle, or for one that follows an unknown consequence; the checker lets neither pass.
    """
    left = {consequence.id: consequence for consequence in consequences}
    order: dict[str, Consequence] = {}
    while left:
        ready = [c for c in left.values() if c.cause != "after" or all(name in order for name in c.causes)]
        if not ready:
            raise ValueError(f"nothing comes first among {', '.join(left)}")
        for consequence in ready:
            order[consequence.id] = left.pop(consequence.id)
    return tuple(order.values())


def chain(consequences: Sequence[Consequence], verdicts: Mapping[str, Verdict], events: Set[str]) -> tuple[Step, ...]:
    """All steps that follow, causes before what they cause. `verdicts` by full id of the rule; `events`: true facts.

    INVARIANT (one order): steps stand in the order of `causes_first`, so back ends compare equal.
    """
    fired: set[str] = set()
    while True:
        new = {c.id for c in consequences if c.id not in fired and holding(c, verdicts, events, fired)}
        if not new:
            break
        fired |= new
    return tuple(
        Step(consequence, holding(consequence, verdicts, events, fired))
        for consequence in causes_first(consequences)
        if consequence.id in fired
    )
