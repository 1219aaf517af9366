"""Forward chaining with durable_rules: verdicts and events in, consequences out, over several steps.

The only importer of durable_rules. It talks to the library's compiled core, whose calls return when all
has been done. The Python layer above it keeps exceptions of actions to itself, drops what takes longer
than ten seconds of wall clock, starts timer threads and cannot forget a ruleset; none of that is loaded.

What makes the use of it sound:
- Facts hold two texts, `id` and `cause`: no number, null or missing field ever reaches the matcher.
- Each cause of each consequence is a rule; its only action asserts the step that follows, under an id that
  is unique to the pair. Nothing is retracted, and nothing matches on what is absent.
- Facts go in one by one, stratum by stratum, into a session that is deleted afterwards. What is new in a
  stratum is what the session's own log had not held before.
- Whatever the core does otherwise than expected (a fact that it does not take, a match on another cause, a
  step missing from its log) raises `Inconsistent`; no chain is ever silently shorter.
"""

from __future__ import annotations

import itertools
import json
import weakref
from collections.abc import Iterable, Mapping, Set
from types import TracebackType

import durable_rules_engine as core

from engine.check.ir import MAX_CAUSES, Consequence
from engine.consequences import RESULTS, Cause, Step, causes_first
from engine.verdicts import Verdict

__all__ = ["Forward", "Inconsistent", "Refused", "refusals"]

_TAKEN = 0
_LOG = "$log"
_STEP = "step"
_SESSIONS = itertools.count()


class Refused(Exception):
    """Consequences that this back end does not take; the arguments say why."""


class Inconsistent(Exception):
    """The library did not do what this back end relies on. Never an author's or a caller's mistake."""


def refusals(consequences: Iterable[Consequence]) -> tuple[str, ...]:
    """Why these consequences cannot be run here; empty when they can."""
    links = sum(len(consequence.causes) for consequence in consequences)
    if links > MAX_CAUSES:
        # The core finds texts in a table of 512 places and hangs once it is full.
        return (f"{links:,} causes in one ruleset are more than {MAX_CAUSES}",)
    return ()


class Forward:
    """The consequences of one ruleset, ready to run. Not for use by two threads at once.

    Raises Refused for what it does not take.
    """

    def __init__(self, consequences: Iterable[Consequence]) -> None:
        self.consequences = causes_first(consequences)
        reasons = refusals(self.consequences)
        if reasons:
            raise Refused(*reasons)
        self._links: dict[str, set[str]] = {}
        self._owners: dict[str, str] = {}
        definition: dict[str, object] = {}
        for consequence in self.consequences:
            for name in consequence.causes:
                token = _token(consequence.cause, name)
                link = _link(consequence, name)
                self._links.setdefault(token, set()).add(link)
                self._owners[link] = consequence.id
                definition[link] = {"all": [{"m": {"cause": token}}]}
        # What no rule matches is refused by the core; the steps match this one, which does nothing.
        definition[_LOG] = {"all": [{"m": {"cause": _STEP}}]}
        self._core: object = core.create_ruleset("consequences", json.dumps(definition))
        self._forget = weakref.finalize(self, core.delete_ruleset, self._core)

    def __enter__(self) -> Forward:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the core's memory back. The object cannot run any more."""
        self._forget()

    def chain(self, verdicts: Mapping[str, Verdict], events: Iterable[str]) -> tuple[Step, ...]:
        """All steps that follow, causes first. Arguments and answer are those of `engine.consequences.chain`."""
        if not self._forget.alive:
            raise ValueError("closed")
        told = dict.fromkeys(
            [
                *(_token("breach_of", id_) for id_, verdict in verdicts.items() if verdict is Verdict.NON_COMPLIANT),
                *(_token("result_of", id_) for id_, verdict in verdicts.items() if verdict in RESULTS),
                *(_token("fact", name) for name in events),
            ]
        )
        stratum = [token for token in told if token in self._links]
        if not stratum:
            return ()
        return self._steps(self._run(stratum), verdicts)

    def _run(self, stratum: list[str]) -> set[str]:
        """The links that fired, from the log of a fresh session."""
        session = str(next(_SESSIONS))
        fired: set[str] = set()
        followed: set[str] = set()
        try:
            while stratum:
                for token in stratum:
                    self._tell(session, token)
                new = self._log(session) - fired
                fired |= new
                later = {self._owners[link] for link in new} - followed
                followed |= later
                stratum = [token for id_ in sorted(later) if (token := _token("after", id_)) in self._links]
        finally:
            core.delete_state(self._core, session)
        return fired

    def _tell(self, session: str, token: str) -> None:
        """Assert one cause and run what it fires: each firing asserts its step."""
        state = self._assert(session, token, token)
        expected = set(self._links[token])
        started = core.start_action_for_state(self._core, state)
        message = None if started is None else started[1]
        while message is not None:
            ((link, matched),) = json.loads(message).items()
            cause = matched["m"]["cause"]
            if link != _LOG:
                if link not in expected or cause != token:
                    raise Inconsistent(f"`{cause}` fired `{link}`, which is not about it")
                expected.discard(link)
                self._assert(session, f"{_STEP} {link}", _STEP)
            elif cause != _STEP:
                raise Inconsistent(f"`{cause}` was taken for a step")
            message = core.complete_and_start_action(self._core, state)
        if expected:
            raise Inconsistent(f"`{token}` did not fire {', '.join(sorted(expected))}")

    def _assert(self, session: str, id_: str, cause: str) -> object:
        """One fact into the session. Returns what the core calls its state."""
        taken, state = core.assert_fact(self._core, json.dumps({"sid": session, "id": id_, "cause": cause}))
        if taken != _TAKEN:
            raise Inconsistent(f"the fact `{id_}` was not taken (code {taken})")
        return state

    def _log(self, session: str) -> set[str]:
        """The links whose steps the session holds."""
        facts = json.loads(core.get_facts(self._core, session))
        return {fact["id"].removeprefix(f"{_STEP} ") for fact in facts if fact["cause"] == _STEP}

    def _steps(self, fired: Set[str], verdicts: Mapping[str, Verdict]) -> tuple[Step, ...]:
        found: list[Step] = []
        for consequence in self.consequences:
            because = [
                _cause(consequence, name, verdicts) for name in consequence.causes if _link(consequence, name) in fired
            ]
            if because:
                found.append(Step(consequence, tuple(because)))
        return tuple(found)


def _token(kind: str, name: str) -> str:
    """The text by which a cause is known to the core."""
    return f"{kind} {name}"


def _link(consequence: Consequence, name: str) -> str:
    """A consequence and one of its causes: the name of a rule of the core, and of the step that it asserts."""
    return f"{consequence.id} {name}"


def _cause(consequence: Consequence, name: str, verdicts: Mapping[str, Verdict]) -> Cause:
    match consequence.cause:
        case "fact":
            return Cause(fact=name)
        case "after":
            return Cause(after=name)
        case _:
            return Cause(rule=name, verdict=verdicts[name])
