"""rego-cpp: a module with a rule per rule, compiled into a bundle; unknown is an input that is not there."""

from __future__ import annotations

import json
from typing import Any, assert_never

from regopy import Interpreter

from bench.peers import lowered as low
from bench.peers import polarity as pol
from bench.peers.lowered import Number
from bench.peers.polarity import Formula, Outcomes
from bench.peers.saying import CannotSay, Record

__all__ = ["NAME", "PACKAGE", "Rego"]

NAME, PACKAGE = "rego-cpp", "regopy"


class Rego:
    """A built bundle with one entry point."""

    def __init__(self, rules: list[Outcomes]) -> None:
        writer = _Writer()
        for i, rule in enumerate(rules):
            writer.rule(i, rule)
        letters = ", ".join(f"code{i}" for i in range(len(rules)))
        module = "\n".join(["package plan", "import rego.v1", *writer.lines, f"codes := [{letters}]"])
        self.interpreter = Interpreter()
        self.interpreter.add_module("plan", module)
        self.bundle = self.interpreter.build(None, ["plan/codes"])

    @staticmethod
    def say(rule: Outcomes) -> list[str]:
        """One rule. Raises CannotSay."""
        writer = _Writer()
        writer.rule(0, rule)
        return writer.lines

    def prepare(self, record: Record) -> Record:
        """What is unknown is not there."""
        return {name: value for name, value in record.items() if value is not None}

    def judge(self, record: Record) -> str:
        """The codes of one record."""
        self.interpreter.set_input(record)
        output = self.interpreter.query_bundle_entrypoint(self.bundle, "plan/codes")
        found: Any = json.loads(str(output))
        return "".join(found["expressions"][0])


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.kept: dict[Formula, str] = {}

    def rule(self, i: int, rule: Outcomes) -> None:
        chain = [f'"{letter}" if {{ {self._body(formula)} }}' for letter, formula in rule.letters]
        self.lines.append(f"code{i} := " + " else := ".join([*chain, '"U"']))

    def _body(self, formula: Formula) -> str:
        operands = formula.operands if isinstance(formula, pol.And) else (formula,)
        return "; ".join(self._formula(o) for o in operands) or "true"

    def _formula(self, part: Formula) -> str:
        match part:
            case pol.Never():
                return "false"
            case pol.And() | pol.Or():
                return self._helper(part)
            case pol.Is(name, value):
                return f"input.{name} == {str(value).lower()}"
            case pol.Known(name):
                return f'object.get(input, "{name}", null) != null'
            case pol.Missing(name):
                return f'object.get(input, "{name}", null) == null'
            case pol.Option(name, options):
                return self._one_of(f"input.{name}", [f'"{o}"' for o in options])
            case pol.Within(places):
                return self._one_of("input.place", [str(place) for place in places])
            case pol.Comparison(op, left, right):
                return f"{self._number(left)} {op} {self._number(right)}"
            case _:
                assert_never(part)

    @staticmethod
    def _one_of(name: str, values: list[str]) -> str:
        return f"{name} in {{{', '.join(values)}}}"

    def _helper(self, part: pol.And | pol.Or) -> str:
        """A rule of its own: Rego has no `or` inside a body, and computes a rule once per query."""
        if part not in self.kept:
            bodies = [self._body(o) for o in part.operands] if isinstance(part, pol.Or) else [self._body(part)]
            name = self.kept[part] = f"h{len(self.kept)}"
            self.lines.extend(f"{name} if {{ {body} }}" for body in bodies)
        return self.kept[part]

    def _number(self, number: Number) -> str:
        match number:
            case low.Literal(value):
                return repr(float(value))
            case low.Column(name):
                return f"input.{name}"
            case low.Operation(op, left, right):
                return f"({self._number(left)} {op} {self._number(right)})"
            case low.Minus(operand):
                return f"(0 - {self._number(operand)})"
            case low.Absolute(operand):
                return f"abs({self._number(operand)})"
            case low.Up(operand):
                return f"ceil({self._number(operand)})"
            case low.Least(greatest, operands):
                return f"{'max' if greatest else 'min'}([{', '.join(self._number(o) for o in operands)}])"
            case low.Count(columns, open_too):
                names = ", ".join(f'"{c}"' for c in columns)
                if open_too:
                    return f"({len(columns)} - count([1 | some c in [{names}]; input[c] == false]))"
                return f"count([1 | some c in [{names}]; input[c] == true])"
            case low.Given():
                raise CannotSay("a fact as sent or computed")
            case _:
                assert_never(number)
