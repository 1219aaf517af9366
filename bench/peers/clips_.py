"""CLIPS: a template with a slot per column, a production rule per outcome; each firing notes its code."""

from __future__ import annotations

from typing import Any, assert_never

import clips

from bench.peers import lowered as low
from bench.peers import polarity as pol
from bench.peers.lowered import Number
from bench.peers.polarity import Formula, Outcomes
from bench.peers.saying import Record

__all__ = ["NAME", "PACKAGE", "Clips"]

NAME, PACKAGE = "CLIPS", "clipspy"


class Clips:
    """An environment with the rules, one record in it at a time."""

    def __init__(self, rules: list[Outcomes]) -> None:
        self.count = len(rules)
        self.yes, self.no, self.nil = clips.Symbol("TRUE"), clips.Symbol("FALSE"), clips.Symbol("nil")
        said = [(i, rule, self.say(rule)) for i, rule in enumerate(rules)]
        names = sorted({name for _, _, parts in said for _, _, names in parts for name in names})
        self.environment = clips.Environment()
        self.environment.build("(defglobal ?*found* = (create$))")
        self.environment.build(f"(deftemplate record {' '.join(f'(slot {n} (default nil))' for n in names)})")
        for i, _, parts in said:
            for letter, test, used in parts:
                slots = " ".join(f"({name} ?{name})" for name in sorted(used))
                self.environment.build(
                    f"(defrule r{i}{letter} (record {slots}) (test {test}) => "
                    f"(bind ?*found* (create$ ?*found* {i} {letter})))"
                )
        self.template = self.environment.find_template("record")
        self.names = frozenset(names)

    @staticmethod
    def say(rule: Outcomes) -> list[tuple[str, str, set[str]]]:
        """The outcomes of one rule: letter, condition, and the slots that it reads."""
        found = []
        for letter, formula in rule.letters:
            names: set[str] = set()
            found.append((letter, _formula(formula, names), names))
        return found

    def prepare(self, record: Record) -> dict[str, Any]:
        """The slots that have a value; the others are nil."""
        found: dict[str, Any] = {}
        for name, value in record.items():
            if name in self.names and value is not None:
                if isinstance(value, bool):
                    found[name] = self.yes if value else self.no
                else:
                    found[name] = clips.Symbol(value) if isinstance(value, str) else value
        return found

    def judge(self, record: dict[str, Any]) -> str:
        """The codes of one record."""
        environment = self.environment
        environment.eval("(bind ?*found* (create$))")
        fact = self.template.assert_fact(**record)
        environment.run()
        found = environment.eval("?*found*")
        fact.retract()
        letters = ["U"] * self.count
        for i, letter in zip(found[::2], found[1::2], strict=True):
            letters[i] = str(letter)
        return "".join(letters)


def _formula(part: Formula, names: set[str]) -> str:
    match part:
        case pol.Never():
            return "FALSE"
        case pol.And(()):
            return "TRUE"
        case pol.And(operands):
            return f"(and {' '.join(_formula(o, names) for o in operands)})"
        case pol.Or(operands):
            return f"(or {' '.join(_formula(o, names) for o in operands)})"
        case pol.Is(name, value):
            names.add(name)
            return f"(eq ?{name} {'TRUE' if value else 'FALSE'})"
        case pol.Known(name):
            names.add(name)
            return f"(neq ?{name} nil)"
        case pol.Missing(name):
            names.add(name)
            return f"(eq ?{name} nil)"
        case pol.Option(name, options):
            names.add(name)
            return f"(or {' '.join(f'(eq ?{name} {option})' for option in options)} FALSE)"
        case pol.Within(places):
            names.add("place")
            return f"(or {' '.join(f'(= ?place {place})' for place in places)} FALSE)"
        case pol.Comparison(op, left, right):
            word = {"==": "=", "!=": "<>"}.get(op, op)
            return f"({word} {_number(left, names)} {_number(right, names)})"
        case _:
            assert_never(part)


def _number(number: Number, names: set[str]) -> str:
    match number:
        case low.Literal(value):
            return repr(float(value))
        case low.Column(name):
            names.add(name)
            return f"?{name}"
        case low.Operation(op, left, right):
            return f"({op} {_number(left, names)} {_number(right, names)})"
        case low.Minus(operand):
            return f"(- 0.0 {_number(operand, names)})"
        case low.Absolute(operand):
            return f"(abs {_number(operand, names)})"
        case low.Up(operand):
            inner = _number(operand, names)
            return f"(if (= (integer {inner}) {inner}) then {inner} else (+ 1 (integer {inner})))"
        case low.Least(greatest, operands):
            return f"({'max' if greatest else 'min'} {' '.join(_number(o, names) for o in operands)})"
        case low.Count(columns, open_too):
            names.update(columns)
            word, counts = ("FALSE", "0 else 1") if open_too else ("TRUE", "1 else 0")
            return f"(+ {' '.join(f'(if (eq ?{c} {word}) then {counts})' for c in columns)} 0)"
        case low.Given():
            raise AssertionError("written out by polarity")
        case _:
            assert_never(number)
