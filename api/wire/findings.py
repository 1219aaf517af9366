"""Failing rules of a block as JSON, each distinct one written once.

What a batch says of a failing rule depends on the values that the rule read and, where its formulas look at them, on
the day, the parameters and the place. The values come from the columns, so the facts of a record are put together only
when its finding was never written before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from api.wire.verdicts import VerdictWriter, encode
from engine.backends.columnar import Judged
from engine.backends.columns import Layout, facts_at
from engine.backends.evaluation import derives_from_members
from engine.backends.explain import Explainer
from engine.backends.letters import Indexes
from engine.backends.plan import plan_of
from engine.backends.reference import Evaluation
from engine.backends.shown import gaps, in_doubt, shown
from engine.check.ir import AsOf, InDivision, ParameterRef, Program, YearsSince
from engine.check.walk import formulas, nodes, with_sources
from engine.facts import Facts

__all__ = ["Failures"]

_KEPT_PER_RULE = 8_192
_KEPT = 131_072
"""Most findings of a program that are kept; each takes some hundred bytes."""


class Failures:
    """Writes the failing rules of one program. Safe to share between threads: a lost race only writes twice."""

    def __init__(self, program: Program, writer: VerdictWriter) -> None:
        self._program = program
        self._plan = plan_of(program)
        self._writer = writer
        # By the rule's place among the codes, then by the values.
        self._kept: list[dict[int, dict[object, bytes]]] = [{} for _ in program.rules]
        self._count = 0
        rolled = derives_from_members(program)
        # A rule on nothing but the verdicts of others shows no fact, and fails everywhere alike.
        self._bare = [bool(r.passes) and not (r.reads or r.conditions or r.periodic) for r in program.rules]
        self._rolled = [
            not (rolled.isdisjoint(reads) or bare) for reads, bare in zip(self._plan.reads, self._bare, strict=True)
        ]
        self._looks = [_looks(program, i) for i in range(len(program.rules))]
        # What is nothing but yes or no repeats, and is kept instead.
        self._numbers = [
            bool(rule.reads) and rule.window is None and not rule.passes and answers is None
            for rule, answers in zip(program.rules, self._plan.answers, strict=True)
        ]
        # What another rule read stands under none of the rule's own names.
        self._asks = [bool(r.passes) and not bare for r, bare in zip(program.rules, self._bare, strict=True)]
        # What decides a finding: for plain rules what they show, for others all that it comes from.
        self._names = [
            rule.reads if direct or bare else tuple(name for name in program.facts if name in reads)
            for rule, direct, bare, reads in zip(
                program.rules, self._plan.direct, self._bare, self._plan.reads, strict=True
            )
        ]

    def of(self, judged: Judged, index: int, position: int, rows: Indexes) -> list[bytes]:
        """The rule's finding for each of some rows in which it fails; `position` is its place among the codes."""
        if self._numbers[index] and not judged.block.keyed:
            alone = in_doubt(judged, index, rows)
            if self._rolled[index]:
                alone |= np.isin(rows, judged.block.containers)
            told = self._from_columns(judged, index, position, rows[~alone])
            if told is not None and not alone.any():
                return told
            if told is not None:
                apart, plain = iter(self._each(judged, index, position, rows[alone])), iter(told)
                return [next(apart) if by_itself else next(plain) for by_itself in alone.tolist()]
        return self._each(judged, index, position, rows)

    def _from_columns(self, judged: Judged, index: int, position: int, rows: Indexes) -> list[bytes] | None:
        """Findings of a rule that shows numbers, which seldom repeat, all at once. None: columns do not tell them."""
        columns: list[list[bytes]] = []
        for name in self._program.rules[index].reads:
            values = shown(judged, name, rows)
            if values is None:
                return None
            head = b"%s:" % encode(name)
            texts = _each_encoded(values, words=bool(self._program.facts[name].options))
            columns.append([b"" if text == b"null" else head + text for text in texts])
        distances = gaps(judged, index, rows)
        if distances is None:
            return None
        if len(columns) == 1:
            actuals = columns[0]
        else:
            actuals = [b",".join(filter(None, texts)) for texts in zip(*columns, strict=True)]
        return [
            b'{"rule":%d,"actual":{%s},"gap":%s}' % (position, actual, gap)
            for actual, gap in zip(actuals, _each_encoded(distances, words=False), strict=True)
        ]

    def _each(self, judged: Judged, index: int, position: int, rows: Indexes) -> list[bytes]:
        """The same, each distinct one written by itself and kept."""
        keyed = bool(judged.block.keyed) and any(name in judged.block.keyed for name in self._plan.reads[index])
        # What members say stands in no column of the record.
        containers = set(judged.block.containers) if self._rolled[index] else set[int]()
        answers = judged.answers_of_members(index, rows) if containers else None
        every = keyed or self._asks[index]
        if every or (containers and answers is None):
            alone = [every or row in containers for row in rows.tolist()]
        else:
            alone = None
        keys = _keys(self._plan.layout, judged, self._names[index], rows)
        if answers is not None:
            keys = list(zip(keys, answers, strict=True))
        if self._looks[index]:
            parameters = tuple(sorted(judged.parameters.items()))
            around = [(judged.on, parameters, judged.situation(row).context.path) for row in rows.tolist()]
            keys = list(zip(keys, around, strict=True))
        kept = self._kept[index].setdefault(position, {})
        found: list[bytes | None] = [None] * len(keys) if alone is not None else [kept.get(key) for key in keys]
        for place, written in enumerate(found):
            if written is None:
                row, key = int(rows[place]), keys[place]
                by_itself = alone is not None and alone[place]
                known = None if by_itself else kept.get(key)
                if known is None:
                    body = self._written(judged, index, row, apart=by_itself or self._bare[index] or row in containers)
                    known = b'{"rule":%d,%s' % (position, body)
                    if not by_itself:
                        if self._count >= _KEPT:
                            self._kept = [{} for _ in self._program.rules]
                            kept, self._count = self._kept[index].setdefault(position, {}), 0
                        if len(kept) >= _KEPT_PER_RULE:
                            self._count -= len(kept)
                            kept.clear()
                        kept[key] = known
                        self._count += 1
                found[place] = known
        return cast(list[bytes], found)

    def _written(self, judged: Judged, index: int, row: int, *, apart: bool) -> bytes:
        if apart:
            finding = judged.walk(row).finding(index)
        else:
            facts = Facts(facts_at(self._program, judged.plan.layout, judged.block, row, self._names[index]))
            situation = judged.situation(row)
            if self._plan.direct[index]:
                finding = Explainer(self._plan, facts, situation, "N" * len(self._program.rules), b"", None).finding(
                    index
                )
            else:
                finding = Evaluation(self._program, facts, situation.context).finding(index)
        return self._writer.brief(finding)


