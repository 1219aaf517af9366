"""OpenFisca-Core: a variable per rule and per part that rules share, vectors of float32 and int32 over all subjects.

It has no unknown values, so what is unknown is written as OpenFisca users would: NaN in numbers, and a truth as
0, 1, 2 (false, unknown, true), where Kleene's and, or and not are minimum, maximum and 2 - x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import numpy as np
from openfisca_core.entities import build_entity
from openfisca_core.periods import DateUnit
from openfisca_core.simulations import SimulationBuilder
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable

from bench.peers import lowered as low
from bench.peers.lowered import Lowered, LoweredRule, Number, Truth
from bench.synthetic import FALSE, TRUE, UNKNOWN, Columns, Truths

__all__ = ["NAME", "PACKAGE", "Fisca"]

NAME, PACKAGE = "OpenFisca-Core", "OpenFisca-Core"
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_COMPUTE: dict[str, Callable[[Any, Any], Any]] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}


class Fisca:
    """A tax and benefit system with the rules as variables. `run` calculates all of them for all subjects."""

    def __init__(self, lowered: Lowered, columns: Columns) -> None:
        self.lowered = lowered
        self.period = "2026-11"
        self.entity = build_entity("subject", "subjects", "A subject", is_person=True)
        self.system = TaxBenefitSystem([self.entity])
        self.inputs: dict[str, Any] = {"place": columns.places.astype(np.int32)}
        for name in (*lowered.numbers, *lowered.options):
            self.inputs[name] = columns.numbers[name].astype(np.float32)
        for name in lowered.truths:
            self.inputs[name] = columns.truths[name].astype(np.int32)
        for name, column in self.inputs.items():
            self._variable(name, float if column.dtype == np.float32 else int, None)
        writer = _Writer(self)
        for rule in lowered.rules:
            self._variable(f"rule_{rule.index}", int, writer.rule(rule))
        self.size = columns.size

    def _variable(self, name: str, kind: type, formula: Callable[[_Ask], Any] | None) -> None:
        body: dict[str, Any] = {"value_type": kind, "entity": self.entity, "definition_period": DateUnit.MONTH}
        if formula is not None:
            body["formula"] = lambda subject, period: formula(lambda column: subject(column, period))
        self.system.add_variable(type(name, (Variable,), body))

    def share(self, name: str, kind: type, formula: Callable[[_Ask], Any]) -> None:
        """A part as a variable of its own, which OpenFisca computes once for all that ask for it."""
        self._variable(name, kind, formula)

    def fresh(self) -> Any:
        """A simulation with the inputs set and nothing calculated."""
        simulation = SimulationBuilder().build_default_simulation(self.system, count=self.size)
        for name, column in self.inputs.items():
            simulation.set_input(name, self.period, column)
        return simulation

    def run(self, simulation: Any) -> list[Any]:
        """The codes, an array per rule."""
        with np.errstate(all="ignore"):
            return [simulation.calculate(f"rule_{rule.index}", self.period) for rule in self.lowered.rules]

    def codes(self) -> Truths:
        """The codes as one matrix, a row per rule."""
        return np.stack(self.run(self.fresh())).astype(np.uint8)


_Ask = Callable[[str], Any]


class _Writer:
    """Formulas as closures over `ask`, which gives a variable's vector."""

    def __init__(self, fisca: Fisca) -> None:
        self.fisca = fisca
        self.options = fisca.lowered.options
        self.shared = low.shared(fisca.lowered)
        self.kept: dict[Truth | Number, str] = {}

    def rule(self, rule: LoweredRule) -> Callable[[_Ask], Any]:
        applies, requires = self.truth(rule.applies), self.truth(rule.requires)
        letters = np.full((len(rule.states), 3, 3), ord("U"), dtype=np.int32)
        letters[:, FALSE, :] = ord("X")
        letters[:, TRUE, TRUE] = ord("C")
        for place, state in enumerate(rule.states):
            letters[place, TRUE, FALSE] = ord(low.letter_of(state))
            if state == low.EXCLUDED:
                letters[place] = ord("X")
        alike = bool((letters == letters[0]).all())
        table = (letters[0] if alike else letters).ravel()

        def formula(ask: _Ask) -> Any:
            at = 3 * applies(ask) + requires(ask)
            return table[at if alike else at + 9 * ask("place")]

        return formula

    def _share(
        self, node: Truth | Number, kind: type, make: Callable[[], Callable[[_Ask], Any]]
    ) -> Callable[[_Ask], Any]:
        if node not in self.kept:
            formula = make()
            name = self.kept[node] = f"shared_{len(self.kept)}"
            self.fisca.share(name, kind, formula)
        name = self.kept[node]
        return lambda ask: ask(name)

    def truth(self, truth: Truth) -> Callable[[_Ask], Any]:
        if truth in self.shared:
            return self._share(truth, int, lambda: self._truth(truth))
        return self._truth(truth)

    def _truth(self, truth: Truth) -> Callable[[_Ask], Any]:
        match truth:
            case low.Fixed(value):
                constant = np.int32(UNKNOWN if value is None else TRUE if value else FALSE)
                return lambda ask: np.full(self.fisca.size, constant)
            case low.Of(name):
                return lambda ask: ask(name)
            case low.Compared(op, left, right):
                return self._compared(op, left, right)
            case low.OneOf(name, options):
                wanted = np.array([TRUE if o in options else FALSE for o in self.options[name]] + [UNKNOWN])
                return lambda ask: wanted[np.nan_to_num(ask(name), nan=len(wanted) - 1).astype(np.int32)]
            case low.Place(places):
                return lambda ask: np.where(np.isin(ask("place"), places), TRUE, FALSE)
            case low.AnyKnown(names):
                known = [self._known(name) for name in names]
                return lambda ask: np.where(np.logical_or.reduce([k(ask) for k in known]), TRUE, FALSE)
            case low.Not(operand):
                inner = self.truth(operand)
                return lambda ask: TRUE - inner(ask)
            case low.All(operands):
                parts = [self.truth(o) for o in operands]
                return lambda ask: np.minimum.reduce([p(ask) for p in parts])
            case low.Any(operands):
                parts = [self.truth(o) for o in operands]
                return lambda ask: np.maximum.reduce([p(ask) for p in parts])
            case low.AtLeast(n, operands):
                # The n-th largest truth is the truth of "at least n".
                parts = [self.truth(o) for o in operands]
                return lambda ask: np.sort([p(ask) for p in parts], axis=0)[len(parts) - n]
            case low.If(test, then, otherwise):
                t, a, b = self.truth(test), self.truth(then), self.truth(otherwise)

                def chosen(ask: _Ask) -> Any:
                    asked, x, y = t(ask), a(ask), b(ask)
                    return np.where(asked == TRUE, x, np.where((asked == FALSE) | (x == y), y, UNKNOWN))

                return chosen
            case low.Decide(holds, fails):
                h, f = self.truth(holds), self.truth(fails)
                return lambda ask: np.where(h(ask) == TRUE, TRUE, np.where(f(ask) == TRUE, FALSE, UNKNOWN))
            case _:
                assert_never(truth)

    def _known(self, name: str) -> Callable[[_Ask], Any]:
        if name in self.fisca.lowered.truths:
            return lambda ask: ask(name) != UNKNOWN
        return lambda ask: ~np.isnan(ask(name))

    def _compared(self, op: str, left: Number, right: Number) -> Callable[[_Ask], Any]:
        a, b, compare = self.number(left), self.number(right), _COMPARE[op]

        def formula(ask: _Ask) -> Any:
            x, y = a(ask), b(ask)
            return np.where(np.isnan(x) | np.isnan(y), UNKNOWN, np.where(compare(x, y), TRUE, FALSE))

        return formula

    def number(self, number: Number) -> Callable[[_Ask], Any]:
        if number in self.shared:
            return self._share(number, float, lambda: self._number(number))
        return self._number(number)

    def _number(self, number: Number) -> Callable[[_Ask], Any]:
        match number:
            case low.Literal(value):
                constant = np.float32(float(value))
                return lambda ask: constant
            case low.Column(name):
                return lambda ask: ask(name)
            case low.Given(name, derived):
                inner = self.number(derived)

                def given(ask: _Ask) -> Any:
                    sent = ask(name)
                    return np.where(np.isnan(sent), inner(ask), sent)

                return given
            case low.Operation(op, left, right):
                a, b, compute = self.number(left), self.number(right), _COMPUTE[op]
                if op != "/":
                    return lambda ask: compute(a(ask), b(ask))

                def quotient(ask: _Ask) -> Any:
                    x, y = a(ask), b(ask)
                    return np.where(y == 0, np.float32(np.nan), x / y)

                return quotient
            case low.Minus(operand):
                inner = self.number(operand)
                return lambda ask: -inner(ask)
            case low.Absolute(operand):
                inner = self.number(operand)
                return lambda ask: np.abs(inner(ask))
            case low.Up(operand):
                inner = self.number(operand)
                return lambda ask: np.ceil(inner(ask))
            case low.Least(greatest, operands):
                parts = [self.number(o) for o in operands]
                pick = np.maximum if greatest else np.minimum

                def extreme(ask: _Ask) -> Any:
                    found = parts[0](ask)
                    for part in parts[1:]:
                        found = pick(found, part(ask))
                    return found

                return extreme
            case low.Count(columns, open_too):
                least = UNKNOWN if open_too else TRUE

                def count(ask: _Ask) -> Any:
                    rows = np.stack([ask(column) for column in columns])
                    ticked = (rows >= least).sum(axis=0).astype(np.float32)
                    return np.where((rows != UNKNOWN).any(axis=0), ticked, np.float32(np.nan))

                return count
            case _:
                assert_never(number)
