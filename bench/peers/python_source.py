"""`Lowered` → one generated Python function per ruleset: columns of one subject in, a text of codes out.

Every distinct truth is computed once and kept in a local, so this is what a careful author would write by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isnan
from typing import Any, assert_never

from bench.peers import lowered as low
from bench.peers.lowered import Lowered, LoweredRule, Number, Truth
from bench.synthetic import FALSE, TRUE, UNKNOWN, Columns

__all__ = ["NAME", "compiled", "rows", "source"]

NAME = "generated Python"


def compiled(lowered: Lowered) -> Callable[..., str]:
    """The function. Arguments: `place`, then `numbers`, `options` (indexes) and `truths`, None for unknown."""
    space: dict[str, Any] = {"ceil": ceil}
    exec(source(lowered), space)
    found: Callable[..., str] = space["codes"]
    return found


def source(lowered: Lowered) -> str:
    """The text of the function."""
    writer = _Writer(lowered)
    letters = [writer.rule(rule) for rule in lowered.rules]
    arguments = ", ".join(["place", *lowered.numbers, *lowered.options, *lowered.truths])
    body = "\n    ".join([*writer.lines, f"return ''.join(({', '.join(letters)},))"])
    return f"def codes({arguments}):\n    {body}\n"


def rows(lowered: Lowered, columns: Columns) -> list[tuple[Any, ...]]:
    """The arguments of each subject."""
    lists: list[list[Any]] = [columns.places.tolist()]
    for name in (*lowered.numbers, *lowered.options):
        lists.append([None if isnan(value) else value for value in columns.numbers[name].tolist()])
    truth = {FALSE: False, UNKNOWN: None, TRUE: True}
    lists += [[truth[value] for value in columns.truths[name].tolist()] for name in lowered.truths]
    return list(zip(*lists, strict=True))


class _Writer:
    def __init__(self, lowered: Lowered) -> None:
        self.options = lowered.options
        self.lines: list[str] = []
        self.kept: dict[object, str] = {}

    def _keep(self, key: object, text: str) -> str:
        name = f"t{len(self.kept)}"
        self.kept[key] = name
        self.lines.append(f"{name} = {text}")
        return name

    def rule(self, rule: LoweredRule) -> str:
        if all(state == low.EXCLUDED for state in rule.states):
            return "'X'"
        requires = self.truth(rule.requires)
        letters = tuple(low.letter_of(state) for state in rule.states)
        unmet = repr(letters[0]) if len(set(letters)) == 1 else f"{letters!r}[place]"
        text = f"('C' if {requires} else 'U' if {requires} is None else {unmet})"
        if rule.applies != low.Fixed(True):
            applies = self.truth(rule.applies)
            text = f"({text} if {applies} else 'U' if {applies} is None else 'X')"
        elsewhere = tuple(i for i, state in enumerate(rule.states) if state == low.EXCLUDED)
        return f"('X' if place in {elsewhere!r} else {text})" if elsewhere else text

    def truth(self, truth: Truth) -> str:
        if isinstance(truth, low.Of):
            return truth.name
        if isinstance(truth, low.Fixed):
            return str(truth.value)
        return self.kept[truth] if truth in self.kept else self._keep(truth, self._truth(truth))

    def _truth(self, truth: Truth) -> str:
        match truth:
            case low.Fixed() | low.Of():
                return self.truth(truth)
            case low.Compared(op, left, right):
                a, b = self.number(left), self.number(right)
                unknown = " or ".join(f"{n} is None" for n, of in ((a, left), (b, right)) if not _certain(of))
                return f"None if {unknown} else {a} {op} {b}" if unknown else f"{a} {op} {b}"
            case low.OneOf(name, options):
                indexes = tuple(self.options[name].index(option) for option in options)
                return f"None if {name} is None else {name} in {indexes!r}"
            case low.Place(places):
                return f"place in {places!r}"
            case low.AnyKnown(columns):
                return " or ".join(f"{column} is not None" for column in columns)
            case low.Not(operand):
                inner = self.truth(operand)
                return f"None if {inner} is None else not {inner}"
            case low.All(operands):
                names = [self.truth(o) for o in operands]
                fails = " or ".join(f"{n} is False" for n in names)
                return f"False if {fails} else None if {' or '.join(f'{n} is None' for n in names)} else True"
            case low.Any(operands):
                # A true operand is the only true value, so the plain `or` finds it.
                names = [self.truth(o) for o in operands]
                return (
                    f"True if {' or '.join(names)} else None if {' or '.join(f'{n} is None' for n in names)} else False"
                )
            case low.AtLeast(n, operands):
                listed = ", ".join(self.truth(o) for o in operands)
                every = self._keep((truth, "operands"), f"({listed},)")
                holds = self._keep((truth, "holds"), f"{every}.count(True)")
                return f"True if {holds} >= {n} else False if {holds} + {every}.count(None) < {n} else None"
            case low.If(test, then, otherwise):
                t, a, b = self.truth(test), self.truth(then), self.truth(otherwise)
                return f"{a} if {t} else ({a} if {a} is {b} else None) if {t} is None else {b}"
            case low.Decide(holds, fails):
                return f"True if {self.truth(holds)} else False if {self.truth(fails)} else None"
            case _:
                assert_never(truth)

    def number(self, number: Number) -> str:
        if isinstance(number, low.Column):
            return number.name
        if isinstance(number, low.Literal):
            return repr(float(number.value))
        return self.kept[number] if number in self.kept else self._keep(number, self._number(number))

    def _number(self, number: Number) -> str:
        match number:
            case low.Literal() | low.Column():
                return self.number(number)
            case low.Given(name, derived):
                return f"{self.number(derived)} if {name} is None else {name}"
            case low.Operation(op, left, right):
                a, b = self.number(left), self.number(right)
                unknown = [f"{n} is None" for n, of in ((a, left), (b, right)) if not _certain(of)]
                unknown += [f"{b} == 0"] if op == "/" and not _certain(right) else []
                return f"None if {' or '.join(unknown)} else {a} {op} {b}" if unknown else f"{a} {op} {b}"
            case low.Minus(operand):
                a = self.number(operand)
                return f"None if {a} is None else -{a}"
            case low.Absolute(operand):
                a = self.number(operand)
                return f"None if {a} is None else abs({a})"
            case low.Up(operand):
                a = self.number(operand)
                return f"None if {a} is None else ceil({a})"
            case low.Least(greatest, operands):
                names = [self.number(o) for o in operands]
                nothing = " or ".join(f"{n} is None" for n in names)
                return f"None if {nothing} else {'max' if greatest else 'min'}({', '.join(names)})"
            case low.Count(columns, open_too):
                # Both ends of one checklist share its tuple.
                every = self.kept.get(columns) or self._keep(columns, f"({', '.join(columns)},)")
                count = f"{every}.count(True)" + (f" + {every}.count(None)" if open_too else "")
                return f"None if {every}.count(None) == {len(columns)} else {count}"
            case _:
                assert_never(number)


def _certain(number: Number) -> bool:
    return isinstance(number, low.Literal)
