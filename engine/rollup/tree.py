"""The members of a record, through any depth, and whether all of a kind were sent."""

from __future__ import annotations

from dataclasses import dataclass

from engine.facts import Facts, Member
from engine.words import REACHES

__all__ = ["Descendants", "descendants"]


@dataclass(frozen=True, slots=True)
class Descendants:
    """The members of one kind under a record, in the order in which they were sent.

    `members`: each with its division and all above. `without`: containers (subject, id; the id of the record
    itself is None) that sent none of the kind, where others of the same kind of container did. `refused`: how many
    members were sent and could not be read that are of the kind or might have contained some.
    """

    members: tuple[tuple[Member, tuple[str, ...]], ...]
    without: tuple[tuple[str, str | None], ...]
    refused: int

    @property
    def partly(self) -> bool:
        """True when there must be more members of the kind than were sent, or may be."""
        return bool(self.members) and bool(self.without or self.refused)


def descendants(subject: str, facts: Facts, path: tuple[str, ...], kind: str) -> Descendants:
    """All members of a kind under a record of a subject whose own division and all above are `path`."""
    members: list[tuple[Member, tuple[str, ...]]] = []
    sent: dict[str, list[str | None]] = {}
    none: dict[str, list[str | None]] = {}
    refused = 0

    def visit(container: str, id_: str | None, inside: Facts, at: tuple[str, ...]) -> bool:
        nonlocal refused
        # A refused member of a kind that does not exist may be of any.
        refused += sum(n for other, n in inside.refused.items() if other == kind or kind in REACHES.get(other, (kind,)))
        found = False
        for member in inside.members:
            place = member.path or at
            if member.subject == kind:
                members.append((member, place))
                found = True
            elif kind in REACHES[member.subject]:
                found |= visit(member.subject, member.id, member.facts, place)
        (sent if found else none).setdefault(container, []).append(id_)
        return found

    visit(subject, None, facts, path)
    without = tuple((container, id_) for container, ids in none.items() if container in sent for id_ in ids)
    return Descendants(tuple(members), without, refused)
