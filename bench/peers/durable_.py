"""durable_rules: a production rule per outcome; one fact per record in a session of its own.

A missing field matches nothing, and the language can say that a field is there or is not; it cannot count.
The core is called directly: the Python layer above it starts timer threads and keeps exceptions to itself.
"""

from __future__ import annotations

import itertools
import json
from typing import Any, assert_never

import durable_rules_engine as core

from bench.peers import lowered as low
from bench.peers import polarity as pol
from bench.peers.lowered import Number
from bench.peers.polarity import Formula, Outcomes
from bench.peers.saying import CannotSay, Record

__all__ = ["NAME", "PACKAGE", "Durable"]

NAME, PACKAGE = "durable_rules", "durable-rules"
RULES_PER_CORE = 24
"""More in one ruleset and the core refuses a fact that matches many (its stack has a fixed size)."""
_COMPARISONS = {"==": None, "!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_ARITHMETIC = {"+": "$add", "-": "$sub", "*": "$mul", "/": "$div"}


class Durable:
    """A compiled ruleset."""

    def __init__(self, rules: list[Outcomes]) -> None:
        self.count = len(rules)
        numbered = list(enumerate(rules))
        parts = [numbered[at : at + RULES_PER_CORE] for at in range(0, len(rules), RULES_PER_CORE)]
        self.cores = [self._core(f"plan{at}", part) for at, part in enumerate(parts)]
        self.sessions = itertools.count()

    def _core(self, name: str, rules: list[tuple[int, Outcomes]]) -> object:
        definition: dict[str, Any] = {}
        for i, rule in rules:
            for letter, condition in self.say(rule):
                definition[f"{i} {letter}"] = {"all": [{"m": condition}]}
        # A fact that no rule matches is refused, so one rule takes them all.
        definition["all"] = {"all": [{"m": {"$gte": {"place": 0}}}]}
        return core.create_ruleset(name, json.dumps(definition))

    @staticmethod
    def say(rule: Outcomes) -> list[tuple[str, dict[str, Any]]]:
        """The outcomes of one rule. Raises CannotSay."""
        return [(letter, _formula(formula)) for letter, formula in rule.letters]

    def prepare(self, record: Record) -> Record:
        """What is unknown is not there."""
        return {name: value for name, value in record.items() if value is not None}

    def judge(self, record: Record) -> str:
        """The codes of one record."""
        session = str(next(self.sessions))
        letters = ["U"] * self.count
        fact = json.dumps({**record, "sid": session, "id": "r"})
        for rules in self.cores:
            _, state = core.assert_fact(rules, fact)
            started = core.start_action_for_state(rules, state)
            message = None if started is None else started[1]
            while message is not None:
                (name,) = json.loads(message)
                if name != "all":
                    i, letter = name.split()
                    letters[int(i)] = letter
                message = core.complete_and_start_action(rules, state)
            core.delete_state(rules, session)
        return "".join(letters)


def _formula(part: Formula) -> dict[str, Any]:
    match part:
        case pol.Never():
            raise CannotSay("has no condition that never holds")
        case pol.And(()):
            return {"$gte": {"place": 0}}
        case pol.And(operands):
            return {"$and": [_formula(o) for o in operands]}
        case pol.Or(operands):
            return {"$or": [_formula(o) for o in operands]}
        case pol.Is(name, value):
            return {name: value}
        case pol.Known(name):
            return {"$ex": {name: 1}}
        case pol.Missing(name):
            return {"$nex": {name: 1}}
        case pol.Option(name, options):
            return {"$or": [{name: option} for option in options]} if len(options) > 1 else {name: options[0]}
        case pol.Within(places):
            return {"$or": [{"place": place} for place in places]} if len(places) > 1 else {"place": places[0]}
        case pol.Comparison(op, left, right):
            if not isinstance(left, low.Column):
                raise CannotSay("cannot count" if isinstance(left, low.Count) else "computes only on the right side")
            inner = {left.name: _number(right)}
            word = _COMPARISONS[op]
            return inner if word is None else {word: inner}
        case _:
            assert_never(part)


def _number(number: Number) -> Any:
    match number:
        case low.Literal(value):
            return float(value)
        case low.Column(name):
            return {"$m": name}
        case low.Operation(op, left, right):
            return {_ARITHMETIC[op]: {"$l": _number(left), "$r": _number(right)}}
        case low.Count():
            raise CannotSay("cannot count")
        case _:
            raise CannotSay("has only the four operations")
