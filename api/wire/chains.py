"""Steps of a chain → JSON. What a consequence always says is encoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api.wire.verdicts import clause_json, encode, joined
from engine.chain_messages import ChainMessages
from engine.check.ir import FactSpec, Ruleset
from engine.citations.quotes import Quote
from engine.consequences import Cause, Step

__all__ = ["ChainWriter"]


class ChainWriter:
    """Writes the consequences of one ruleset. `facts`: the dictionary."""

    def __init__(self, ruleset: Ruleset, facts: Mapping[str, FactSpec], quote: Quote) -> None:
        self._messages = ChainMessages(ruleset, facts)
        self._heads = {c.id: b'{"id":%s,"because":' % encode(c.id) for c in ruleset.consequences}
        self._middles = {
            c.id: b',"effect":%s,"who":%s,"strength":%s,"within":%s,"clause":%s,"title":%s,"message":'
            % (
                encode(c.effect),
                encode(c.who),
                encode(c.strength),
                encode(c.within),
                encode(clause_json(c.citation, quote)),
                encode(c.title),
            )
            for c in ruleset.consequences
        }

    def write(self, steps: Sequence[Step]) -> bytes:
        """The steps as a JSON list, causes before what they cause."""
        return joined([self._write(step) for step in steps])

    def _write(self, step: Step) -> bytes:
        zh, en = self._messages.of(step)
        return b"%s%s%s%s}" % (
            self._heads[step.consequence.id],
            encode([_because(cause) for cause in step.because]),
            self._middles[step.consequence.id],
            encode({"zh": zh, "en": en}),
        )


def _because(cause: Cause) -> dict[str, str]:
    if cause.rule is not None and cause.verdict is not None:
        return {"rule": cause.rule, "verdict": cause.verdict.value}
    return {"fact": cause.fact} if cause.fact is not None else {"after": cause.after or ""}
