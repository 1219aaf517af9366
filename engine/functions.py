"""Every function of the rule language in one table: who may call it, where, and with what."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AGGREGATES", "FUNCTIONS", "Function"]


@dataclass(frozen=True, slots=True)
class Function:
    """A function's name, what it takes (in words, for messages), and what it means."""

    name: str
    takes: str
    meaning: str
    aggregate: bool = False


_ALL = (
    Function("date", 'one date text: `date("2016-12-31")`', "a day"),
    Function("param", 'one parameter id: `param("id")`', "a parameter of the ruleset"),
    Function("known", "one fact", "true when the fact is given"),
    Function("min", "two numbers or more", "the smallest"),
    Function("max", "two numbers or more", "the largest"),
    Function("abs", "one number", "the distance from zero"),
    Function("ceil", "one number", "rounded up to a whole number"),
    Function("at_least", "a whole number and that many conditions or more", "how many conditions must hold"),
    Function("count_of", "one checklist", "how many of its items are true"),
    Function("years_since", "one date", "whole years completed by `as_of`"),
    Function("previous", "one periodic fact", "its value one period earlier"),
    Function("baseline", "one fact with a `baseline` in this rule", "the plan's own starting figure"),
    Function("total", "one periodic fact", "the sum over the window"),
    Function("rises", "one periodic fact", "each period of the window above the one before"),
    Function("never_falls", "one periodic fact", "no period of the window below the one before"),
    Function("passes", 'one rule id: `passes("id")`', "the other rule's verdict is C or X"),
    Function("count", "a member kind and `where=`", "how many members", aggregate=True),
    Function("sum", "a member kind, a number and `where=`", "the sum over members", aggregate=True),
    Function("share", "a member kind, a condition, `where=` and `weight=`", "percent of members", aggregate=True),
    Function("mean", "a member kind, a number, `where=` and `weight=`", "the mean over members", aggregate=True),
    Function("cv", "a member kind, a number and `per=`, `where=`", "the coefficient of variation", aggregate=True),
    Function("lowest", "a member kind and a grade, `where=`", "the worst grade among members", aggregate=True),
    Function("every", "a member kind and a condition, `where=`", "true when it holds for each", aggregate=True),
)

FUNCTIONS: dict[str, Function] = {f.name: f for f in _ALL}
AGGREGATES = tuple(f.name for f in _ALL if f.aggregate)
