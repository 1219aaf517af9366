"""What follows from the verdicts and events of one record: chains of one ruleset for one subject."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from api.wire.chains import ChainWriter
from engine.backends.base import Context
from engine.backends.durable import Forward
from engine.backends.events import EventReader
from engine.check.ir import Program, Ruleset
from engine.citations.quotes import Quote
from engine.facts import Facts
from engine.registry import Library
from engine.verdicts import CODES

__all__ = ["Following"]


class Following:
    """The consequences of a ruleset, ready to run. Safe to share between threads: chains go one at a time."""

    def __init__(self, library: Library, ruleset: Ruleset, program: Program, quote: Quote) -> None:
        facts = library.dictionary.facts
        self._program = program
        self._events = EventReader(program, ruleset.consequences, facts)
        self._writer = ChainWriter(ruleset, facts, quote)
        self._forward = Forward(ruleset.consequences)
        self._lock = threading.Lock()

    def json(self, facts: Facts, context: Context, codes: str, rules: Iterable[int]) -> bytes:
        """The chain as JSON. `codes`: of all rules of the program; `rules`: those whose verdicts count, by index."""
        verdicts = {self._program.rules[i].id: CODES[codes[i]] for i in rules}
        events = sorted(self._events.happened(facts, context))
        with self._lock:
            steps = self._forward.chain(verdicts, events)
        return self._writer.write(steps)
