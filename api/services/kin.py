"""Records in columns that name parents → who belongs to whom, where that is plain.

Most families are: members of a kind that their container may have, one deep, in its division, each with an id of its
own and facts that can be read. They stay columns. All others are odd: they are put together record by record, which
also says what is wrong with them (`api/services/families.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.services.members import inside
from api.tabular.arrow import concatenated
from api.wire.frames import Frame
from engine.backends.asked import aggregates, asked_of
from engine.backends.base import Context
from engine.backends.columns import Below, Block, layout_of
from engine.backends.letters import Indexes
from engine.backends.situation import Places, codes_of
from engine.backends.vectors import Mask
from engine.check.ir import Program
from engine.registry import Library
from engine.words import CONTAINS, SUBJECTS

__all__ = ["Kin", "Records", "coded", "kin_of", "pairs_of", "together"]


@dataclass(frozen=True, slots=True)
class Records:
    """Rows as columns: what they are about (text, also under a dictionary; None: nobody says so), and their facts."""

    frame: Frame
    divisions: Any
    subjects: Any
    ids: Any | None = None
    parents: Any | None = None

    @property
    def names_parents(self) -> bool:
        """True when any of them names a parent."""
        return self.parents is not None and bool(self.parents.null_count < len(self.parents))

    def part(self, start: int, stop: int) -> Records:
        """Some rows of them, side by side."""
        columns = (self.divisions, self.subjects, self.ids, self.parents)
        parts = (None if column is None else column.slice(start, stop - start) for column in columns)
        return Records(self.frame.part(start, stop), *parts)


class Coded(NamedTuple):
    """Texts by number: the number of each row's text, and the texts; the last stands for rows without one."""

    codes: npt.NDArray[np.intp]
    words: list[str | None]

    def are(self, word: str) -> Mask:
        """The rows with a text. A dictionary may have it twice."""
        return np.asarray(np.isin(self.codes, [number for number, other in enumerate(self.words) if other == word]))


def coded(array: Any) -> Coded:
    """The texts of a column by number."""
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    words: list[str | None] = [*array.dictionary.to_pylist(), None]
    codes = np.asarray(pc.fill_null(pc.cast(array.indices, pa.int64()), len(words) - 1))
    return Coded(codes.astype(np.intp), words)


def pairs_of(left: Indexes, right: Indexes) -> tuple[list[tuple[int, int]], Indexes]:
    """The pairs of numbers that rows have, and the place of each row's among them."""
    width = int(right.max(initial=0)) + 1
    found, place_of = np.unique(left * width + right, return_inverse=True)
    return [divmod(pair, width) for pair in found.tolist()], place_of


def together(blocks: Sequence[Records]) -> Records:
    """The records of several blocks of one frame, numbered through."""
    if len(blocks) == 1:
        return blocks[0]

    def joined(name: str) -> Any:
        parts = [getattr(block, name) for block in blocks]
        return None if parts[0] is None else concatenated(parts)

    frame = Frame.together([block.frame for block in blocks])
    return Records(frame, joined("divisions"), joined("subjects"), joined("ids"), joined("parents"))


@dataclass(frozen=True)
class Kin:
    """The families of some records. `members`: rows of plain members, those of one container side by side in the order
    of the rows; `containers`: the row of each one's container, ascending. `odd`: all other rows that are tied.
    """

    library: Library
    records: Records
    members: Indexes
    containers: Indexes
    odd: Indexes

    def sizes(self) -> Indexes:
        """How many plain members each row has."""
        return np.bincount(self.containers, minlength=self.records.frame.count)

    @cached_property
    def _subjects(self) -> Coded:
        return coded(self.records.subjects)

    @cached_property
    def _divisions(self) -> Coded:
        return coded(self.records.divisions)

    def put_below(self, block: Block, program: Program, rows: Indexes, contexts: Sequence[Context]) -> None:
        """Give a block of these rows its plain members, in the columns that the program's aggregates read."""
        starts = np.searchsorted(self.containers, rows, "left")
        sizes = np.searchsorted(self.containers, rows, "right") - starts
        if not sizes.any():
            return
        of = np.repeat(np.arange(len(rows)), sizes)
        members = self.members[np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(of))]
        block.containers.extend(np.flatnonzero(sizes).tolist())
        for kind in aggregates(program):
            here = np.flatnonzero(self._subjects.are(kind)[members])
            if len(here):
                block.below[kind] = self._below(block, program, kind, members[here], of[here], contexts)

    def _below(
        self, block: Block, program: Program, kind: str, members: Indexes, of: Indexes, contexts: Sequence[Context]
    ) -> Below:
        asked = asked_of(program, kind)
        frame = self.records.frame.take(members)
        framed = frame.block(asked, layout_of(asked), self.library.reader(kind), {})
        assert not framed.problems
        ids = self.records.ids
        assert ids is not None
        return Below(
            framed.block,
            of,
            np.zeros(block.size, dtype=bool),
            self._contexts(asked, members, of, contexts),
            lambda place: str(ids[int(members[place])].as_py()),
        )

    def _contexts(self, asked: Program, members: Indexes, of: Indexes, contexts: Sequence[Context]) -> Places:
        """The contexts of members: those of their containers, where they lie themselves.

        Places that make no difference to what is asked share one.
        """
        places, named = Places.of(contexts), codes_of(asked)
        division_of, divisions = self._divisions
        pairs, pair_of = pairs_of(places.place_of[of], division_of[members])
        distinct: dict[tuple[str, ...], int] = {}
        found: list[Context] = []
        number_of = np.zeros(len(pairs), dtype=np.intp)
        for i, (container, division) in enumerate(pairs):
            path = self.library.path(divisions[division] or "")
            # Contexts differ in their place alone: a batch has one day and one set of parameters.
            key = tuple(code for code in path if code in named)
            if key not in distinct:
                distinct[key] = len(found)
                found.append(replace(places.distinct[container], path=path))
            number_of[i] = distinct[key]
        return Places(found, number_of[pair_of])


