"""A program on a day, at some places → `Lowered`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from bench.peers import lowered as low
from bench.peers.lowered import Lowered, LoweredRule, Number, Truth
from bench.synthetic import item_column
from engine.backends.base import Context
from engine.backends.situation import situation_of
from engine.check import ir
from engine.check.ir import Expr, FactSpec, Program, Rule, mirrored

__all__ = ["lower"]

MOST_LEAVES = 64
"""Most alternatives of one comparison that are written out."""


class CannotSay(Exception):
    """A part of a rule that the common subset lacks; `args[0]` says which."""


def lower(program: Program, contexts: Sequence[Context]) -> Lowered:
    """The rules of a program, one context per place, all of one day and the same parameters."""
    return _Lowering(program, contexts).lowered()


@dataclass(frozen=True)
class _Between:
    """A number known to lie between two; the same twice where it is simply known or unknown."""

    least: Number | None
    most: Number | None

    @property
    def known(self) -> bool:
        return self.least is self.most


@dataclass(frozen=True)
class _Pick:
    """A number chosen by a condition."""

    test: Truth
    then: _Tree
    otherwise: _Tree


_Tree = _Between | _Pick


def _exactly(number: Number | None) -> _Between:
    return _Between(number, number)


_NOTHING = _Between(None, None)
"""A number that is unknown for good."""


class _Lowering:
    def __init__(self, program: Program, contexts: Sequence[Context]) -> None:
        self.program = program
        self.contexts = contexts
        self.on = contexts[0].on
        self.situations = [situation_of(program, context) for context in contexts]
        self.said: dict[int, LoweredRule] = {}
        self.arithmetic = False

    def lowered(self) -> Lowered:
        rules: list[LoweredRule] = []
        left_out: list[tuple[str, str]] = []
        for index, rule in enumerate(self.program.rules):
            try:
                rules.append(self._rule(index))
            except CannotSay as cause:
                left_out.append((rule.id, str(cause)))
        numbers: list[str] = []
        truths: list[str] = []
        options: dict[str, tuple[str, ...]] = {}
        for name, spec in self.program.facts.items():
            match spec.type_name:
                case "boolean":
                    truths.append(name)
                case "checklist":
                    truths.extend(item_column(name, item) for item in spec.options)
                case "category" | "grade":
                    options[name] = spec.options
                case _:
                    numbers.append(name)
        return Lowered(tuple(rules), tuple(left_out), tuple(numbers), tuple(truths), options)

    def _rule(self, index: int) -> LoweredRule:
        if index not in self.said:
            outer, self.arithmetic = self.arithmetic, False
            self.said[index] = self._written(index, self.program.rules[index])
            self.arithmetic = outer
        return self.said[index]

    def _written(self, index: int, rule: Rule) -> LoweredRule:
        if rule.window is not None:
            raise CannotSay("looks over a window of periods")
        if rule.due is not None and rule.due.after is not None:
            raise CannotSay("its deadline runs from a date of the record")
        applies = self.truth(rule.when) if rule.when is not None else low.Fixed(True)
        requires = self.truth(rule.require)
        if self.situations[0].too_early[index]:
            # Plain values are about a period that ended before the rule began: where one is given, X.
            names = tuple(c for name in rule.periodic for c in self._columns_of(name))
            applies = low.All((applies, low.Not(low.AnyKnown(names))))
        states = tuple(int(situation.states[index]) for situation in self.situations)
        return LoweredRule(index, rule.id, applies, requires, states, self.arithmetic)

    def _passed(self, index: int) -> Truth:
        """The truth of another rule's verdict: C and X are true, N and T false, U is unknown."""
        rule = self._rule(index)
        self.arithmetic |= rule.arithmetic
        elsewhere = tuple(i for i, state in enumerate(rule.states) if state == low.EXCLUDED)
        decided = tuple(i for i, state in enumerate(rule.states) if state in (low.LATE, low.OPEN))
        met = low.All((rule.applies, rule.requires))
        unmet = low.All((low.Place(decided), rule.applies, low.Not(rule.requires)))
        return low.Decide(low.Any((low.Place(elsewhere), low.Not(rule.applies), met)), unmet)

    def _columns_of(self, name: str) -> tuple[str, ...]:
        spec = self.program.facts[name]
        if spec.derive is not None:
            raise CannotSay("whether a derived periodic fact is known")
        return tuple(item_column(name, i) for i in spec.options) if spec.type_name == "checklist" else (name,)

    # --- truths ---------------------------------------------------------------------------------

    def truth(self, expr: Expr) -> Truth:
        match expr:
            case ir.Constant(bool() as truth):
                return low.Fixed(truth)
            case ir.FactRef(name):
                return self._boolean(self.program.facts[name])
            case ir.ItemOf(fact, item):
                return low.Of(item_column(fact, item))
            case ir.Not(operand):
                return low.Not(self.truth(operand))
            case ir.AllOf(operands):
                return low.All(tuple(self.truth(o) for o in operands))
            case ir.AnyOf(operands):
                return low.Any(tuple(self.truth(o) for o in operands))
            case ir.AtLeast(n, operands):
                return low.AtLeast(n, tuple(self.truth(o) for o in operands))
            case ir.Choice(test, then, otherwise):
                return low.If(self.truth(test), self.truth(then), self.truth(otherwise))
            case ir.OneOf(ir.FactRef(name), options):
                return low.OneOf(name, options)
            case ir.Known(fact):
                return low.AnyKnown(self._columns_of(fact))
            case ir.InDivision(codes):
                inside = [i for i, c in enumerate(self.contexts) if any(code in c.path for code in codes)]
                return low.Place(tuple(inside))
            case ir.ParameterRef(id_):
                value = self.contexts[0].parameters.get(id_)
                return low.Fixed(bool(value) if value is not None else None)
            case ir.Compare():
                return self._compare(expr)
            case ir.Passes(rule):
                return self._passed(self.program.index[rule])
            case ir.Trend():
                raise CannotSay("looks over a window of periods")
            case ir.Aggregate():
                return low.Fixed(None)
            case _:
                raise CannotSay(f"`{type(expr).__name__}` of a condition")

    def _boolean(self, spec: FactSpec) -> Truth:
        if spec.derive is None:
            return low.Of(spec.name)
        return low.If(low.AnyKnown((spec.name,)), low.Of(spec.name), self.truth(spec.derive))

    def _compare(self, expr: ir.Compare) -> Truth:
        left, right = expr.left, expr.right
        if expr.kind in ("category", "grade"):
            op = expr.op
            if isinstance(left, ir.Constant):
                left, right, op = right, left, mirrored(op)
            if not (isinstance(left, ir.FactRef) and isinstance(right, ir.Constant)):
                raise CannotSay("compares two categories")
            spec = self.program.facts[left.name]
            ranks = expr.ranks or spec.options
            limit = ranks.index(str(right.value))
            return low.OneOf(left.name, tuple(o for i, o in enumerate(ranks) if _OPERATORS[op](i, limit)))
        return self._joined(expr.op, self.number(left), self.number(right))

    def _joined(self, op: str, left: _Tree, right: _Tree) -> Truth:
        if isinstance(left, _Pick):
            return low.If(left.test, self._joined(op, left.then, right), self._joined(op, left.otherwise, right))
        if isinstance(right, _Pick):
            return low.If(right.test, self._joined(op, left, right.then), self._joined(op, left, right.otherwise))
        if _NOTHING in (left, right):
            return low.Fixed(None)
        if left.known and right.known:
            return low.Compared(op, _plain(left), _plain(right))
        a, b, c, d = left.least, left.most, right.least, right.most
        assert a is not None
        assert b is not None
        assert c is not None
        assert d is not None
        match op:
            case "<":
                return low.Decide(low.Compared("<", b, c), low.Compared(">=", a, d))
            case "<=":
                return low.Decide(low.Compared("<=", b, c), low.Compared(">", a, d))
            case ">":
                return low.Decide(low.Compared(">", a, d), low.Compared("<=", b, c))
            case ">=":
                return low.Decide(low.Compared(">=", a, d), low.Compared("<", b, c))
            case _:
                same = low.All((low.Compared("==", a, d), low.Compared("==", b, c)))
                apart = low.Any((low.Compared("<", b, c), low.Compared("<", d, a)))
                return low.Decide(same, apart) if op == "==" else low.Decide(apart, same)

    # --- numbers --------------------------------------------------------------------------------

    def number(self, expr: Expr) -> _Tree:
        match expr:
            case ir.Constant(value):
                return _exactly(self._literal(value))
            case ir.ParameterRef(id_):
                return _exactly(self._literal(self.contexts[0].parameters.get(id_)))
            case ir.AsOf():
                return _exactly(self._literal(self.on))
            case ir.FactRef(name):
                return self._fact(self.program.facts[name])
            case ir.Choice(test, then, otherwise):
                return _Pick(self.truth(test), self.number(then), self.number(otherwise))
            case ir.Arithmetic(op, left, right):
                self.arithmetic = True
                return self._operation(op, self.number(left), self.number(right))
            case ir.Negate(operand):
                return self._each(low.Minus, self.number(operand))
            case ir.Abs(operand):
                return self._each(low.Absolute, self.number(operand))
            case ir.Ceil(operand):
                self.arithmetic = True
                return self._each(low.Up, self.number(operand))
            case ir.Extremum(op, operands):
                trees = [self.number(o) for o in operands]
                if _NOTHING in trees:
                    return _NOTHING
                return _exactly(low.Least(op == "max", tuple(_plain(tree) for tree in trees)))
            case ir.CountOf(fact, items):
                columns = tuple(item_column(fact, item) for item in items)
                return _Between(low.Count(columns, open_too=False), low.Count(columns, open_too=True))
            case ir.YearsSince():
                raise CannotSay("counts whole years by the calendar")
            case ir.Previous() | ir.Aggregate():
                # Plain values have no earlier period, and no members are sent: unknown.
                return _NOTHING
            case _:
                raise CannotSay(f"`{type(expr).__name__}` of a number")

    @staticmethod
    def _literal(value: object) -> low.Literal | None:
        match value:
            case date():
                return low.Literal(Fraction(value.toordinal()))
            case Fraction():
                return low.Literal(value)
            case None:
                return None
            case _:
                raise CannotSay(f"the constant `{value}`")

    def _fact(self, spec: FactSpec) -> _Tree:
        sent = low.Column(spec.name)
        if spec.at_least is not None or spec.at_most is not None:
            if spec.derive is not None:
                raise CannotSay("a derived fact with bounds")
            least, most = (self._bound(spec.name, limit, sent) for limit in (spec.at_least, spec.at_most))
            return _Between(least, most)
        if spec.derive is None:
            return _exactly(sent)
        derived = self.number(spec.derive)
        if derived == _NOTHING:
            return _exactly(sent)
        return self._given(spec.name, derived)

    def _bound(self, name: str, limit: Expr | None, sent: low.Column) -> Number:
        """An end of a bounded fact: as sent, else the bound; no bound compares as unknown, which decides nothing."""
        if limit is None:
            return sent
        tree = self.number(limit)
        return sent if tree == _NOTHING else low.Given(name, _plain(tree))

    def _given(self, name: str, derived: _Tree) -> _Tree:
        if isinstance(derived, _Pick):
            return _Pick(low.AnyKnown((name,)), _exactly(low.Column(name)), derived)
        if derived.known:
            return _exactly(low.Given(name, _plain(derived)))
        assert derived.least is not None
        assert derived.most is not None
        return _Between(low.Given(name, derived.least), low.Given(name, derived.most))

    def _operation(self, op: str, left: _Tree, right: _Tree) -> _Tree:
        if _leaves(left) * _leaves(right) > MOST_LEAVES:
            raise CannotSay("too many alternatives")
        if isinstance(left, _Pick):
            then, other = self._operation(op, left.then, right), self._operation(op, left.otherwise, right)
            return _Pick(left.test, then, other)
        if isinstance(right, _Pick):
            then, other = self._operation(op, left, right.then), self._operation(op, left, right.otherwise)
            return _Pick(right.test, then, other)
        if _NOTHING in (left, right):
            return _NOTHING
        return _exactly(low.Operation(op, _plain(left), _plain(right)))

    def _each(self, make: Callable[[Number], Number], tree: _Tree) -> _Tree:
        if isinstance(tree, _Pick):
            return replace(tree, then=self._each(make, tree.then), otherwise=self._each(make, tree.otherwise))
        return tree if tree == _NOTHING else _exactly(make(_plain(tree)))


def _plain(tree: _Tree) -> Number:
    """The number of a tree that is simply known. Raises CannotSay."""
    if isinstance(tree, _Pick) or tree.least is None or not tree.known:
        raise CannotSay("arithmetic on a number that is known only between two ends")
    return tree.least


def _leaves(tree: _Tree) -> int:
    return _leaves(tree.then) + _leaves(tree.otherwise) if isinstance(tree, _Pick) else 1


_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
