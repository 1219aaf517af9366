"""Batches of records of this checkout's rulesets, drawn by chance: the question that every path is asked.

A batch has records of a few programs, or trees of members under a few containers. Values come from small pools, so
that records repeat each other as those of a province do; many stand on a limit or a step beside it. What is wrong
with a record, if anything, is put in on purpose and known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from engine.check.ir import Program
from engine.check.walk import aggregates_of, facts_of, parts, with_sources
from engine.words import CONTAINS, REACHES
from tests.bundled import bundled_library
from tests.differential.drawn import (
    ELSEWHERE,
    NOWHERE,
    Drawn,
    Json,
    Node,
    Pools,
    places,
    programs,
    wrong_value,
)
from tests.differential.test_rulesets import DAYS

_FEW_RULES = 9
_CONTAINERS = 60
_PARAMETERS: Json = {
    "procedure-relaxations": True,
    "integrated-rooms-by-section": True,
    "special-education-public-funds": 7000,
    "local-public-funds-primary": 720.5,
    "local-public-funds-junior": 940,
    "local-labour-share": 12.5,
    "tutoring-and-homework-veto": False,
}


def draw_batch(rng: Random, most: int, *, many: bool = False) -> Drawn:
    """A batch of up to about so many records; `many`: of as many, and few rules."""
    families = rng.random() < 0.3
    some = [p for p in programs() if p.members] if families else list(programs())
    chosen = rng.sample(some, 1 if families else rng.randint(1, 3))
    detail = rng.choices(("codes", "findings", "full"), (1, 5, 0 if many else 2))[0]
    topics = _topics(chosen[0], rng) if many or rng.random() > 0.06 else []
    options = _options(chosen[0], rng)
    if topics:
        options["topics"] = topics
    # All rules of a program are many, and so is all that is told of them.
    if not many:
        most = rng.choice((most, most, most // 4, 12)) // (1 if topics else 10)
    pools = Pools(rng)
    read = {id(program): _read(program, topics, rng) for program in chosen}
    if families:
        found = _trees(chosen[0], read[id(chosen[0])], pools, rng, max(most, 2))
    else:
        found = _records(chosen, read, pools, rng, most if many else rng.randint(1, max(most, 2)))
    on = rng.choice(DAYS) if rng.random() < 0.7 else date(2021, 1, 1) + timedelta(rng.randrange(2300))
    return Drawn(on, detail, options, found, families)


def _options(program: Program, rng: Random) -> Json:
    options: Json = {}
    if rng.random() < 0.15:
        options["evidence"] = ["measured"]
    if rng.random() < 0.05:
        options["force"] = ["binding", "advisory"]
    if rng.random() < 0.15:
        options["ruleset"] = rng.choice((program.ruleset, program.ruleset.split("@", maxsplit=1)[0]))
    elif rng.random() < 0.15:
        options["include"] = ["national@2017.1"]
    if rng.random() < 0.2:
        names = rng.sample(sorted(_PARAMETERS), rng.randint(1, 4))
        options["parameters"] = {"national@2017.1": {name: _PARAMETERS[name] for name in names}}
    return options


def _topics(program: Program, rng: Random) -> list[str]:
    """Some topics of a program: few rules, so that the reference is asked of many records."""
    counts: dict[str, int] = {}
    for rule in program.rules:
        counts[rule.topic] = counts.get(rule.topic, 0) + 1
    found: list[str] = []
    room = _FEW_RULES
    for topic in rng.sample(sorted(counts), len(counts)):
        if not found or counts[topic] <= room:
            found.append(topic)
            room -= counts[topic]
        if room <= 0 or len(found) == 3:
            break
    return found


def _read(program: Program, topics: Sequence[str], rng: Random) -> list[str]:
    """What the rules of some topics read, down to the sources, and a little beside; in any order."""
    names: dict[str, None] = {}
    for rule in program.rules:
        if not topics or rule.topic in topics:
            names.update(dict.fromkeys(rule.needs))
    found = dict.fromkeys(with_sources(names, program.facts))
    found.update(dict.fromkeys(rng.sample(sorted(program.facts), min(2, len(program.facts)))))
    return rng.sample(list(found), len(found))


def _records(
    chosen: Sequence[Program], read: dict[int, list[str]], pools: Pools, rng: Random, count: int
) -> list[Node]:
    specs = bundled_library().dictionary.facts
    others = [name for name in rng.sample(sorted(specs), rng.randint(0, 2)) if specs[name].period is None]
    found = []
    for i in range(count):
        program = rng.choice(chosen)
        facts = pools.facts(program, read[id(program)])
        for name in others:
            if program.subject not in specs[name].subjects and rng.random() < 0.5:
                facts[name] = pools.value(specs[name], ())
        node = Node(program.subject, rng.choice(places(program)), f"r-{i}" if rng.random() < 0.9 else None, facts)
        if rng.random() < 0.02:
            node.division, node.slug = NOWHERE, "unknown-division"
        elif rng.random() < 0.03:
            _spoil(node, rng)
        found.append(node)
    return found


def _spoil(node: Node, rng: Random) -> None:
    """Make one of the record's own facts wrong."""
    own = [spec for name in node.facts if node.subject in (spec := bundled_library().dictionary.facts[name]).subjects]
    for spec in rng.sample(own, len(own)):
        wrong = wrong_value(spec, rng)
        if wrong is not None:
            value = node.facts[spec.name]
            if isinstance(value, dict):
                node.facts[spec.name] = {**value, rng.choice(sorted(value)): wrong[0]}
            else:
                node.facts[spec.name] = wrong[0]
            node.slug = wrong[1]
            return


