"""Drawn consequences, verdicts and events, and how the durable back end is compared with the fixpoint."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from engine.backends.durable import Forward
from engine.check.ir import Citation, Consequence
from engine.consequences import chain
from engine.verdicts import Verdict
from engine.words import EFFECTS

VERDICTS = tuple(Verdict)
LABEL = {"zh": "后果", "en": "Consequence"}
Kind = Literal["breach_of", "result_of", "fact", "after"]


def consequence(id_: str, cause: Kind, causes: Sequence[str], *, effect: str = "notice") -> Consequence:
    """A consequence of `small@1` with what a test does not care about filled in."""
    return Consequence(
        f"small/{id_}",
        Citation("small@1", "小规划", "一", (0, 10), None),
        cause,
        tuple(causes),
        effect,
        "school",
        "automatic",
        "unstated",
        ("school",),
        LABEL,
        LABEL,
        None,
        None,
    )


def draw_consequences(rng: random.Random) -> list[Consequence]:
    """Up to 30 over few rules and facts, so that causes meet; `after` reaches those drawn before."""
    rules = [f"small/rule-{i}" for i in range(rng.randint(1, 8))]
    facts = [f"event_{i}" for i in range(rng.randint(1, 5))]
    found: list[Consequence] = []
    for i in range(rng.randint(1, 30)):
        kind: Kind = rng.choice(("breach_of", "result_of", "fact", "after", "after", "after"))
        if kind == "after" and not found:
            kind = "breach_of"
        pool = facts if kind == "fact" else [c.id for c in found] if kind == "after" else rules
        causes = rng.sample(pool, rng.randint(1, min(3, len(pool))))
        found.append(consequence(f"c-{i}", kind, causes, effect=rng.choice(EFFECTS)))
    rng.shuffle(found)
    return found


def draw_world(consequences: Iterable[Consequence], rng: random.Random) -> tuple[dict[str, Verdict], list[str]]:
    """Verdicts and true facts in a drawn order; some are missing, some are about nothing that is known."""
    rules = {name for c in consequences if c.cause in ("breach_of", "result_of") for name in c.causes}
    facts = {name for c in consequences if c.cause == "fact" for name in c.causes}
    told = [*sorted(rules), "small/rule-of-no-consequence"]
    share = rng.choice((0.1, 0.4, 0.9))
    verdicts = {id_: rng.choice(VERDICTS) for id_ in rng.sample(told, len(told)) if rng.random() < share}
    happened = [name for name in [*sorted(facts), "event_of_no_consequence"] if rng.random() < share]
    rng.shuffle(happened)
    return verdicts, happened


def shuffled(
    verdicts: Mapping[str, Verdict], events: Iterable[str], rng: random.Random
) -> tuple[dict[str, Verdict], list[str]]:
    """The same in another order."""
    rows, names = list(verdicts.items()), list(events)
    rng.shuffle(rows)
    rng.shuffle(names)
    return dict(rows), names


def compare(forward: Forward, consequences: Sequence[Consequence], sets: int, rng: random.Random) -> int:
    """Compare on drawn sets, each in two orders of arrival; how many steps followed in all."""
    steps = 0
    for _ in range(sets):
        verdicts, events = draw_world(consequences, rng)
        expected = chain(consequences, verdicts, frozenset(events))
        assert forward.chain(verdicts, events) == expected
        assert forward.chain(*shuffled(verdicts, events, rng)) == expected
        steps += len(expected)
    return steps


def compare_chains(sets: int, seed: int) -> int:
    """Compare on at least that many sets of verdicts and events over drawn rulesets; how many steps followed."""
    rng = random.Random(seed)
    steps = done = 0
    while done < sets:
        consequences = draw_consequences(rng)
        with Forward(consequences) as forward:
            steps += compare(forward, consequences, 50, rng)
        done += 50
    return steps


def memory_pages() -> int:
    """The pages of memory that this process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1])


def run_chains(chains: int, seed: int) -> tuple[int, int]:
    """So many chains one after another in this process: pages held after a tenth of them, and at the end."""
    rng = random.Random(seed)
    consequences = draw_consequences(rng)
    while len(consequences) < 15:
        consequences = draw_consequences(rng)
    worlds = [draw_world(consequences, rng) for _ in range(50)]
    early = 0
    with Forward(consequences) as forward:
        for i in range(chains):
            forward.chain(*worlds[i % len(worlds)])
            if i == chains // 10:
                early = memory_pages()
    return early, memory_pages()
