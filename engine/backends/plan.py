"""A program → steps over blocks: conditions shared, grouped by shape, ordered by depth.

Every distinct condition gets one row of a truth matrix. Conditions of the same shape and depth stand
in neighbouring rows and are computed by one NumPy call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, inf

import numpy as np
import numpy.typing as npt

from engine.backends.columns import Layout, layout_of
from engine.backends.vectors import Floats
from engine.check.ir import (
    Abs,
    Aggregate,
    AllOf,
    AnyOf,
    Arithmetic,
    AsOf,
    AtLeast,
    Ceil,
    Choice,
    Compare,
    Constant,
    CountOf,
    Expr,
    Extremum,
    FactRef,
    FactSpec,
    InDivision,
    ItemOf,
    Known,
    Negate,
    Not,
    ParameterRef,
    Passes,
    Previous,
    Program,
    Rule,
    YearsSince,
    mirrored,
)
from engine.check.walk import children, choice_tests, facts_of, nodes, with_sources
from engine.values import exact

__all__ = ["Column", "Fixed", "Group", "Plan", "Rows", "Stratum", "plain_constant", "plan_of"]

_LIKELY_PLACES = 7

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A comparison of a column with a constant that float64 holds exactly."""

    op: str
    column: int
    constant: float


@dataclass(frozen=True, slots=True)
class Column:
    """A comparison of two columns."""

    op: str
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of one shape: rows `[start, stop)` of the truth matrix.

    `shape`: `fixed` (with `constants`) and `columns` compare columns of numbers; `not`, `all`, `any` and `some`
    (`least` of them) combine truth rows; `single` is one node computed by itself, at the period index of its rule.
    `inputs` has one row per operand.
    """

    shape: str
    start: int
    stop: int
    op: str
    inputs: Rows
    constants: Floats | None = None
    node: Expr | None = None
    rule: int | None = None
    least: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """Groups of conditions, then the rules (`members`) that these complete.

    Among them `plain` apply to everyone and `scoped` have a condition of their own: `scopes` are the rows of these
    conditions, each once, and `scope_of` tells which is whose. Rules over a window, and rules that are excluded, are in
    neither. `watched`: those that a block may have to look at by themselves although all its facts are plain.
    """

    groups: tuple[Group, ...]
    members: tuple[int, ...]
    watched: tuple[int, ...]
    plain: Rows
    scoped: Rows
    scopes: Rows
    scope_of: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What `columnar` runs.

    `careful`: rules that look over a window, judged by the reference wherever facts are given. `row_of`
    gives the row of a condition by the identity of its node, which sharing has made unique, `leaf_facts` the
    facts it reads. `direct`: rules on facts as sent, compared with at most a constant, which need no walk to be
    explained; `gapped`: rules whose requirement is one comparison of numbers. `answers`: the facts of a direct
    rule that reads nothing but yes or no and looks at neither day nor place, else None. `places`: how many decimal
    places each number is likely to have, `most` how far from zero it can lie.
    """

    program: Program
    layout: Layout
    rows: int
    strata: tuple[Stratum, ...]
    applies: Rows
    requires: Rows
    careful: tuple[int, ...]
    periodic: tuple[int, ...]
    anchored: tuple[int, ...]
    reads: tuple[frozenset[str], ...]
    direct: tuple[bool, ...]
    gapped: tuple[bool, ...]
    answers: tuple[tuple[str, ...] | None, ...]
    always: int
    places: Mapping[str, int]
    most: Mapping[str, float]
    row_of: Mapping[int, int]
    leaf_facts: Mapping[int, tuple[str, ...]]


def plain_constant(value: bool | Fraction | date | str) -> float | None:
    """A constant as the float that stands for exactly it, or None where there is none."""
    if isinstance(value, bool | str):
        return None
    if isinstance(value, date):
        return float(value.toordinal())
    number = float(value)
    return number if exact(number) == value else None


def _anchored(rule: Rule) -> bool:
    """True when the deadline of a rule runs from a date of the record."""
    return rule.due is not None and rule.due.after is not None