# --- members ----------------------------------------------------------------------------------


class _Growing:
    """Trees under way."""

    def __init__(self, program: Program, read: Sequence[str], pools: Pools, rng: Random) -> None:
        self._program = program
        self._pools = pools
        self._rng = rng
        self._read = {kind: _of_members(program, read, kind) for kind in program.members}
        self._places = [code for code in places(program) if program.jurisdiction in bundled_library().path(code)[1:]]
        self._count = 0
        # Columns say families that are one deep, others are put together record by record.
        self._deep = rng.random() < 0.5
        # Of some kinds many are sent, of others none: a kind that was not sent is unknown.
        self._many = {kind: rng.choice((0, 1, 2, 4, 9)) for kind in sorted(REACHES[program.subject])}

    def grow(self, node: Node) -> None:
        """Put members under a record."""
        rng = self._rng
        for kind in CONTAINS.get(node.subject, ()):
            wanted = self._program.members.keys() & {kind, *REACHES.get(kind, ())}
            if not wanted or rng.random() < 0.1:
                continue
            for _ in range(rng.randint(0, self._many[kind])):
                child = self._member(kind, node)
                node.children.append(child)
                if self._deep:
                    self.grow(child)

    def _member(self, kind: str, parent: Node) -> Node:
        self._count += 1
        inner = self._program.members.get(kind)
        facts = self._pools.facts(inner, self._read[kind]) if inner is not None else {}
        place = parent.division
        if self._places and self._rng.random() < 0.3 and parent.division == self._program.jurisdiction:
            place = self._rng.choice(self._places)
        return Node(kind, place, f"{kind}-{self._count}", facts, parent.id, parent)


def _of_members(program: Program, read: Sequence[str], kind: str) -> list[str]:
    """What the formulas of some facts ask of a kind of member; where they ask for nothing, some of its facts."""
    inner = program.members[kind]
    asked: dict[str, None] = {}
    for name in read:
        for aggregate in aggregates_of(program.facts[name].derive):
            if aggregate.member == kind:
                for part in parts(aggregate):
                    asked.update(dict.fromkeys(facts_of(part)))
    found = with_sources([name for name in asked if name in inner.facts], inner.facts)
    return list(found) or list(inner.facts)[:6]


def _trees(program: Program, read: Sequence[str], pools: Pools, rng: Random, most: int) -> list[Node]:
    """Containers with members through any depth, and records that are tied wrongly, in any order."""
    tops: list[Node] = []
    size = 0
    while not tops or (size < most and len(tops) < _CONTAINERS):
        top = Node(program.subject, rng.choice(places(program)), f"top-{len(tops)}", pools.facts(program, read))
        growing = _Growing(program, read, pools, rng)
        growing.grow(top)
        for node in top.below():
            if node is not top:
                node.id = f"{node.id}-{len(tops)}"
                if node.parent is not top and node.parent is not None:
                    node.names = node.parent.id
        size += sum(1 for _ in top.below())
        tops.append(top)
    found = [node for top in tops for node in top.below()]
    wrong = rng.choice((0.06, 0.01))
    for node in list(found):
        if rng.random() < wrong:
            _tie_wrongly(node, found, rng)
    order = rng.choice(("as grown", "any", "members first"))
    if order == "any":
        rng.shuffle(found)
    elif order == "members first":
        found.reverse()
    _refuse_twins(found)
    # Members stand in the order in which they are sent.
    place = {id(node): i for i, node in enumerate(found)}
    for node in found:
        node.children.sort(key=lambda child: place[id(child)])
    return found


def _tie_wrongly(node: Node, found: list[Node], rng: Random) -> None:
    """Make a record one that is refused. Only the leaves of a tree, or whose mistake says nothing of its members."""
    match rng.choice(("facts", "facts", "nobody", "twin", "elsewhere", "without id", "kind")):
        case "facts":
            _spoil(node, rng)
            return
        case _ if node.children or node.parent is None or node.slug is not None:
            return
        case "nobody":
            node.parent.children.remove(node)
            node.names, node.parent, node.slug = f"nobody-{node.id}", None, "unknown-parent"
        case "twin":
            twin = Node(node.subject, node.division, node.id, dict(node.facts), node.names, node.parent)
            node.parent.children.append(twin)
            found.append(twin)
        case "elsewhere":
            node.division = ELSEWHERE if node.parent.division != ELSEWHERE else "130102"
            node.slug = "member-elsewhere"
        case "without id":
            node.id, node.slug = None, "invalid-request"
        case _:
            stranger = Node(
                "county", node.division, f"stranger-{node.id}", {}, node.id, node, slug="member-not-allowed"
            )
            node.children.append(stranger)
            found.append(stranger)


def _refuse_twins(found: Sequence[Node]) -> None:
    """Of two records of one kind and id the later one is refused."""
    seen: set[tuple[str, str]] = set()
    for node in found:
        if node.id is not None:
            key = (node.subject, node.id)
            if key in seen and node.slug is None:
                node.slug = "duplicate-id"
            seen.add(key)
