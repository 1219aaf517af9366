"""Which events have happened, as far as a record's facts tell: the boolean facts that consequences follow from.

An event is true as sent, or as derived from other facts by the reference walk. Where a plan is not in
force, or not yet, none of its consequences can follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.backends.base import Context
from engine.backends.reference import Evaluation
from engine.check.ir import Consequence, FactSpec, Program
from engine.facts import Facts
from engine.passes.pipeline import facts_program

__all__ = ["EventReader"]


class EventReader:
    """The events of one ruleset's consequences for one subject. `facts`: the dictionary."""

    def __init__(self, program: Program, consequences: Iterable[Consequence], facts: Mapping[str, FactSpec]) -> None:
        named = dict.fromkeys(name for c in consequences if c.cause == "fact" for name in c.causes)
        self.names = tuple(name for name in named if program.subject in facts[name].subjects)
        self._program = facts_program(program, self.names, facts)

    def happened(self, given: Facts, context: Context) -> frozenset[str]:
        """The facts known to be true; none where or when the plan does not govern."""
        program = self._program
        if not self.names or (program.jurisdiction is not None and program.jurisdiction not in context.path):
            return frozenset()
        if program.starts is not None and context.on < program.starts:
            return frozenset()
        evaluation = Evaluation(program, given, context)
        return frozenset(name for name in self.names if evaluation.fact(name, None) is True)
