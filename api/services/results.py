"""What one ruleset says of the records of a block, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from api.services.evaluate import derived_of, differing_of, verdicts_of
from api.services.judge import Explainer, Judged
from api.services.plans import Plan, Selection
from api.wire.derived import supplied_json
from api.wire.requests import Detail
from api.wire.verdicts import encode, joined
from engine.backends.letters import Indexes
from engine.backends.missing import Missing
from engine.backends.shown import computed, differing, shown
from engine.backends.vectors import Truths
from engine.check.walk import aggregates_of
from engine.verdicts import BY_SEVERITY

__all__ = ["Results"]

_OUTCOMES = [
    [b'"outcome":{"all":"%s","measured":"%s"},"codes":"' % (a.value.encode(), m.value.encode()) for m in BY_SEVERITY]
    for a in BY_SEVERITY
]
_FAILING, _UNDECIDED = ord("N"), ord("U")


class Results:
    """The results of one judged block under a selection of rules."""

    def __init__(self, plan: Plan, judged: Judged, selection: Selection, index: int) -> None:
        self._plan = plan
        self._judged = judged
        self._index = index
        self._chosen = plan.choose(selection)
        letters = judged.letters[: judged.count]
        self._letters = np.ascontiguousarray(
            letters[:, : len(self._chosen.rules)] if self._chosen.everything else letters[:, list(self._chosen.rules)]
        )

    @property
    def letters(self) -> Truths:
        """One row of letters per record, one column per chosen rule."""
        return self._letters

    @property
    def rules(self) -> list[str]:
        """The chosen rules by id, in the order of codes."""
        return [self._plan.program.rules[i].id for i in self._chosen.rules]

    def outcomes(self) -> tuple[Truths, Truths]:
        """The severity of each record's outcome (a place in `BY_SEVERITY`): over all rules, over the measured ones."""
        return self._judged.outcomes(self._chosen.counted), self._judged.outcomes(self._chosen.measured)

    def codes_of(self, rows: Sequence[int] | Indexes) -> str:
        """The codes of some rows, one after the other."""
        letters = self._letters if len(rows) == len(self._letters) else self._letters[list(rows)]
        return letters.tobytes().decode("ascii")

    def parts(self, rows: Sequence[int], detail: Detail) -> list[bytes]:
        """What the ruleset says of some rows, without the braces around it."""
        heads = self._heads(rows)
        match detail:
            case "codes":
                return heads
            case "full":
                return [b'%s,"verdicts":%s' % (head, self._full(row)) for head, row in zip(heads, rows, strict=True)]
            case "findings":
                failing, missing = self._failing(), self._missing()
                differing = {row: b',"derived":' + derived for row, derived in self.differing().items()}
                return [
                    b'%s,"findings":[%s]%s,"missing":[%s]' % (head, failing[row], differing.get(row, b""), missing[row])
                    for head, row in zip(heads, rows, strict=True)
                ]

    def _heads(self, rows: Sequence[int]) -> list[bytes]:
        """Ruleset, outcome and codes."""
        text, width = self._letters.tobytes(), self._letters.shape[1]
        everything = self._judged.outcomes(self._chosen.counted).tolist()
        measured = self._judged.outcomes(self._chosen.measured).tolist()
        ruleset = b'"ruleset":%d,' % self._index
        return [
            b'%s%s%s"' % (ruleset, _OUTCOMES[everything[row]][measured[row]], text[row * width : (row + 1) * width])
            for row in rows
        ]

    def failing(self) -> tuple[list[bytes], Indexes, Indexes]:
        """All failing rules, row by row in the order of codes; the place of each among these; where each row ends."""
        fails = self._letters == _FAILING
        told: list[bytes] = []
        of_rows: list[Indexes] = [np.zeros(0, dtype=np.intp)]
        places: list[Indexes] = [np.zeros(0, dtype=np.intp)]
        for position in np.flatnonzero(fails.any(axis=0)).tolist():
            rows: Indexes = np.flatnonzero(fails[:, position])
            told += self._plan.failures.of(self._judged, self._chosen.rules[position], position, rows)
            of_rows.append(rows)
            places.append(np.full(len(rows), position, dtype=np.intp))
        every = np.concatenate(of_rows)
        order = np.argsort(every, kind="stable")
        ends = np.cumsum(np.bincount(every, minlength=len(fails)))
        return [told[i] for i in order.tolist()], np.concatenate(places)[order], ends

    def _failing(self) -> list[bytes]:
        """The failing rules of each row, between brackets to come."""
        told, _, ends = self.failing()
        if not told:
            return [b""] * len(ends)
        return [b",".join(told[start:end]) for start, end in pairwise([0, *ends.tolist()])]

    def lacking(self) -> tuple[Missing, tuple[str, ...]]:
        """What the undecided rules lack, and the names that it counts through."""
        undecided = np.flatnonzero((self._letters == _UNDECIDED).any(axis=0)).tolist()
        known, _ = self._plan.lacks(self._judged.on)
        return Missing(self._judged, [self._chosen.rules[p] for p in undecided], known), known

    def _missing(self) -> list[bytes]:
        """What the undecided rules of each row lack, between brackets to come."""
        lacks, _ = self.lacking()
        names = self._plan.lacks(self._judged.on)[1]
        places, ends = lacks.listed()
        listed = names[places].tolist()
        found = [b",".join(listed[start:end]) for start, end in pairwise(ends.tolist())]
        for row, further in lacks.further.items():
            found[row] = b",".join([*([found[row]] if found[row] else []), *map(encode, dict.fromkeys(further))])
        return found

    def differing(self) -> dict[int, bytes]:
        """The derived facts that a row supplied otherwise than they are computed, as a list, where there are any."""
        judged, found = self._judged, dict[int, bytes]()
        by_row = differing(judged, self._plan.derived)
        at_once = self._differing_at_once(by_row)
        for row, names in by_row.items():
            told = [at_once.get((row, name)) for name in names]
            # A row with facts by period may differ in nothing, where a program derives nothing.
            if told and None not in told:
                found[row] = b"[%s]" % b",".join(text for text in told if text is not None)
                continue
            derived = differing_of(self._explainer(row), names)
            if derived != b"[]":
                found[row] = derived
        return found

    def _differing_at_once(self, by_row: Mapping[int, Sequence[str]]) -> dict[tuple[int, str], bytes]:
        """Numbers that rest on a row's own plain facts, from the columns, each as JSON."""
        judged = self._judged
        apart = {row for rows in (judged.block.containers, *judged.block.keyed.values()) for row in rows}
        rows_of: dict[str, list[int]] = {}
        for row, names in by_row.items():
            for name in names if row not in apart else ():
                rows_of.setdefault(name, []).append(row)
        found: dict[tuple[int, str], bytes] = {}
        for name, listed in rows_of.items():
            spec, rows = self._plan.program.facts[name], np.array(listed)
            plain = spec.period is None and not aggregates_of(spec.derive)
            values = computed(judged, name, rows) if plain else None
            supplied = shown(judged, name, rows)
            if values is not None and supplied is not None:
                texts = supplied_json(name, values, supplied)
                found.update(((row, name), text) for row, text in zip(listed, texts, strict=True))
        return found

    def _explainer(self, row: int) -> Explainer:
        return self._judged.explainer(row, self._judged.texts()[row])

    def explained(self, row: int) -> tuple[bytes, bytes, Sequence[str]]:
        """All of a record: its verdicts and its derived facts, each a list, and the facts that it lacks."""
        judged = self._judged
        record, facts = self._explainer(row), judged.facts(row)
        context = judged.contexts[row if len(judged.contexts) > 1 else 0]
        verdicts, missing = verdicts_of(self._plan, facts, context, record, self._chosen.rules)
        return joined(verdicts), derived_of(self._plan, facts, record), missing

    def _full(self, row: int) -> bytes:
        verdicts, derived, missing = self.explained(row)
        return b'%s,"derived":%s,"missing":%s' % (verdicts, derived, encode(missing))
