"""Findings → JSON. What a rule always says is encoded once; a verdict is put together from pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import msgspec

from engine.backends.reference import Trace
from engine.check.ir import Citation, Program
from engine.citations.quotes import Quote
from engine.messages import Messages
from engine.values import GradeRange, Interval, Root, Value, shortest
from engine.verdicts import Finding, Pace, Verdict

__all__ = ["VerdictWriter", "clause_json", "counts_json", "encode", "end_json", "joined"]

encode = msgspec.json.Encoder().encode

_CACHED_PER_RULE = 128
_NAMES = {verdict.letter: verdict.value.encode() for verdict in Verdict}
_FEW_VALUED = frozenset({"boolean", "category", "grade"})
_NULL = b"null"
_EMPTY = b"[]"


def joined(parts: Sequence[bytes]) -> bytes:
    """A JSON list of encoded parts."""
    return b"[" + b",".join(parts) + b"]"


def counts_json(counts: Mapping[str, int]) -> bytes:
    """How often each verdict was found, from counts by letter."""
    return b"{" + b",".join([b'"%s":%d' % (name, counts[letter]) for letter, name in _NAMES.items()]) + b"}"


def clause_json(citation: Citation, quote: Quote) -> dict[str, object]:
    """A citation with the words that it cites, where the original is at hand."""
    return {
        "document": citation.document,
        "path": citation.path,
        "span": citation.span,
        "digest": None if citation.digest is None else f"sha256:{citation.digest}",
        "quote": quote(citation),
    }


class Explained(Protocol):
    """A judged record, as `Explainer`."""

    def signature(self, index: int) -> tuple[object, ...] | None:
        """What decides a rule that comes in few forms."""
        ...

    def finding(self, index: int) -> Finding:
        """The explained verdict of a rule."""
        ...


class VerdictWriter:
    """Writes the verdicts of one program. Safe to share between threads: a lost race only encodes twice."""

    def __init__(self, program: Program, quote: Quote) -> None:
        self._messages = Messages(program)
        # For each rule the pieces between the values of a finding.
        self._heads: list[bytes] = []
        self._afters: list[bytes] = []
        self._actuals: list[bytes] = []
        self._also: list[bytes] = []
        self._caches: list[dict[tuple[object, ...], bytes]] = []
        self._forms: list[dict[tuple[object, ...], tuple[bytes, tuple[str, ...]]]] = [{} for _ in program.rules]
        # Rules whose facts have so few values that whole verdicts are worth keeping.
        self._few_values: list[bool] = []
        for rule in program.rules:
            force, evidence = encode(rule.force), encode(rule.evidence)
            clause = encode(clause_json(rule.citation, quote))
            self._heads.append(b'{"rule":%s,"verdict":"' % encode(rule.id))
            self._afters.append(b'","force":%s,"evidence":%s,"clause":%s,"actual":' % (force, evidence, clause))
            self._actuals.append(b',"required":%s,"gap":' % encode(rule.require_text))
            also = [clause_json(citation, quote) for citation in rule.also_at]
            self._also.append(b',"also_at":%s,"reason":' % encode(also))
            self._caches.append({})
            kinds = {program.facts[name].type_name for name in rule.reads}
            self._few_values.append(kinds <= _FEW_VALUED and not rule.whole_window)

    def verdict(self, record: Explained, index: int) -> tuple[bytes, tuple[str, ...]]:
        """The verdict of a rule as JSON, and the facts it lacks.

        A rule that reads nothing but yes or no comes in few forms: each is explained and written once.
        """
        signature = record.signature(index)
        if signature is None:
            finding = record.finding(index)
            return self.write(finding), finding.missing
        forms = self._forms[index]
        kept = forms.get(signature)
        if kept is None:
            finding = record.finding(index)
            kept = self.write(finding), finding.missing
            if len(forms) < _CACHED_PER_RULE:
                forms[signature] = kept
        return kept

    def write(self, finding: Finding, trace: Sequence[Trace] | None = None) -> bytes:
        """The verdict as JSON, with its trace if one is given."""
        if trace is not None:
            return self._write(finding)[:-1] + b',"trace":%s}' % encode([_trace(t) for t in trace])
        if finding.actual and not self._few_values[finding.rule]:
            return self._write(finding)
        cache = self._caches[finding.rule]
        letter = finding.verdict.letter
        key = (
            letter,
            finding.actual,
            finding.missing,
            finding.reason,
            finding.due,
            finding.period,
            finding.notices,
            finding.pace,
        )
        written = cache.get(key)
        if written is None:
            written = self._write(finding)
            if len(cache) < _CACHED_PER_RULE:
                cache[key] = written
        return written

    def _write(self, finding: Finding) -> bytes:
        i = finding.rule
        zh, en = self._messages.of(finding)
        return b"".join(
            (
                self._heads[i],
                _NAMES[finding.verdict.letter],
                self._afters[i],
                encode(dict(finding.actual)),
                self._actuals[i],
                _NULL if finding.gap is None else encode(shortest(finding.gap)),
                b',"due":',
                _NULL if finding.due is None else encode(finding.due),
                b',"period":',
                _NULL if finding.period is None else encode(finding.period),
                b',"pace":',
                _NULL if finding.pace is None else _pace(finding.pace),
                self._also[i],
                _NULL if finding.reason is None else encode(finding.reason),
                b',"notices":',
                encode(finding.notices) if finding.notices else _EMPTY,
                b',"missing":',
                encode(finding.missing) if finding.missing else _EMPTY,
                b',"message":',
                encode({"zh": zh, "en": en}),
                b"}",
            )
        )

    @staticmethod
    def brief(finding: Finding) -> bytes:
        """A failing rule in a batch behind its place among the codes: the values it read, and the gap."""
        return b'"actual":%s,"gap":%s}' % (
            encode(dict(finding.actual)),
            _NULL if finding.gap is None else encode(shortest(finding.gap)),
        )


def _pace(pace: Pace) -> bytes:
    return encode(
        {
            "baseline": shortest(pace.baseline),
            "at": pace.at,
            "target": shortest(pace.target),
            "due": pace.due,
            "expected_today": shortest(pace.expected_today),
            "actual": shortest(pace.actual),
            "ahead": pace.ahead,
        }
    )


def _trace(trace: Trace) -> Mapping[str, object]:
    return {
        "text": trace.text,
        "value": _traced(trace.value),
        "children": [_trace(child) for child in trace.children],
    }


def end_json(end: Fraction | Root | float) -> float | None:
    """An end of an interval; null is open."""
    return None if isinstance(end, float) else shortest(end)


def _traced(value: Value) -> object:
    """A value as JSON: null is unknown; a partly known number is `{low, high}`, an open end null; a grade by ranks."""
    match value:
        case Fraction() | Root():
            return shortest(value)
        case Interval():
            return {"low": end_json(value.low), "high": end_json(value.high)}
        case GradeRange():
            return {"low": value.low, "high": value.high}
        case _:
            return value
