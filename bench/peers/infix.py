"""Formulas in languages that write them between their operands: one table of words per language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bench.peers import lowered as low
from bench.peers import polarity as pol
from bench.peers.lowered import Number
from bench.peers.polarity import Formula, Outcomes
from bench.peers.saying import CannotSay

__all__ = ["Words", "formula", "verdict"]


@dataclass(frozen=True)
class Words:
    """How a language writes what it has. A function that it lacks is None."""

    both: str = "and"
    either: str = "or"
    true: str = "true"
    false: str = "false"
    null: str = "null"
    absolute: str | None = None
    up: str | None = None
    least: str | None = None
    greatest: str | None = None


def verdict(outcome: Outcomes, words: Words) -> str:
    """The letter of a rule as one expression of nested choices."""
    text = '"U"'
    for letter, part in reversed(outcome.unmet):
        text = f'({formula(part, words)} ? "{letter}" : {text})'
    text = f'({formula(outcome.met, words)} ? "C" : {text})'
    if outcome.applies != pol.ALWAYS:
        text = f'({formula(outcome.applies, words)} ? {text} : "U")'
    return text if outcome.excluded == pol.Never() else f'({formula(outcome.excluded, words)} ? "X" : {text})'


def formula(part: Formula, words: Words) -> str:
    """A formula as an expression."""
    match part:
        case pol.Never():
            return words.false
        case pol.And(()):
            return words.true
        case pol.And(operands):
            return "(" + f" {words.both} ".join(formula(o, words) for o in operands) + ")"
        case pol.Or(operands):
            return "(" + f" {words.either} ".join(formula(o, words) for o in operands) + ")"
        case pol.Is(name, value):
            return f"{name} == {words.true if value else words.false}"
        case pol.Known(name):
            return f"{name} != {words.null}"
        case pol.Missing(name):
            return f"{name} == {words.null}"
        case pol.Option(name, options):
            listed = ", ".join(f'"{o}"' for o in options)
            return f"{name} in [{listed}]"
        case pol.Within(places):
            return f"place in [{', '.join(map(str, places))}]"
        case pol.Comparison(op, left, right):
            return f"{_number(left, words)} {op} {_number(right, words)}"
        case _:
            assert_never(part)


def _number(number: Number, words: Words) -> str:
    match number:
        case low.Literal(value):
            return repr(float(value))
        case low.Column(name):
            return name
        case low.Operation(op, left, right):
            return f"({_number(left, words)} {op} {_number(right, words)})"
        case low.Minus(operand):
            return f"(0.0 - {_number(operand, words)})"
        case low.Absolute(operand):
            return _call(words.absolute, "the distance from zero", [_number(operand, words)])
        case low.Up(operand):
            return _call(words.up, "rounding up", [_number(operand, words)])
        case low.Least(greatest, operands):
            extreme = words.greatest if greatest else words.least
            return _call(extreme, "the extreme of numbers", [_number(o, words) for o in operands])
        case low.Count(columns, open_too):
            # With what is open counted too, all but the false ones count.
            word, counts = (words.false, ("0.0", "1.0")) if open_too else (words.true, ("1.0", "0.0"))
            return "(" + " + ".join(f"({c} == {word} ? {counts[0]} : {counts[1]})" for c in columns) + ")"
        case low.Given():
            raise AssertionError("written out by polarity")
        case _:
            assert_never(number)


def _call(name: str | None, what: str, arguments: list[str]) -> str:
    if name is None:
        raise CannotSay(f"has no {what}")
    return f"{name}({', '.join(arguments)})"