def _places(spec: FactSpec) -> int:
    """The decimal places of a fact's smallest step."""
    return next((n for n in range(_LIKELY_PLACES) if spec.step is not None and 10**n % spec.step.denominator == 0), 0)


def _most(spec: FactSpec) -> float:
    """How far from zero a number can lie."""
    return inf if spec.bounds is None else float(max(abs(end) for end in spec.bounds))


@lru_cache(maxsize=512)
def plan_of(program: Program, excluded: frozenset[int] = frozenset()) -> Plan:
    """The plan of a program without the rules that are excluded anyway; compiled once."""
    return _Planner(program, excluded).plan()


_INDIRECT = (Abs, Aggregate, Arithmetic, Ceil, Extremum, Negate, ParameterRef, Passes, Previous, YearsSince)
"""Nodes whose rules are explained by the reference walk."""


class _Planner:
    def __init__(self, program: Program, excluded: frozenset[int]) -> None:
        self.program = program
        self.excluded = excluded
        self.layout = layout_of(program)
        self.rows: dict[Expr, int] = {}
        self.strata: list[Stratum] = []
        self.next = self.layout.truth_rows + 1
        self.always = self.layout.truth_rows
        self.depths: dict[Expr, int] = {}

    def plan(self) -> Plan:
        program = self.program
        rules = program.rules
        careful = tuple(i for i, rule in enumerate(rules) if rule.window is not None)
        stratum_of = self._rule_strata()
        for stratum in range(max(stratum_of.values(), default=-1) + 1):
            members = tuple(i for i in program.order if stratum_of[i] == stratum)
            judged = [i for i in members if i not in careful and i not in self.excluded]
            groups = self._groups(judged)
            plain = np.array([i for i in judged if rules[i].when is None], dtype=np.intp)
            scoped = np.array([i for i in judged if rules[i].when is not None], dtype=np.intp)
            scopes, scope_of = np.unique(
                np.array([self._row(rules[i].when) for i in scoped], dtype=np.intp), return_inverse=True
            )
            active = tuple(i for i in members if i not in self.excluded)
            watched = tuple(i for i in active if rules[i].period is not None or i in careful or _anchored(rules[i]))
            self.strata.append(Stratum(groups, active, watched, plain, scoped, scopes, scope_of))
        computed = [rule.window is None and i not in self.excluded for i, rule in enumerate(rules)]
        applies = [self._row(r.when) if known else self.always for r, known in zip(rules, computed, strict=True)]
        requires = [self._row(r.require) if known else self.always for r, known in zip(rules, computed, strict=True)]
        return Plan(
            program,
            self.layout,
            self.next,
            tuple(self.strata),
            np.array(applies, dtype=np.intp),
            np.array(requires, dtype=np.intp),
            careful,
            tuple(i for i, rule in enumerate(rules) if rule.period is not None and rule.window is None),
            tuple(i for i, rule in enumerate(rules) if _anchored(rule)),
            tuple(self._reads(rule) for rule in rules),
            tuple(self._direct(rule) for rule in rules),
            tuple(isinstance(rule.require, Compare) and rule.require.kind == "number" for rule in rules),
            tuple(self._answers(rule) for rule in rules),
            self.always,
            {name: _places(spec) for name, spec in program.facts.items()},
            {name: _most(spec) for name, spec in program.facts.items()},
            {id(expr): row for expr, row in self.rows.items()},
            {id(expr): facts_of(expr) for expr in self.rows},
        )

    def _rule_strata(self) -> dict[int, int]:
        """A rule that reads another's verdict stands one stratum above it."""
        strata: dict[int, int] = {}
        for i in self.program.order:
            rule = self.program.rules[i]
            below = [strata[self.program.index[other]] for other in rule.passes]
            strata[i] = 1 + max(below, default=-1)
        return strata

    def _reads(self, rule: Rule) -> frozenset[str]:
        """Every fact that can touch a rule, with what derived ones come from."""
        return frozenset(with_sources(rule.needs, self.program.facts))

    def _direct(self, rule: Rule) -> bool:
        if rule.window is not None or _anchored(rule):
            return False
        for name in (*rule.conditions, *rule.reads):
            spec = self.program.facts[name]
            if spec.derive is not None or spec.at_least is not None or spec.at_most is not None:
                return False
        exprs = [e for e in (rule.when, rule.require) if e is not None]
        return not any(
            isinstance(n, _INDIRECT) or (isinstance(n, Choice) and not n.boolean) for e in exprs for n in nodes(e)
        )

    def _answers(self, rule: Rule) -> tuple[str, ...] | None:
        names = tuple(dict.fromkeys((*rule.conditions, *rule.reads)))
        plain = all(self.program.facts[name].type_name == "boolean" for name in names)
        exprs = [e for e in (rule.when, rule.require) if e is not None]
        # The day and the place decide such a rule as well, and no fact tells them.
        elsewhere = any(isinstance(n, AsOf | InDivision) for e in exprs for n in nodes(e))
        return names if plain and not elsewhere and self._direct(rule) else None

    def _row(self, expr: Expr | None) -> int:
        return self.always if expr is None else self.rows[expr]

    def _depth(self, expr: Expr) -> int:
        """0 for rows that are columns already, else one more than the deepest operand row."""
        if expr not in self.depths:
            below = [self._depth(e) for e in self._operands(expr)]
            self.depths[expr] = 0 if self._is_column(expr) else 1 + max(below, default=0)
        return self.depths[expr]

    def _operands(self, expr: Expr) -> tuple[Expr, ...]:
        """The conditions under a condition that need rows of their own."""
        match expr:
            case AllOf() | AnyOf() | Not() | AtLeast():
                return children(expr)
            case Choice() if expr.boolean:
                return children(expr)
            case FactRef(name) if not self._is_column(expr):
                derive = self.program.facts[name].derive
                return (derive,) if derive is not None else ()
            case Compare() if self._simple(expr) is None:
                return tuple(choice_tests(expr, self.program.facts))
            case Known(fact):
                return tuple(choice_tests(FactRef(fact), self.program.facts))
            case _:
                return ()

    def _is_column(self, expr: Expr) -> bool:
        match expr:
            case FactRef(name):
                return self.program.facts[name].derive is None
            case ItemOf():
                return True
            case _:
                return False

    def _groups(self, members: Sequence[int]) -> tuple[Group, ...]:
        """The steps for the conditions of some rules that have no row yet."""
        owner: dict[Expr, int] = {}
        for i in members:
            rule = self.program.rules[i]
            for expr in (rule.when, rule.require):
                if expr is not None:
                    self._collect(expr, i, owner)
        levels: dict[int, dict[tuple[object, ...], list[Expr]]] = {}
        for expr in owner:
            if self._is_column(expr):
                self.rows[expr] = self._column_row(expr)
            else:
                shapes = levels.setdefault(self._depth(expr), {})
                shapes.setdefault(self._shape(expr), []).append(expr)
        groups: list[Group] = []
        for level in sorted(levels):
            for shape, exprs in levels[level].items():
                groups.extend(self._group(shape, exprs, owner))
        return tuple(groups)

    def _items(self, expr: Expr) -> tuple[int, list[int]] | None:
        """How many of which rows must hold, where a comparison counts the items of a checklist upwards."""
        if not isinstance(expr, Compare):
            return None
        op, left, right = expr.op, expr.left, expr.right
        if isinstance(right, CountOf):
            op, left, right = mirrored(op), right, left
        if not (isinstance(left, CountOf) and isinstance(right, Constant) and isinstance(right.value, Fraction)):
            return None
        rows = list(self.layout.items[left.fact].values())
        least = ceil(right.value) if op == ">=" else floor(right.value) + 1 if op == ">" else None
        if op == "==" and right.value == len(rows):
            least = len(rows)
        return (least, rows) if least is not None and 1 <= least <= len(rows) else None

    def _collect(self, expr: Expr, rule: int, owner: dict[Expr, int]) -> None:
        if expr in owner or expr in self.rows:
            return
        for operand in self._operands(expr):
            self._collect(operand, rule, owner)
        owner[expr] = rule

    def _column_row(self, expr: Expr) -> int:
        if isinstance(expr, ItemOf):
            return self.layout.items[expr.fact][expr.item]
        assert isinstance(expr, FactRef)
        return self.layout.truths[expr.name]

    def _shape(self, expr: Expr) -> tuple[object, ...]:
        items = self._items(expr)
        if items is not None:
            least, rows = items
            name = "all" if least == len(rows) else "any" if least == 1 else "some"
            return (name, len(rows), least) if name == "some" else (name, len(rows))
        simple = self._simple(expr) if isinstance(expr, Compare) else None
        match simple or expr:
            case Fixed(op=op):
                return ("fixed", op)
            case Column(op=op):
                return ("columns", op)
            case Not():
                return ("not",)
            case AllOf(operands):
                return ("all", len(operands))
            case AnyOf(operands):
                return ("any", len(operands))
            case AtLeast(n, operands):
                return ("some", len(operands), n)
            case _:
                return ("single", len(self.rows), id(expr))

    def _simple(self, expr: Compare) -> Fixed | Column | None:
        """A comparison that needs no arithmetic, if it is one."""
        left, right = expr.left, expr.right
        if isinstance(left, Constant):
            return self._side(mirrored(expr.op), right, left, expr)
        return self._side(expr.op, left, right, expr)

    def _side(self, op: str, left: Expr, right: Expr, expr: Compare) -> Fixed | Column | None:
        column = self._number_column(left)
        if column is None:
            return None
        if isinstance(right, Constant):
            if isinstance(right.value, str):
                assert isinstance(left, FactRef)
                return Fixed(op, column, float(self.layout.options[left.name][right.value]))
            constant = plain_constant(right.value)
            return None if constant is None else Fixed(op, column, constant)
        other = self._number_column(right)
        return None if other is None else Column(op, column, other)

    def _number_column(self, expr: Expr) -> int | None:
        if not isinstance(expr, FactRef):
            return None
        spec = self.program.facts[expr.name]
        if spec.type_name in ("category", "grade"):
            # Derived ones come from members (`lowest`), whose value stands in the column once it is known.
            return self.layout.numbers[expr.name]
        if spec.derive is not None or spec.at_least is not None or spec.at_most is not None:
            return None
        return self.layout.numbers.get(expr.name)

    def _group(self, shape: tuple[object, ...], exprs: list[Expr], owner: Mapping[Expr, int]) -> list[Group]:
        start = self.next
        for expr in exprs:
            self.rows[expr] = self.next
            self.next += 1
        kind = str(shape[0])
        if kind == "single":
            return [Group(kind, start, self.next, "", np.empty((0, 0), dtype=np.intp), None, exprs[0], owner[exprs[0]])]
        if kind in ("fixed", "columns"):
            simple = [self._simple(e) for e in exprs if isinstance(e, Compare)]
            if kind == "fixed":
                fixed = [s for s in simple if isinstance(s, Fixed)]
                inputs = np.array([[s.column for s in fixed]], dtype=np.intp)
                constants = np.array([[s.constant] for s in fixed])
                return [Group(kind, start, self.next, str(shape[1]), inputs, constants)]
            pairs = [s for s in simple if isinstance(s, Column)]
            inputs = np.array([[s.left for s in pairs], [s.right for s in pairs]], dtype=np.intp)
            return [Group(kind, start, self.next, str(shape[1]), inputs)]
        counted = [self._items(e) for e in exprs]
        operands = [
            [self.rows[o] for o in children(e)] if items is None else items[1]
            for e, items in zip(exprs, counted, strict=True)
        ]
        inputs = np.array(operands, dtype=np.intp).T.copy()
        least = int(str(shape[2])) if kind == "some" else None
        return [Group(kind, start, self.next, "", inputs, least=least)]
