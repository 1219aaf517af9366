"""`Lowered` → one SQL query for DuckDB: its NULL logic is Kleene's, so truths are nullable booleans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

import duckdb
import numpy as np

from bench.peers import lowered as low
from bench.peers.lowered import Lowered, LoweredRule, Number, Truth
from bench.synthetic import TRUE, UNKNOWN, Columns, Truths

__all__ = ["NAME", "Database", "query"]

NAME = "DuckDB"


class Database:
    """The subjects in a table of DuckDB's own, and the query over them. Loading is not part of what is timed."""

    def __init__(self, lowered: Lowered, columns: Columns, threads: int) -> None:
        self.lowered = lowered
        self.size = columns.size
        self.connection = duckdb.connect(config={"threads": threads})
        self.query = query(lowered)
        table: dict[str, Any] = {"id": np.arange(columns.size), "place": columns.places}
        for name in (*lowered.numbers, *lowered.options):
            table[name] = columns.numbers[name]
        for name in lowered.truths:
            table[name] = columns.truths[name]
        self.connection.register("sent", table)
        picked = ["id", "place"]
        # NaN and the truth 1 are NULL from here on; booleans are BOOLEAN, options their small indexes.
        picked += [f'CASE WHEN isnan("{n}") THEN NULL ELSE "{n}" END AS "{n}"' for n in lowered.numbers]
        picked += [f'CASE WHEN isnan("{n}") THEN NULL ELSE "{n}"::UTINYINT END AS "{n}"' for n in lowered.options]
        picked += [
            f'CASE "{n}" WHEN {TRUE} THEN true WHEN {UNKNOWN} THEN NULL ELSE false END AS "{n}"' for n in lowered.truths
        ]
        self.connection.execute(f"CREATE TABLE subjects AS SELECT {', '.join(picked)} FROM sent ORDER BY id")
        self.connection.unregister("sent")

    def run(self) -> dict[str, Any]:
        """The codes, a NumPy array of uint8 per rule and the ids beside them."""
        return self.connection.execute(self.query).fetchnumpy()

    def codes(self) -> Truths:
        """The codes as one matrix, a row per rule, subjects in their order."""
        found = self.run()
        order = np.argsort(found["id"], kind="stable")
        letters = [np.asarray(found[f"r{rule.index}"]) for rule in self.lowered.rules]
        return np.stack([column[order] for column in letters]).astype(np.uint8)

    def close(self) -> None:
        """Give the memory back."""
        self.connection.close()


def query(lowered: Lowered) -> str:
    """One CASE per rule over the table `subjects`; what is needed twice is a column of a subquery below."""
    writer = _Writer(lowered)
    parts = [f"{writer.rule(rule)}::UTINYINT AS r{rule.index}" for rule in lowered.rules]
    source = "subjects"
    for layer in writer.layers:
        source = f"(SELECT *, {', '.join(layer)} FROM {source})"
    return f"SELECT id, {', '.join(parts)} FROM {source}"


_SQL_OPERATORS = {"==": "=", "!=": "<>"}


