"""What is missing: the unknown facts under the undecided conditions, for all records of a block at once.

The same walk as the reference's, with a mask of records at each step instead of one record. Where a record gave
facts by period, and for rules whose verdict a block cannot say alike for all records, the reference is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.backends.explain import given_name
from engine.backends.letters import Indexes
from engine.backends.situation import excluded_everywhere
from engine.backends.vectors import UNKNOWN, Mask
from engine.check.ir import (
    AllOf,
    AnyOf,
    AtLeast,
    Choice,
    Compare,
    CountOf,
    Expr,
    FactRef,
    ItemOf,
    Not,
    OneOf,
    Passes,
    Previous,
    Program,
)
from engine.check.walk import aggregates_of, children, facts_of, nodes, with_sources

if TYPE_CHECKING:
    from engine.backends.columnar import Judged

__all__ = ["Missing", "names_of"]

_LETTER = ord("U")


@lru_cache(maxsize=512)
def names_of(program: Program, on: date) -> tuple[str, ...]:
    """Everything that a record can lack on a day: facts and items of checklists, in the order of the program's facts.

    An item of a checklist that is about a period is named with it, since others of that period were given.
    """
    found: list[str] = []
    for name, spec in program.facts.items():
        found.append(name)
        if spec.type_name == "checklist":
            found.extend(f"{given_name(spec, on)}.{item}" for item in spec.options)
    return tuple(found)


def _is_plain(program: Program, index: int) -> bool:
    """True when the missing facts of a rule can be told from columns."""
    rule = program.rules[index]
    if rule.window is not None or (rule.due is not None and rule.due.after is not None):
        return False
    exprs = [e for e in (rule.when, rule.require) if e is not None]
    todo, seen = list(rule.needs), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        spec = program.facts[name]
        if spec.at_least is not None or spec.at_most is not None:
            return False
        if spec.derive is not None:
            exprs.append(spec.derive)
            todo.extend(facts_of(spec.derive))
    return not any(isinstance(n, Previous) for e in exprs for n in nodes(e))


def _may_doubt(program: Program, index: int) -> bool:
    """True when a number of a rule can be an interval: by a choice, by a checklist in arithmetic, or from members."""
    rule = program.rules[index]
    exprs = [e for e in (rule.when, rule.require) if e is not None]
    exprs += [s.derive for s in with_sources(rule.needs, program.facts).values() if s.derive is not None]
    if any(isinstance(n, Choice | CountOf | Passes) for e in exprs for n in nodes(e)):
        return True
    return any(aggregates_of(e) for e in exprs)


class Missing:
    """The facts that undecided rules lack, one row per name, one column per record.

    `names`: those of `names_of`. `marks[n, r]`: record `r` lacks name `n`. `further`: names beside those, by record.
    """

    def __init__(self, judged: Judged, rules: Iterable[int], names: Sequence[str]) -> None:
        self._judged = judged
        self._plan = judged.plan
        self._program = judged.program
        self._at: Mapping[str, int] = {name: i for i, name in enumerate(names)}
        self._excluded = excluded_everywhere(judged.situations)
        self._known: dict[str, Mask] = {}
        self.marks: npt.NDArray[np.bool_] = np.zeros((len(names), judged.block.size), dtype=bool)
        self.further: dict[int, list[str]] = {}
        undecided = np.ascontiguousarray(judged.letters.T) == _LETTER
        undecided[:, judged.count :] = False
        exact = np.zeros(judged.block.size, dtype=bool)
        for rows in judged.block.keyed.values():
            exact[rows] = True
        plain, doubtful = _plain_rules(self._program), _doubtful_rules(self._program)
        # Rules share conditions, and what lies under one is the same for all of them.
        under: dict[int, tuple[Expr, Mask]] = {}
        asked: list[tuple[int, Mask]] = []
        with np.errstate(all="ignore"):
            for index in rules:
                wanted = undecided[index]
                if not wanted.any():
                    continue
                if plain[index]:
                    told = exact | self._in_doubt(index) if doubtful[index] else exact.copy()
                    told[judged.told_by_reference(index)] = True
                    told &= wanted
                    for expr in self._exprs(index):
                        before = under.get(id(expr))
                        mask = wanted & ~told
                        under[id(expr)] = expr, mask if before is None else before[1] | mask
                    wanted = told
                if wanted.any():
                    asked.append((index, wanted))
            for expr, mask in under.values():
                self._under(expr, mask)
        for index, wanted in asked:
            for row in np.flatnonzero(wanted).tolist():
                for name in judged.walk(row).finding(index).missing:
                    if name in self._at:
                        self.marks[self._at[name], row] = True
                    else:
                        self.further.setdefault(row, []).append(name)

    def listed(self) -> tuple[Indexes, Indexes]:
        """The places of the names that the records lack, record by record, and where those of each begin and end."""
        marks = self.marks[:, : self._judged.count].T
        # Counted as one row: quicker than in two dimensions.
        rows, names = np.divmod(np.flatnonzero(marks), marks.shape[1])
        return names, np.searchsorted(rows, np.arange(len(marks) + 1))

    def _exprs(self, index: int) -> list[Expr]:
        rule = self._program.rules[index]
        return [expr for expr in (rule.when, rule.require) if expr is not None]

    def _in_doubt(self, index: int) -> Mask:
        """Records for which the reference must be asked: in them a number of the rule is an interval.

        What an interval lacks depends on its ends: a choice between equal numbers lacks nothing.
        """
        found = np.zeros(self._judged.block.size, dtype=bool)
        todo = self._exprs(index)
        while todo:
            for node in nodes(todo.pop()):
                rolled = self._judged.rolled_number(node)
                if rolled is not None:
                    assert isinstance(node, FactRef)
                    found |= rolled.doubt & ~self._judged.sent(node.name)
                elif isinstance(node, FactRef) and node.name in self._plan.layout.truths:
                    derive = self._program.facts[node.name].derive
                    todo += [] if derive is None else [derive]
                elif isinstance(node, Passes):
                    other = self._program.index[node.rule]
                    if other in self._excluded:
                        # It passes everywhere, and nothing of it was computed.
                        continue
                    found |= self._in_doubt(other) if _plain_rules(self._program)[other] else self._row(node)
                elif isinstance(node, Compare) and node.kind == "number":
                    for side in (node.left, node.right):
                        doubts = None if isinstance(side, CountOf) else self._judged.numbers.of(side).doubts()
                        if doubts is not None and self._judged.rolled_number(side) is None:
                            found |= doubts
        return found

    def _under(self, expr: Expr, mask: Mask) -> None:
        """Mark what is unknown under an expression, for the records of a mask in which it is undecided."""
        if isinstance(expr, FactRef):
            at = self._plan.layout.truths.get(expr.name)
            if at is not None and self._program.facts[expr.name].derive is None:
                self._mark(expr.name, mask & (self._judged.truths[at] == UNKNOWN))
                return
        rolled = self._judged.rolled_number(expr)
        if rolled is not None:
            assert isinstance(expr, FactRef)
            mask = mask & ~self._judged.sent(expr.name)
            self._mark(expr.name, mask & ~rolled.doubt & ~rolled.settled())
            return
        mask = mask & self._unknown(expr)
        if not mask.any():
            return
        match expr:
            case FactRef(name):
                self._fact(name, mask)
            case ItemOf(fact, item):
                given = self._known_fact(fact)
                self._mark(f"{self._given_name(fact)}.{item}", mask & given)
                self._mark(fact, mask & ~given)
            case CountOf(fact, items):
                given = self._known_fact(fact)
                self._mark(fact, mask & ~given)
                rows = self._plan.layout.items[fact]
                for item in items:
                    self._mark(
                        f"{self._given_name(fact)}.{item}", mask & given & (self._judged.truths[rows[item]] == UNKNOWN)
                    )
            case Choice():
                test = self._judged.truths[self._plan.row_of[id(expr.test)]]
                self._under(expr.test, mask)
                self._under(expr.then, mask & (test >= UNKNOWN))
                self._under(expr.otherwise, mask & (test <= UNKNOWN))
            case Passes(rule):
                for inner in self._exprs(self._program.index[rule]):
                    self._under(inner, mask)
            case _:
                for child in children(expr):
                    self._under(child, mask)

    def _unknown(self, expr: Expr) -> Mask:
        """Records in which a condition or number is undecided."""
        match expr:
            case AllOf() | AnyOf() | AtLeast() | Not() | Compare() | OneOf() | Passes() | ItemOf():
                return self._row(expr)
            case Choice(boolean=True):
                return self._row(expr)
            case FactRef(name) if name in self._plan.layout.truths:
                return self._row(expr) if id(expr) in self._plan.row_of else ~self._known_fact(name)
            case CountOf(fact, _):
                items = list(self._plan.layout.items[fact].values())
                return np.asarray((self._judged.truths[items] == UNKNOWN).any(axis=0))
            case _ if id(expr) in self._plan.row_of:
                return self._row(expr)
            case _:
                return ~np.broadcast_to(self._judged.numbers.of(expr).known(), self._judged.block.size)

    def _given_name(self, fact: str) -> str:
        return given_name(self._program.facts[fact], self._judged.on)

    def _row(self, expr: Expr) -> Mask:
        found: Mask = self._judged.truths[self._plan.row_of[id(expr)]] == UNKNOWN
        return found

    def _known_fact(self, name: str) -> Mask:
        """Records in which a fact is known: of a checklist, any of its items."""
        if name not in self._known:
            layout = self._plan.layout
            if name in layout.items:
                known = (self._judged.truths[list(layout.items[name].values())] != UNKNOWN).any(axis=0)
            elif name in layout.truths:
                derive = self._program.facts[name].derive
                known = self._judged.truths[layout.truths[name]] != UNKNOWN
                if derive is not None and id(derive) in self._plan.row_of:
                    known = known | ~self._row(derive)
            else:
                numbers = self._judged.numbers.fact(self._program.facts[name])
                known = np.broadcast_to(numbers.known(), self._judged.block.size)
            self._known[name] = np.asarray(known)
        return self._known[name]

    def _fact(self, name: str, mask: Mask) -> None:
        """A missing fact by name; a derived one by its missing parts where some parts are known."""
        derive = self._program.facts[name].derive
        if derive is not None:
            partly = mask & self._partly_known(derive)
            self._under(derive, partly)
            mask = mask & ~partly
        self._mark(name, mask)

    def _partly_known(self, derive: Expr) -> Mask:
        found = np.zeros(self._judged.block.size, dtype=bool)
        for name in facts_of(derive):
            found |= self._known_fact(name)
            inner = self._program.facts[name].derive
            if inner is not None:
                found |= self._partly_known(inner)
        return found

    def _mark(self, name: str, mask: Mask) -> None:
        self.marks[self._at[name]] |= mask


@lru_cache(maxsize=512)
def _plain_rules(program: Program) -> tuple[bool, ...]:
    return tuple(_is_plain(program, i) for i in range(len(program.rules)))


@lru_cache(maxsize=512)
def _doubtful_rules(program: Program) -> tuple[bool, ...]:
    return tuple(_may_doubt(program, i) for i in range(len(program.rules)))
