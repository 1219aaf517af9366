"""What was rolled up from members → JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from api.wire.verdicts import encode, end_json
from engine.rollup.derived import DerivedFact, RolledUp
from engine.values import GradeRange, Interval, Numeric, Root, Value, shortest

__all__ = ["derived_json", "supplied_json"]

Json = dict[str, object]


def derived_json(facts: Iterable[DerivedFact]) -> bytes:
    """The `derived` of a reply."""
    return encode([_fact(fact) for fact in facts])


def supplied_json(fact: str, values: Sequence[float | None], supplied: Sequence[object]) -> list[bytes]:
    """The same of a fact without periods or members that some records supplied otherwise than derived, one by one."""
    return [
        b'{"fact":"%s","period":null,"value":%s,"bounds":null,"supplied":%s,"differs":true,"aggregates":[],"settle":[]}'
        % (fact.encode(), encode(value), encode(sent))
        for value, sent in zip(values, supplied, strict=True)
    ]


def _fact(fact: DerivedFact) -> Json:
    options = fact.spec.options
    return {
        "fact": fact.spec.name,
        "period": fact.period,
        "value": _value(fact.value),
        "bounds": _bounds(fact.value, options),
        "supplied": fact.supplied,
        "differs": fact.differs,
        "aggregates": [_rolled(one, options) for one in fact.rolled],
        "settle": fact.settle,
    }


def _rolled(one: RolledUp, options: tuple[str, ...]) -> Json:
    return {
        "text": one.text,
        "op": one.aggregate.op,
        "members": {
            "kind": one.aggregate.member,
            "sent": one.sent,
            "counted": one.counted,
            "open": len(one.open),
            "refused": one.refused,
            "without": [{"subject": subject, "id": id_} for subject, id_ in one.without],
        },
        "value": _value(one.value),
        "bounds": _bounds(one.value, options),
        "workings": {name: _working(value) for name, value in one.workings.items()},
        "failing": one.failing,
    }


def _value(value: Value) -> object:
    """A value that is known exactly; null is unknown, or known by its bounds only."""
    match value:
        case Fraction() | Root():
            return shortest(value)
        case Interval() | GradeRange():
            return None
        case _:
            return value


def _bounds(value: Value, options: tuple[str, ...]) -> list[object] | None:
    match value:
        case Interval(low, high):
            return [end_json(low), end_json(high)]
        case GradeRange(low, high):
            return [options[low], options[high]]
        case _:
            return None


def _working(value: Numeric) -> object:
    return _bounds(value, ()) if isinstance(value, Interval) else _value(value)