def kin_of(library: Library, records: Records) -> Kin:
    """The families among some records that may name parents."""
    return _Tied(library, records).kin()


class _Tied:
    """The records that name a parent or are one; all arrays are by their place among these."""

    def __init__(self, library: Library, records: Records) -> None:
        self._library = library
        self._records = records
        ids, parents = records.ids, records.parents
        assert parents is not None
        tied = np.asarray(parents.is_valid())
        if ids is not None:
            tied = tied | np.asarray(pc.is_in(ids, value_set=parents.drop_null().unique()))
        self._rows = np.flatnonzero(tied)
        chosen = pa.array(self._rows)
        self._id_of, self._ids = coded(pa.nulls(len(chosen), pa.string()) if ids is None else ids.take(chosen))
        self._named = parents.take(chosen)
        self._child = np.asarray(self._named.is_valid())
        self._subjects = coded(records.subjects.take(chosen))
        self._division_of, divisions = coded(records.divisions.take(chosen))
        self._paths = [library.path(code or "") for code in divisions]

    def kin(self) -> Kin:
        """Plain members by container, and who is odd."""
        container = self._containers()
        has = container >= 0
        is_parent = np.zeros(len(self._rows), dtype=bool)
        is_parent[container[has]] = True
        odd = self._without_place() | self._twins() | (self._child & (~has | is_parent))
        pairs = np.flatnonzero(has)
        odd[pairs] |= ~self._fits(pairs, container[pairs])
        odd |= self._wrong(self._child & ~odd)
        # One odd member, and the whole family is.
        family = odd.copy()
        family[container[has & odd]] = True
        plain = self._child & ~odd
        plain[plain] = ~family[container[plain]]
        plain_container = is_parent & ~self._child & ~family
        members = np.flatnonzero(plain)
        order = np.argsort(self._rows[container[members]], kind="stable")
        members = members[order]
        rows = self._rows
        return Kin(
            self._library, self._records, rows[members], rows[container[members]], rows[~plain & ~plain_container]
        )

    def _containers(self) -> Indexes:
        """The place of each one's container; -1 where none has the id that it names, or it names none.

        Of several with one id it is the last: all of them are odd as twins, and so is whoever names them.
        """
        place_of = np.full(len(self._ids), -1, dtype=np.intp)
        place_of[self._id_of] = np.arange(len(self._id_of))
        place_of[-1] = -1  # Those without an id.
        words = pa.array(self._ids[:-1], pa.string())
        number = np.asarray(pc.fill_null(pc.index_in(self._named, value_set=words), -1)).astype(np.intp)
        # -1 is the last: that of those without an id.
        found: Indexes = np.where(self._child, place_of[number], -1)
        return found

    def _twins(self) -> Mask:
        """Those whose id others have too, is empty, or is none."""
        many = np.bincount(self._id_of, minlength=len(self._ids)) > 1
        many[-1] = True
        if "" in self._ids:
            many[self._ids.index("")] = True
        return np.asarray(many[self._id_of])

    def _without_place(self) -> Mask:
        """Those of which nobody knows what or where they are."""
        nowhere = np.array([not path for path in self._paths])
        nothing = np.array([word not in SUBJECTS for word in self._subjects.words])
        return np.asarray(nowhere[self._division_of] | nothing[self._subjects.codes])

    def _fits(self, members: Indexes, containers: Indexes) -> Mask:
        """Which of some members are of a kind that their container may have, and lie inside it."""
        subject_of, subjects = self._subjects
        kinds, kind_of = pairs_of(subject_of[members], subject_of[containers])
        allowed = [subjects[kind] in CONTAINS.get(str(subjects[over]), ()) for kind, over in kinds]
        places, place_of = pairs_of(self._division_of[members], self._division_of[containers])
        within = [inside(self._paths[place], self._paths[over]) for place, over in places]
        return np.asarray(np.array(allowed, dtype=bool)[kind_of] & np.array(within, dtype=bool)[place_of])

    def _wrong(self, looked_at: Mask) -> Mask:
        """Those of some whose facts are wrong."""
        found = np.zeros(len(self._rows), dtype=bool)
        for subject in SUBJECTS:
            places = np.flatnonzero(looked_at & self._subjects.are(subject))
            if len(places):
                frame = self._records.frame.take(self._rows[places])
                found[places] = frame.wrong(subject, self._library.reader(subject))
        return found
