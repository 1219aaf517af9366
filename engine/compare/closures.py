"""What differs between two closures of one ruleset: why its digest moved.

Closures are plain data as `engine.digests.closure` makes them and as a database keeps them, so that a
version that was published long ago can be compared without its files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from engine.values import shortest

__all__ = ["Change", "differences", "explain"]

Json = Mapping[str, Any]
_LISTED = {
    "rules": ("rule", "id"),
    "incorporated": ("incorporated rule", "id"),
    "consequences": ("consequence", "id"),
    "facts": ("fact", "name"),
    "parameters": ("parameter", "id"),
}
"""The lists of a closure whose entries have names: what an entry is called, and which member names it."""
_WRITTEN = {"when": "when_text", "require": "require_text"}
"""Expressions of a rule that the texts hold as their author wrote them."""
_FRACTION = re.compile(r"-?\d+/\d+")
_SHOWN_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `name` is empty for the ruleset itself; `field` leads to what changed inside.

    `old` and `new` are plain values; None where there is nothing on that side.
    """

    what: Literal["ruleset", "rule", "incorporated rule", "consequence", "fact", "parameter"]
    name: str
    how: Literal["added", "removed", "changed", "reordered"]
    field: str = ""
    old: object = None
    new: object = None

    def __str__(self) -> str:
        subject = f"{self.what} `{self.name}`" if self.name else f"the {self.what}"
        if self.how == "reordered":
            return f"the {self.what}s stand in another order, first at `{self.name}`"
        if self.how != "changed":
            return f"{subject} was {self.how}"
        return f"{subject} changed {self.field}: {_shown(self.old)} → {_shown(self.new)}"


def differences(old: Json, new: Json, old_texts: Json | None = None, new_texts: Json | None = None) -> list[Change]:
    """All differences between two closures; none only if they are equal.

    Rules, facts and parameters are matched by name. With both texts a changed expression is shown as it was written.
    """
    written = _written(old_texts), _written(new_texts)
    found: list[Change] = []
    for key in dict.fromkeys((*old, *new)):
        if key in _LISTED:
            found += _entries(key, old.get(key, ()), new.get(key, ()), written)
        else:
            found += [Change("ruleset", "", "changed", *leaf) for leaf in _leaves(key, old.get(key), new.get(key))]
    return found


def explain(changes: Sequence[Change], *, most: int = 40) -> str:
    """The changes as lines of text; of very many the first ones and how many more there are."""
    lines = [f"  {change}" for change in changes[:most]]
    if len(changes) > most:
        lines.append(f"  and {len(changes) - most:,} more")
    return "\n".join(lines)


Written = Mapping[str, Mapping[str, Any]]


def _written(texts: Json | None) -> Written:
    return {rule["id"]: rule for rule in texts.get("rules", ())} if texts is not None else {}


def _entries(key: str, old: Sequence[Json], new: Sequence[Json], written: tuple[Written, Written]) -> Iterator[Change]:
    what: Any
    what, naming = _LISTED[key]
    before, after = ({entry[naming]: entry for entry in entries} for entries in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield Change(what, name, "removed", old=before[name])
        elif name not in before:
            yield Change(what, name, "added", new=after[name])
        elif before[name] != after[name]:
            texts = [side.get(name, {}) for side in written] if what in ("rule", "incorporated rule") else [{}, {}]
            for part in dict.fromkeys((*before[name], *after[name])):
                leaves = list(_leaves(part, before[name].get(part), after[name].get(part)))
                one, other = (side.get(_WRITTEN.get(part, "")) for side in texts)
                if leaves and one != other:
                    leaves = [(part, one, other)]
                yield from (Change(what, name, "changed", *leaf) for leaf in leaves)
    stayed = [name for name in before if name in after], [name for name in after if name in before]
    moved = [name for name, other in zip(*stayed, strict=True) if name != other]
    if moved:
        yield Change(what, moved[0], "reordered")


def _leaves(path: str, old: object, new: object) -> Iterator[tuple[str, object, object]]:
    """The smallest parts that differ. Nodes of another kind and lists of another length count as one part."""
    match old, new:
        case (dict(), dict()) if old.get("is") == new.get("is"):
            for key in dict.fromkeys((*old, *new)):
                yield from _leaves(f"{path}.{key}", old.get(key), new.get(key))
        case (list(), list()) if len(old) == len(new):
            for i, (one, other) in enumerate(zip(old, new, strict=True)):
                yield from _leaves(f"{path}[{i}]", one, other)
        case _ if old != new or isinstance(old, bool) != isinstance(new, bool):
            yield path, old, new


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case str() if _FRACTION.fullmatch(value):
            return str(shortest(Fraction(value)))
        case str():
            text = value
        case _:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"`{text}`" if len(text) <= _SHOWN_CHARACTERS else f"`{text[:_SHOWN_CHARACTERS]}…`"
