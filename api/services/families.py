"""Records of one batch that belong together by `parent` → each with its members.

A record may name as its `parent` the id of another one of the same batch, in any order. Who contains whom is
fixed by the kinds of subjects (`CONTAINS`), so records that name each other in a circle always name a kind that
cannot be: there is no other circle.

INVARIANT (nobody vanishes): a record that names a parent and cannot be read is counted as refused there, so
that the parent is never judged as if it did not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from api.problems import Problem, ProblemError
from api.services.members import MemberReader, inside, kind_error, listed
from api.wire.requests import read_record
from engine.facts import Facts, Member
from engine.registry import Library
from engine.words import CONTAINS, SUBJECTS

__all__ = ["Family", "families", "names_parents"]

Raw = bytes | msgspec.Raw
Family = Facts | Problem
"""A record's facts with its members, or what is wrong with the way in which it is tied."""

_HIDDEN = re.compile(rb"\\u00[67]")
"""An escape that may hide a letter of the key."""


class _Tie(msgspec.Struct):
    """As much of a record as ties it to others; whatever is wrong with the rest."""

    id: Any = None
    subject: Any = None
    parent: Any = None


_TIE = msgspec.json.Decoder(_Tie)


@dataclass(slots=True)
class _Record:
    """A record that is a parent or names one. `place` is its place in the batch."""

    place: int
    tie: _Tie
    facts: Facts | None = None
    path: tuple[str, ...] = ()
    problem: Problem | None = None
    children: list[_Record] = field(default_factory=list)


def names_parents(body: bytes) -> bool:
    """True when a body may have records that name a parent."""
    # From the end, because quotes, with which the key ends, are what bodies have most of: twice as quick.
    return body.rfind(b'"parent"') >= 0 or (b"\\" in body and _HIDDEN.search(body) is not None)


def families(
    library: Library, reader: MemberReader, records: Sequence[Raw], shown: Callable[[int], str]
) -> Mapping[int, Family]:
    """By place, the records that are tied to others. `shown` says in a message where a record stands.

    Records that cannot be read are left out: their own problem is told where they are read.
    """
    ties = [_tie(raw) for raw in records]
    named = {tie.parent for tie in ties if isinstance(tie.parent, str)}
    if not named:
        return {}
    tied = [
        _Record(place, tie)
        for place, tie in enumerate(ties)
        if isinstance(tie.parent, str) or (isinstance(tie.id, str) and tie.id in named)
    ]
    for record in tied:
        _read(library, reader, record, records[record.place])
    _refuse_twins(tied, shown)
    by_id: dict[str, list[_Record]] = {}
    for record in tied:
        if isinstance(record.tie.id, str):
            by_id.setdefault(record.tie.id, []).append(record)
    for record in tied:
        if isinstance(record.tie.parent, str):
            _attach(record, by_id.get(record.tie.parent, []))
    found: dict[int, Family] = {}
    for record in tied:
        if record.problem is not None:
            found[record.place] = record.problem
        elif record.facts is not None:
            found[record.place] = _gathered(record)
    return found


def _tie(raw: Raw) -> _Tie:
    try:
        return _TIE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # It is refused where it is read. Whose member it was cannot be known.
        return _Tie()


def _read(library: Library, reader: MemberReader, record: _Record, raw: Raw) -> None:
    """Fill in what can be read of the record itself."""
    try:
        request = read_record(raw)
    except Problem:
        return
    record.path = library.path(request.division)
    if request.subject not in SUBJECTS or not record.path:
        return
    facts, problems = library.reader(request.subject).read(request.facts)
    below, errors = reader.read(request.subject, request.division, request.members or [])
    if problems or errors:
        return
    record.facts = facts.with_members(below)
    if request.parent is not None and not request.id:
        record.problem = Problem("invalid-request", "a record with a `parent` needs an `id`", pointer="/id")


def _refuse_twins(tied: Sequence[_Record], shown: Callable[[int], str]) -> None:
    """Two records of one kind and id: which of them a parent or a reader means cannot be known."""
    first: dict[tuple[str, str], str] = {}
    for record in tied:
        if not isinstance(record.tie.id, str) or not isinstance(record.tie.subject, str):
            continue
        keys = [((record.tie.subject, record.tie.id), "/id")]
        if record.facts is not None:
            keys += _below(record.facts, "/members")
        where = shown(record.place)
        for key, at in keys:
            other = first.setdefault(key, where)
            if other is not where and record.problem is None:
                detail = f"`{key[0]}` `{key[1][:60]}` stands twice among records that are tied, first at {other}"
                record.problem = Problem("duplicate-id", detail, pointer=at)


def _below(facts: Facts, at: str) -> list[tuple[tuple[str, str], str]]:
    """Kind and id of all members inside a record, and where they stand."""
    found: list[tuple[tuple[str, str], str]] = []
    for i, member in enumerate(facts.members):
        here = f"{at}/{i}"
        found.append(((member.subject, member.id), f"{here}/id"))
        found += _below(member.facts, f"{here}/members")
    return found


def _attach(record: _Record, named: Sequence[_Record]) -> None:
    """Find the parent among the records that have the id, and see whether it can be."""
    kind = record.tie.subject
    fitting = [other for other in named if kind in CONTAINS.get(str(other.tie.subject), ())]
    others = [other for other in (fitting or named) if other is not record]
    if not others:
        detail = f"no record of the batch has the id `{record.tie.parent[:60]}`"
        if named:
            detail = "a record cannot be its own parent"
        _refuse(record, ProblemError("unknown-parent", detail, "/parent"))
        return
    kinds = list(dict.fromkeys(str(other.tie.subject) for other in others))
    if len(kinds) > 1 and fitting:
        detail = f"`{record.tie.parent[:60]}` is the id of {listed(tuple(kinds))}"
        _refuse(record, ProblemError("duplicate-id", detail, "/parent"))
        return
    parent = others[0]
    parent.children.append(record)
    if isinstance(kind, str) and kind in SUBJECTS and not fitting and isinstance(parent.tie.subject, str):
        error = kind_error(kind, parent.tie.subject, "/parent")
        if error is not None and parent.tie.subject in SUBJECTS:
            _refuse(record, error)
    if record.path and parent.path and not inside(record.path, parent.path):
        detail = f"`{record.path[0]}` lies outside `{parent.path[0]}`, the division of its parent"
        _refuse(record, ProblemError("member-elsewhere", detail, "/division"))


def _refuse(record: _Record, error: ProblemError) -> None:
    if record.problem is None:
        record.problem = Problem.of((error,))


def _gathered(record: _Record) -> Facts:
    """The record's facts with all members: those sent inside it, and the records that name it."""
    assert record.facts is not None
    members = list(record.facts.members)
    refused: dict[str, int] = {}
    for child in record.children:
        if child.facts is None or child.problem is not None:
            kind = str(child.tie.subject)
            refused[kind] = refused.get(kind, 0) + 1
            continue
        members.append(Member(child.tie.subject, child.tie.id, _gathered(child), child.path))
    return record.facts.with_members(tuple(members), refused)