def _each_encoded(values: Sequence[object], *, words: bool) -> list[bytes]:
    """Scalars as JSON, one by one: as a list they are encoded at once, and nothing in them has a comma but words."""
    if words:
        return [encode(value) for value in values]
    return encode(values)[1:-1].split(b",") if values else []


def _looks(program: Program, index: int) -> bool:
    """Whether what a rule shows comes from the day, a parameter or the place; a window names the periods of values."""
    rule = program.rules[index]
    if rule.window is not None:
        return True
    exprs = [rule.require]
    for spec in with_sources(rule.needs, program.facts).values():
        exprs += formulas(spec)
    return any(isinstance(n, AsOf | InDivision | ParameterRef | YearsSince) for e in exprs for n in nodes(e))


def _keys(layout: Layout, judged: Judged, names: Sequence[str], rows: Indexes) -> list[object]:
    """For each row what stands in the columns of some facts."""
    parts: list[list[object]] = []
    for name in names:
        if name in layout.numbers:
            column = judged.block.numbers[layout.numbers[name], rows]
            # NaN is no key: it never equals itself.
            parts.append(np.where(np.isnan(column), np.inf, column).tolist())
        elif name in layout.truths:
            parts.append(judged.block.truths[layout.truths[name], rows].tolist())
        else:
            items = judged.block.truths[list(layout.items[name].values())][:, rows]
            text, width = items.T.tobytes(), len(items)
            parts.append([text[start : start + width] for start in range(0, len(text), width)])
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True)) if parts else [()] * len(rows)
