"""What a lint is given: a ruleset that loads without errors, as written, as typed, and its cases as they ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.cases import Trial
from engine.check.ir import Adoption, Compare, Constant, Expr, FactSpec, Negate, Rule, Ruleset, mirrored
from engine.check.text import number_text
from engine.check.walk import nodes
from engine.load.documents import AdoptionDoc, ConsequenceDoc, RuleDoc
from engine.source import Span

__all__ = ["Examined", "Limit", "WrittenAdoption", "limits"]


@dataclass(frozen=True, slots=True)
class WrittenAdoption:
    """An entry of `incorporates`: the path of its clause, as typed, as written."""

    clause: str
    typed: Adoption
    written: AdoptionDoc


@dataclass(frozen=True, slots=True)
class Examined:
    """`written` and `trials` by the full id of the rule; `original`: the text of the document, where it is at hand.

    `consequences` as written, in their order; `followed`: the ids, within the ruleset, that some case expects.
    """

    ruleset: Ruleset
    facts: Mapping[str, FactSpec]
    written: Mapping[str, RuleDoc]
    trials: Mapping[str, Sequence[Trial]]
    consequences: Sequence[ConsequenceDoc]
    adoptions: Sequence[WrittenAdoption]
    followed: frozenset[str]
    original: str | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A comparison of one side with a plain number, read from the side: `side op figure`."""

    compare: Compare
    side: Expr
    op: str
    figure: Fraction
    span: Span


def limits(examined: Examined, rule: Rule) -> Iterator[Limit]:
    """The comparisons with plain numbers in a rule's condition and requirement."""
    doc = examined.written[rule.id]
    for expr, text in ((rule.when, doc.when), (rule.require, doc.require)):
        if expr is None or text is None:
            continue
        for node in nodes(expr):
            if not isinstance(node, Compare) or node.kind != "number":
                continue
            left, right = _number(node.left), _number(node.right)
            if (left is None) == (right is None):
                continue
            side, figure = (node.left, right) if left is None else (node.right, left)
            op = node.op if left is None else mirrored(node.op)
            assert figure is not None
            # A figure that a named scope brought in is written in the dictionary: then all of the text is shown.
            at = re.search(rf"(?<![\w.]){re.escape(number_text(abs(figure)))}(?![\w.])", text.value)
            yield Limit(node, side, op, figure, text.part(*at.span()) if at else text.content)


def _number(expr: Expr) -> Fraction | None:
    match expr:
        case Constant(value=Fraction() as value):
            return value
        case Negate(operand=Constant(value=Fraction() as value)):
            return -value
        case _:
            return None
