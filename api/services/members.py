"""The members of a record, as they are sent → a tree of checked facts, or every mistake in them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.problems import ProblemError, pointer
from engine.facts import FactProblem, Member
from engine.nearest import did_you_mean
from engine.registry import Library
from engine.words import CONTAINS, SUBJECTS

__all__ = ["MemberReader", "fact_errors", "inside", "kind_error", "listed"]

_MOST_ERRORS = 100
"""Mistakes of members that are told of one record. What stands behind them is not looked at."""
_FIELDS = ("subject", "id", "facts", "members", "division")

At = tuple[str | int, ...]


def fact_errors(problems: list[FactProblem], at: At = ()) -> list[ProblemError]:
    """What is wrong with the facts of a record or member that stands at `at` of the body."""
    return [ProblemError(p.kind, p.detail, pointer([*at, "facts", *p.keys]), p.help) for p in problems]


def listed(words: tuple[str, ...]) -> str:
    """Words as a message names them."""
    return ", ".join(f"`{word}`" for word in words)


def kind_error(kind: str, container: str, at: str) -> ProblemError | None:
    """What is wrong with a kind of member under a kind of container, if anything is."""
    if kind not in SUBJECTS:
        detail = f"expected one of {listed(SUBJECTS)}, found `{kind[:60]}`"
        return ProblemError("unknown-subject", detail, at, did_you_mean(kind, SUBJECTS))
    allowed = CONTAINS.get(container, ())
    if kind in allowed:
        return None
    has = f"its members may be {listed(allowed)}" if allowed else "that has no members"
    return ProblemError("member-not-allowed", f"`{kind}` cannot be a member of `{container}`: {has}", at)


def inside(path: tuple[str, ...], container: tuple[str, ...]) -> bool:
    """True when a division (with all above it) is that of a container or lies in it."""
    return not container or container[0] in path


class MemberReader:
    """Reads the members of records. `most`: how many one record may have, through any depth."""

    def __init__(self, library: Library, most: int) -> None:
        self._library = library
        self._most = most

    def read(self, subject: str, division: str, raw: list[Any]) -> tuple[tuple[Member, ...], tuple[ProblemError, ...]]:
        """The direct members of a record, with their own, and every mistake, with pointers from the record."""
        reading = _Reading(self._library, self._most)
        members = reading.members(raw, subject, self._library.path(division), ("members",))
        errors = reading.errors
        if len(errors) > _MOST_ERRORS:
            detail = f"there are more mistakes in the members than the {_MOST_ERRORS} that are told: mend these first"
            errors[_MOST_ERRORS:] = [ProblemError(errors[_MOST_ERRORS].slug, detail, "/members")]
        return members, tuple(errors)


class _Reading:
    """The members of one record under way."""

    def __init__(self, library: Library, most: int) -> None:
        self._library = library
        self._most = most
        self._seen: dict[tuple[str, str], At] = {}
        self._count = 0
        self.errors: list[ProblemError] = []

    def _wrong(self, slug: str, detail: str, at: At, help_: str | None = None) -> None:
        self.errors.append(ProblemError(slug, detail, pointer(at), help_))

    def members(self, raw: list[Any], container: str, path: tuple[str, ...], at: At) -> tuple[Member, ...]:
        """The members of one container that could be read."""
        self._count += len(raw)
        if self._count > self._most:
            # Once for the record: what is beyond is not looked at.
            if self._count - len(raw) <= self._most:
                detail = f"expected at most {self._most:,} members in one record, found {self._count:,} or more"
                self._wrong("too-many-members", detail, at)
            return ()
        found: list[Member] = []
        for i, one in enumerate(raw):
            if len(self.errors) > _MOST_ERRORS:
                break
            member = self._member(one, container, path, (*at, i))
            if member is not None:
                found.append(member)
        return tuple(found)

    def _member(self, raw: Any, container: str, path: tuple[str, ...], at: At) -> Member | None:
        if not isinstance(raw, Mapping):
            self._wrong("invalid-request", "a member is an object with `subject`, `id` and `facts`", at)
            return None
        for name in raw:
            if len(self.errors) > _MOST_ERRORS:
                break
            if name not in _FIELDS:
                detail = f"a member has no field `{name[:60]}`"
                self._wrong("invalid-request", detail, (*at, name), did_you_mean(name, _FIELDS))
        kind, id_ = self._kind(raw, container, at), self._id(raw, at)
        place = self._place(raw.get("division"), path, at)
        facts = raw.get("facts")
        if not isinstance(facts, Mapping):
            self._wrong("invalid-request", "a member needs `facts`, an object", at if facts is None else (*at, "facts"))
        below = raw.get("members")
        if below is not None and not isinstance(below, list):
            self._wrong("invalid-request", "`members` is a list", (*at, "members"))
        if kind is None:
            # Nothing else can be said of it: which facts and members it may have depends on what it is.
            return None
        if id_ is not None:
            first = self._seen.setdefault((kind, id_), at)
            if first is not at:
                detail = f"`{kind}` `{id_[:60]}` stands twice among the members, first at {pointer(first)}"
                self._wrong("duplicate-id", detail, (*at, "id"))
        inner = self.members(below, kind, place or path, (*at, "members")) if isinstance(below, list) else ()
        if not isinstance(facts, Mapping):
            return None
        checked, problems = self._library.reader(kind).read(facts)
        self.errors.extend(fact_errors(problems, at))
        if id_ is None or problems:
            return None
        return Member(kind, id_, checked.with_members(inner), place)

    def _kind(self, raw: Mapping[str, Any], container: str, at: At) -> str | None:
        kind = raw.get("subject")
        if not isinstance(kind, str):
            self._wrong("invalid-request", "a member needs `subject`, a text", at)
            return None
        error = kind_error(kind, container, pointer((*at, "subject")))
        if error is not None:
            self.errors.append(error)
            return None
        return kind

    def _id(self, raw: Mapping[str, Any], at: At) -> str | None:
        id_ = raw.get("id")
        if isinstance(id_, str) and id_:
            return id_
        self._wrong("invalid-request", "a member needs an `id`, a text by which replies can name it", at)
        return None

    def _place(self, division: object, path: tuple[str, ...], at: At) -> tuple[str, ...] | None:
        """The member's own division with all above, None where it has its container's."""
        if division is None:
            return None
        where = (*at, "division")
        if not isinstance(division, str):
            self._wrong("invalid-request", "`division` is the six digits as text, in quotation marks", where)
            return None
        place = self._library.path(division)
        if not place:
            self._wrong("unknown-division", f"no division has the code `{division[:60]}`", where)
            return None
        if not inside(place, path):
            detail = f"`{division}` lies outside `{path[0]}`, the division that the member is sent under"
            self._wrong("member-elsewhere", detail, where)
        return place