class _Writer:
    def __init__(self, lowered: Lowered) -> None:
        self.options = lowered.options
        self.layers: list[list[str]] = []
        self.kept: dict[Truth | Number, tuple[str, int]] = {}
        self.depth = 0
        """The deepest layer that what is being written reads."""
        # `WHEN x … WHEN NOT x` names a truth twice, and so do the others of these.
        self.shared = low.shared(lowered, roots=2, twice=(low.If, low.AtLeast, low.Least))

    def _column(self, node: Truth | Number, write: Callable[[], str]) -> str:
        """A node that is needed more than once, as a column one layer above what it reads."""
        if node not in self.kept:
            outer, self.depth = self.depth, 0
            text = write()
            while len(self.layers) <= self.depth:
                self.layers.append([])
            name = f"c{len(self.kept)}"
            self.layers[self.depth].append(f"{text} AS {name}")
            self.kept[node] = name, self.depth + 1
            self.depth = outer
        name, depth = self.kept[node]
        self.depth = max(self.depth, depth)
        return name

    def rule(self, rule: LoweredRule) -> str:
        if all(state == low.EXCLUDED for state in rule.states):
            return str(ord("X"))
        applies, requires = self.truth(rule.applies), self.truth(rule.requires)
        unmet = self._unmet(rule.states)
        cases = [f"WHEN NOT {applies} THEN {ord('X')}", f"WHEN {applies} IS NULL THEN {ord('U')}"]
        if rule.applies == low.Fixed(True):
            cases = []
        elsewhere = [str(i) for i, state in enumerate(rule.states) if state == low.EXCLUDED]
        if elsewhere:
            cases.insert(0, f"WHEN place IN ({', '.join(elsewhere)}) THEN {ord('X')}")
        cases += [f"WHEN {requires} THEN {ord('C')}", f"WHEN NOT {requires} THEN {unmet}"]
        return f"CASE {' '.join(cases)} ELSE {ord('U')} END"

    @staticmethod
    def _unmet(states: tuple[int, ...]) -> str:
        letters = [ord(low.letter_of(state)) for state in states]
        if len(set(letters)) == 1:
            return str(letters[0])
        cases = " ".join(f"WHEN {i} THEN {letter}" for i, letter in enumerate(letters))
        return f"CASE place {cases} END"

    def truth(self, truth: Truth) -> str:
        return self._column(truth, lambda: self._truth(truth)) if truth in self.shared else self._truth(truth)

    def _truth(self, truth: Truth) -> str:
        match truth:
            case low.Fixed(value):
                return "NULL::BOOLEAN" if value is None else str(value).lower()
            case low.Of(name):
                return f'"{name}"'
            case low.Compared(op, left, right):
                return f"({self.number(left)} {_SQL_OPERATORS.get(op, op)} {self.number(right)})"
            case low.OneOf(name, options):
                indexes = [str(self.options[name].index(option)) for option in options]
                if not indexes:
                    return f'("{name}" <> "{name}")'
                return f'("{name}" IN ({", ".join(indexes)}))'
            case low.Place(places):
                return f"(place IN ({', '.join(map(str, places))}))" if places else "false"
            case low.AnyKnown(names):
                known = (f'"{name}" IS NOT NULL' for name in names)
                return f"({' OR '.join(known)})"
            case low.Not(operand):
                return f"(NOT {self.truth(operand)})"
            case low.All(operands):
                return f"({' AND '.join(self.truth(o) for o in operands)})"
            case low.Any(operands):
                return f"({' OR '.join(self.truth(o) for o in operands)})"
            case low.AtLeast(n, operands):
                written = [self.truth(o) for o in operands]
                holds = " + ".join(f"COALESCE({w}::TINYINT, 0)" for w in written)
                possible = " + ".join(f"COALESCE({w}::TINYINT, 1)" for w in written)
                return f"(CASE WHEN {holds} >= {n} THEN true WHEN {possible} < {n} THEN false END)"
            case low.If(test, then, otherwise):
                t, a, b = self.truth(test), self.truth(then), self.truth(otherwise)
                return f"(CASE WHEN {t} THEN {a} WHEN NOT {t} THEN {b} WHEN {a} = {b} THEN {a} END)"
            case low.Decide(holds, fails):
                return f"(CASE WHEN {self.truth(holds)} THEN true WHEN {self.truth(fails)} THEN false END)"
            case _:
                assert_never(truth)

    def number(self, number: Number) -> str:
        return self._column(number, lambda: self._number(number)) if number in self.shared else self._number(number)

    def _number(self, number: Number) -> str:
        match number:
            case low.Literal(value):
                return f"{float(value)!r}::DOUBLE"
            case low.Column(name):
                return f'"{name}"'
            case low.Given(name, derived):
                return f'COALESCE("{name}", {self.number(derived)})'
            case low.Operation("/", left, right):
                return f"({self.number(left)} / NULLIF({self.number(right)}, 0))"
            case low.Operation(op, left, right):
                return f"({self.number(left)} {op} {self.number(right)})"
            case low.Minus(operand):
                return f"(-{self.number(operand)})"
            case low.Absolute(operand):
                return f"abs({self.number(operand)})"
            case low.Up(operand):
                return f"ceil({self.number(operand)})"
            case low.Least(greatest, operands):
                # DuckDB's greatest and least skip NULLs, so each operand is asked for.
                written = [self.number(o) for o in operands]
                known = " AND ".join(f"{w} IS NOT NULL" for w in written)
                return f"(CASE WHEN {known} THEN {'greatest' if greatest else 'least'}({', '.join(written)}) END)"
            case low.Count(columns, open_too):
                terms = " + ".join(f'COALESCE("{c}"::TINYINT, {int(open_too)})' for c in columns)
                known = " OR ".join(f'"{c}" IS NOT NULL' for c in columns)
                return f"(CASE WHEN {known} THEN ({terms})::DOUBLE END)"
            case _:
                assert_never(number)
