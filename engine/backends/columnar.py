"""The columnar back end: NumPy over blocks of columns, rules grouped by shape.

It answers what `reference` answers, in exact numbers. What columns and intervals leave open is recomputed by the
reference, condition by condition; so are, rule by rule, records that give a rule's facts by period, and rules that look
over a window. It refuses nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from itertools import chain

import numpy as np

from engine.backends import letters, reference, vectors
from engine.backends.base import Context, due_state
from engine.backends.columns import Block, layout_of, sent_in
from engine.backends.compute import Numbers
from engine.backends.evaluation import ColumnsOfMembers, derives_from_members
from engine.backends.explain import Explainer
from engine.backends.letters import EXCLUDED, MET, OPEN, OUT, UNMET, Indexes
from engine.backends.members import MemberColumns
from engine.backends.plan import Group, plan_of
from engine.backends.reference import Evaluation
from engine.backends.situation import Places, Situation, codes_of, excluded_everywhere, situation_of
from engine.backends.spans import Spans
from engine.backends.vectors import FALSE, TRUE, TRUTHS, UNKNOWN, Floats, Mask, Truths
from engine.check.ir import (
    Aggregate,
    Choice,
    Compare,
    Expr,
    FactRef,
    InDivision,
    Known,
    OneOf,
    ParameterRef,
    Passes,
    Program,
)
from engine.check.walk import aggregates_of, with_sources
from engine.facts import Facts
from engine.rollup.columns import Measure
from engine.values import Truth
from engine.verdicts import DueState, Outcome, Verdict, decide

__all__ = ["Judged", "block_records", "codes", "evaluate", "judge", "judge_block"]

_BLOCK_RECORDS, _MOST_BLOCK_RECORDS = 16_384, 32_768
_MUCH_COMPUTED = 24
"""From so many computed numbers on, what a block costs beside its records counts."""
FEW_RECORDS = 2
"""Up to here exact arithmetic record by record is cheaper than vectors with error bounds."""

_MANY_DOUBTS = 4
"""From so many doubtful rows on, intervals in vectors are quicker than the reference row by row."""

_UNMET = {state: decide(True, False, state) for state in DueState}
_STANDING = {"C": MET, "X": OUT, "U": OPEN, "N": UNMET, "T": UNMET}


def block_records(program: Program) -> int:
    """How many records make a block: the columns of its plan then fit the processor's caches."""
    groups = [group for stratum in plan_of(program).strata for group in stratum.groups]
    computed = sum(isinstance(group.node, Compare) for group in groups)
    return _BLOCK_RECORDS if computed < _MUCH_COMPUTED else _MOST_BLOCK_RECORDS


def codes(program: Program, records: Sequence[Facts], contexts: Sequence[Context]) -> list[str]:
    """One code string per record, in order.

    INVARIANT (one day): all contexts share day and parameters; they differ in the place only.
    """
    found: list[str] = []
    for judged in _judged(program, records, contexts):
        found.extend(judged.texts())
    return found


def judge(
    program: Program,
    records: Sequence[Facts],
    contexts: Sequence[Context],
    columns_stand: Callable[[], None] = lambda: None,
) -> Iterator[Explainer]:
    """One explainer per record, in order: its codes, and findings made only when asked for.

    `columns_stand` is called for each block between columns and verdicts, for who measures.
    """
    for judged in _judged(program, records, contexts, columns_stand):
        yield from judged.explainers()


def evaluate(program: Program, facts: Facts, context: Context) -> Outcome:
    """All findings of one record: verdicts from a block of one, explained from its truths."""
    explainer = next(judge(program, [facts], [context]))
    return Outcome(tuple(explainer.finding(i) for i in range(len(program.rules))))


def judge_block(program: Program, block: Block, contexts: Sequence[Context]) -> Judged:
    """The verdicts of a block; one context per record (`Places` are quickest), or one for all of them."""
    with np.errstate(all="ignore"):
        judged = Judged(program, block, contexts)
        judged.run()
    return judged


def _judged(
    program: Program,
    records: Sequence[Facts],
    contexts: Sequence[Context],
    columns_stand: Callable[[], None] = lambda: None,
) -> Iterator[Judged]:
    layout = layout_of(program)
    size = block_records(program)
    for start in range(0, len(records), size):
        block = Block.of(layout, records[start : start + size])
        columns_stand()
        yield judge_block(program, block, contexts[start : start + size])


class _Walk(Evaluation):
    """The evaluation of a record of a block, which does not judge anew what the block has judged."""

    def __init__(
        self,
        program: Program,
        facts: Facts,
        context: Context,
        columns: ColumnsOfMembers | None,
        judged: Callable[[int], int | None],
    ) -> None:
        super().__init__(program, facts, context, columns)
        self._judged = judged

    def passed(self, rule: str) -> Truth:
        """See `Evaluation.passed`."""
        truth = self._judged(self.program.index[rule])
        return super().passed(rule) if truth is None else TRUTHS[truth]


class Judged:
    """One judged block: letters, outcomes, and what explains them."""

    def __init__(self, program: Program, block: Block, contexts: Sequence[Context]) -> None:
        self.program = program
        self.block = self.as_sent = block
        self.count = block.count
        self.contexts = contexts
        self.on = contexts[0].on
        self.parameters = contexts[0].parameters
        self.situations: list[Situation] = []
        self._place_of: Indexes | None = None
        self._place(contexts)
        self.plan = plan = plan_of(program, excluded_everywhere(self.situations))
        self.truths = np.empty((plan.rows, block.size), dtype=np.uint8)
        self.truths[: plan.layout.truth_rows] = block.truths
        self.truths[plan.always] = TRUE
        self._standings = np.zeros((-(-len(program.rules) // 4) * 4, block.size), dtype=np.uint8)
        self._bytes = self._standings
        self._complete = False
        # Letters that the standing of a rule and its state do not give: rule, rows, letter.
        self._apart: list[tuple[int, Indexes, int]] = []
        self.members = MemberColumns(plan.program, block, contexts, judge_block) if block.containers else None
        self._rolled = derives_from_members(program) if block.containers else frozenset[str]()
        self._open_grades = self._grades_of_members() if self._rolled else {}
        self.numbers = Numbers(plan, self.block, self.truths, contexts[0], self.members)
        self.spans = Spans(self.numbers)
        self._options: dict[str, Indexes] = {}
        self._walks: dict[int, Evaluation] = {}
        self._letters: Truths | None = None
        self._rows: bytes | None = None
        self._texts: list[str] | None = None

    def _place(self, contexts: Sequence[Context]) -> None:
        """Records lie in the same place when the program names the same divisions above them."""
        placed = contexts if isinstance(contexts, Places) else Places.of(contexts)
        codes = codes_of(self.program)
        seen: dict[tuple[str, ...], int] = {}
        paths = [tuple(code for code in context.path if code in codes) for context in placed.distinct]
        kinds = [seen.setdefault(path, len(seen)) for path in paths]
        if len(seen) > 1:
            self._place_of = np.zeros(self.block.size, dtype=np.intp)
            self._place_of[: len(placed)] = np.array(kinds, dtype=np.intp)[placed.place_of]
        self.situations = [situation_of(self.program, Context(self.on, path, self.parameters)) for path in seen]

    def situation(self, row: int) -> Situation:
        """The situation of a record."""
        return self.situations[0 if self._place_of is None else int(self._place_of[row])]

    # --- what was found -------------------------------------------------------------------------

    @property
    def letters(self) -> Truths:
        """One row of letters per record, one column per rule; further columns make fours."""
        if self._letters is None:
            self._letters = letters.letters(self._bytes, self._states(), self._place_of)
            for rule, rows, letter in self._apart:
                self._letters[rows, rule] = letter
        return self._letters

    def texts(self) -> list[str]:
        """One code string per record."""
        if self._texts is None:
            letters = np.ascontiguousarray(self.letters[: self.count, : len(self.program.rules)])
            width, text = letters.shape[1], letters.tobytes().decode("ascii")
            self._texts = [text[row * width : (row + 1) * width] for row in range(self.count)]
        return self._texts

    def outcomes(self, counted: Sequence[int]) -> Truths:
        """The severity of each record's outcome (a place in `BY_SEVERITY`) over some rules."""
        mask = np.zeros(len(self._standings), dtype=np.uint8)
        mask[list(counted)] = 1
        found = letters.outcomes(self._bytes, self._states(), self._place_of, mask.tobytes())
        if self._apart:
            rows = np.unique(np.concatenate([rows for _, rows, _ in self._apart]))
            found[rows] = letters.worst(self.letters[rows][:, list(counted)])
        return found[: self.count]

    def explainers(self) -> Iterator[Explainer]:
        """One explainer per record, in order."""
        texts = self.texts()
        return (self.explainer(row, texts[row]) for row in range(self.count))

    def explainer(self, row: int, text: str) -> Explainer:
        """What explains the verdicts of a record, whose codes are `text`."""
        if self._rows is None:
            self._rows = self.truths.T.tobytes()
        width = self.plan.rows
        truths = self._rows[row * width : (row + 1) * width]
        walk = self.walk(row) if self._rolled else self._walks.get(row)
        return Explainer(self.plan, self.block.facts(row), self.situation(row), text, truths, walk)

    def facts(self, row: int) -> Facts:
        """The facts of a record, with its members also where these came as columns."""
        return self.block.facts(row) if self.members is None else self.members.whole(row)

    def rolled_number(self, expr: Expr) -> Measure | None:
        """The measure of an expression that is a number rolled up from members and nothing else."""
        return self.numbers.rolled(expr)

    def told_by_reference(self, rule: int) -> list[int]:
        """Rows with members of which the reference alone can tell what a rule, or one that it asks, read and lacks."""
        if not self._rolled:
            return []
        asked = [self.told_by_reference(self.program.index[name]) for name in self.program.rules[rule].passes]
        rows = set(chain.from_iterable(asked))
        reads = self.plan.reads[rule] & self._rolled
        if not reads:
            return sorted(rows)
        rows.update(self._left_to_reference(rule))
        for name in reads:
            spec = self.program.facts[name]
            if not isinstance(spec.derive, Aggregate) or spec.at_least or spec.at_most:
                return self.block.containers
            if spec.period is not None and self.members is not None:
                # Of which period its members speak is for them to say, if there are any.
                rows.update(self.members.some(spec.derive).tolist())
        return sorted(rows)

    def answers_of_members(self, rule: int, rows: Indexes) -> list[object] | None:
        """What tells records apart in what a rule reads of members, where that is nothing but yes or no; else None."""
        truths: list[list[int]] = []
        for name in sorted(self.plan.reads[rule] & self._rolled):
            derive = self.program.facts[name].derive
            if self.members is None or not isinstance(derive, Aggregate) or derive.op != "every":
                return None
            # Those in doubt were settled when the row was filled.
            at = self.plan.row_of.get(id(derive))
            if at is None or self.program.facts[name].period is not None:
                return None
            truths.append(self.truths[at, rows].tolist())
        return list(zip(*truths, strict=True))

    def said_apart(self, rule: int) -> Mask:
        """Records in which the reference, or a date of the record, gave the rule's verdict."""
        found = np.zeros(self.block.size, dtype=bool)
        for index, rows, _ in self._apart:
            if index == rule:
                found[rows] = True
        return found

    def _states(self) -> list[bytes]:
        return [situation.states for situation in self.situations]

    def sent(self, name: str) -> Mask:
        """Rows that sent a fact, or a part of it."""
        return sent_in(self.plan.layout, self.as_sent, name)

    # --- how it is found ------------------------------------------------------------------------

    def run(self) -> None:
        """Fill the matrix of truths, one row per condition, and that of standings, one row per rule."""
        plan = self.plan
        for stratum in plan.strata:
            for group in stratum.groups:
                self._group(group)
            if len(stratum.plain):
                self._standings[stratum.plain] = self.truths[plan.requires[stratum.plain]]
            if len(stratum.scoped):
                inside, outside = letters.scopes(self.truths[stratum.scopes])
                found = self.truths[plan.requires[stratum.scoped]]
                found &= inside[stratum.scope_of]
                found |= outside[stratum.scope_of]
                self._standings[stratum.scoped] = found
            self._exceptions(stratum.members if self.block.keyed or self._rolled else stratum.watched)
        self._bytes = letters.packed(self._standings)
        self._complete = True

    # --- conditions -----------------------------------------------------------------------------

    def _group(self, group: Group) -> None:
        out = self.truths[group.start : group.stop]
        match group.shape:
            case "fixed":
                assert group.constants is not None
                out[:] = self._fixed(group.op, self.block.numbers[group.inputs[0]], group.constants)
            case "columns":
                left, right = self.block.numbers[group.inputs[0]], self.block.numbers[group.inputs[1]]
                out[:] = self._fixed(group.op, left, right)
            case "not":
                np.subtract(TRUE, self.truths[group.inputs[0]], out=out)
            case "all":
                np.minimum.reduce(self.truths[group.inputs], axis=0, out=out)
            case "any":
                np.maximum.reduce(self.truths[group.inputs], axis=0, out=out)
            case "some":
                assert group.least is not None
                rows = self.truths[group.inputs]
                # TRUE is 2: halved, only that counts; what is not FALSE counts at most once.
                holds = np.add.reduce(rows >> 1, axis=0, dtype=np.uint8) >= group.least
                may = np.add.reduce(np.minimum(rows, UNKNOWN), axis=0, dtype=np.uint8)
                out[:] = vectors.three_valued(holds, may < group.least)
            case _:
                assert group.node is not None
                assert group.rule is not None
                out[0] = self._single(group.node, group.rule)

    @staticmethod
    def _fixed(op: str, left: Floats, right: Floats) -> Truths:
        return vectors.compare(op, left, right)

    def _single(self, node: Expr, rule: int) -> Truths:
        match node:
            case Compare() if self.count <= FEW_RECORDS:
                everywhere = np.zeros(self.block.size, dtype=bool)
                everywhere[: self.count] = True
                return self._settle(node, rule, np.full(self.block.size, UNKNOWN, dtype=np.uint8), everywhere)
            case Compare():
                truth, doubt = self.numbers.compare(node.op, node.left, node.right)
                return self._settle(node, rule, truth, doubt)
            case OneOf():
                return self._one_of(node)
            case Choice():
                test, then, other = (self.truths[self._row(e)] for e in (node.test, node.then, node.otherwise))
                open_ = np.where(then == other, then, UNKNOWN)
                chosen: Truths = np.select([test == TRUE, test == FALSE], [then, other], open_).astype(np.uint8)
                return chosen
            case Known():
                return self._known(node.fact, rule)
            case Passes():
                other = self.program.index[node.rule]
                states: Truths = np.array([s.states[other] for s in self.situations], dtype=np.uint8)
                passed = letters.passes(self._standings[other], self._spread(states))
                for index, apart, letter in self._apart:
                    if index == other:
                        passed[apart] = letters.PASSES[chr(letter)]
                return passed
            case InDivision():
                inside = [any(code in s.context.path for code in node.codes) for s in self.situations]
                return self._spread(np.where(inside, TRUE, FALSE).astype(np.uint8))
            case FactRef(name):
                return self._derived_truth(name)
            case ParameterRef(id_):
                return np.full(self.block.size, self._truth(self.parameters.get(id_)), dtype=np.uint8)
            case Aggregate() if self.members is not None:
                measure = self.members.measure(node)
                assert measure.truth is not None
                return self._settle(node, rule, measure.truth, measure.doubt)
            case _:
                # Aggregates without members are unknown.
                return np.full(self.block.size, UNKNOWN, dtype=np.uint8)

    @staticmethod
    def _truth(value: object) -> int:
        return UNKNOWN if value is None else TRUE if value else FALSE

    def _row(self, expr: Expr) -> int:
        return self.plan.row_of[id(expr)]

    def walk(self, row: int) -> Evaluation:
        """The evaluation of a record by the reference; begun once."""
        if row not in self._walks:
            below = None if self.members is None else self.members.row(row)
            passed = partial(self._passed, row)
            context = self.situation(row).context
            self._walks[row] = _Walk(self.program, self.block.facts(row), context, below, passed)
        return self._walks[row]

    def _passed(self, row: int, rule: int) -> int | None:
        """The truth of `passes` for a record and a rule, once all rules are judged."""
        return letters.PASSES[self.texts()[row][rule]] if self._complete else None

    def _settle(self, node: Compare | FactRef | Aggregate, rule: int, truth: Truths, doubt: Mask | None) -> Truths:
        """Recompute doubtful rows exactly: the truth of a comparison, or whether a fact is known."""
        if doubt is None or not doubt.any():
            return truth
        truth = np.array(np.broadcast_to(truth, self.block.size))
        rows = np.broadcast_to(doubt, self.block.size)[: self.count].nonzero()[0]
        if isinstance(node, Compare) and node.op not in ("==", "!=") and len(rows) >= _MANY_DOUBTS:
            truth[rows], still = self.spans.compare(node.op, node.left, node.right, rows)
            rows = rows[still]
        at = self.situations[0].last[rule]
        for row in rows.tolist():
            value = self.walk(row).value(node, at)
            if isinstance(node, FactRef):
                truth[row] = FALSE if value is None else TRUE
            else:
                truth[row] = self._truth(value)
        return truth

    def _one_of(self, node: OneOf) -> Truths:
        assert isinstance(node.operand, FactRef)
        options = self.plan.layout.options[node.operand.name]
        wanted = np.zeros(len(options) + 1, dtype=np.uint8)
        wanted[[options[o] for o in node.options]] = TRUE
        wanted[-1] = UNKNOWN
        found: Truths = wanted.take(self._option_of(node.operand.name), mode="clip")
        return found

    def _option_of(self, name: str) -> Indexes:
        """The option of a fact in each row; one more than the last where it is unknown."""
        if name not in self._options:
            column = self.block.numbers[self.plan.layout.numbers[name]]
            self._options[name] = np.fmin(column, len(self.plan.layout.options[name])).astype(np.intp)
        return self._options[name]

    def _derived_truth(self, name: str) -> Truths:
        sent = self.block.truths[self.plan.layout.truths[name]]
        derive = self.program.facts[name].derive
        assert derive is not None
        found: Truths = np.where(sent == UNKNOWN, self.truths[self._row(derive)], sent).astype(np.uint8)
        return found

    def _known(self, name: str, rule: int) -> Truths:
        layout = self.plan.layout
        if name in layout.items:
            rows = self.block.truths[list(layout.items[name].values())]
            known: Mask = (rows != UNKNOWN).any(axis=0)
        elif name in layout.truths:
            return self._known_truth(name, rule)
        else:
            numbers = self.numbers.fact(self.program.facts[name])
            truth = np.where(np.broadcast_to(numbers.known(), self.block.size), TRUE, FALSE).astype(np.uint8)
            return self._settle(FactRef(name), rule, truth, numbers.doubts())
        return np.where(known, TRUE, FALSE).astype(np.uint8)

    def _known_truth(self, name: str, rule: int) -> Truths:
        """Whether a condition is given; a derived one may be known from its parts."""
        sent = self.block.truths[self.plan.layout.truths[name]]
        truth = np.where(sent != UNKNOWN, TRUE, FALSE).astype(np.uint8)
        if self.program.facts[name].derive is None:
            return truth
        return self._settle(FactRef(name), rule, truth, truth == FALSE)

    # --- verdicts -------------------------------------------------------------------------------

    def _spread(self, of_places: Truths) -> Truths:
        """What holds in each place, for each record."""
        return of_places.repeat(self.block.size) if self._place_of is None else of_places[self._place_of]

    def _exceptions(self, members: Sequence[int]) -> None:
        """Rules that a block cannot judge alike for all rows."""
        for i in members:
            if self.situations[0].too_early[i] and i in self.plan.periodic:
                self._before_start(i)
            # Only what is unmet after that has a deadline to look at.
            if i in self.plan.anchored:
                self._anchored(i)
            careful = i in self.plan.careful
            rows = self._careful_rows(i) if careful or self.block.keyed or self._rolled else []
            if careful:
                self._empty(i)
            for row in rows:
                self._set(i, np.array([row]), self.walk(row).finding(i).verdict)

    def _set(self, rule: int, rows: Indexes, verdict: Verdict) -> None:
        """The verdict of a rule for some records, whatever its state there would make of it."""
        self._standings[rule, rows] = _STANDING[verdict.letter]
        self._apart.append((rule, rows, ord(verdict.letter)))

    def _careful_rows(self, rule: int) -> list[int]:
        """Rows that gave a fact of the rule by period, or members to derive one from; for a window rule any fact."""
        reads = self.plan.reads[rule]
        rows = {row for name in reads & self.block.keyed.keys() for row in self.block.keyed[name]}
        if not self._rolled.isdisjoint(reads):
            rows.update(self._left_to_reference(rule))
        if rule in self.plan.careful:
            given = np.zeros(self.block.size, dtype=bool)
            for name in reads:
                given |= self.sent(name)
            rows.update(np.flatnonzero(given).tolist())
        return sorted(rows)

    def _left_to_reference(self, rule: int) -> Iterable[int]:
        """Rows with members that columns do not decide: over a window, before the start, by a grade that is open, or
        whose members give by period what the rule reads: the newest of these is read, not the last that is finished.
        """
        if rule in self.plan.careful or self.situations[0].too_early[rule]:
            return self.block.containers
        reads = self.plan.reads[rule]
        found = {row for name, rows in self._open_grades.items() if name in reads for row in rows}
        if self.members is not None and rule in self.plan.periodic:
            for name in reads & self._rolled:
                for aggregate in aggregates_of(self.program.facts[name].derive):
                    found.update(np.flatnonzero(self.members.by_period(aggregate)).tolist())
        return found

    def _grades_of_members(self) -> dict[str, list[int]]:
        """Write the lowest grades of members where none was sent; the rows of those that are open, by fact."""
        found: dict[str, list[int]] = {}
        for name in self._rolled:
            derive = self.program.facts[name].derive
            if self.members is not None and isinstance(derive, Aggregate) and derive.op == "lowest":
                measure = self.members.measure(derive)
                assert measure.ranks is not None
                low, high = measure.ranks
                if not found:
                    # The caller's columns stay what was sent.
                    self.block = replace(self.block, numbers=self.block.numbers.copy())
                column = self.block.numbers[self.plan.layout.numbers[name]]
                open_ = (measure.doubt | (low != high)) & ~(np.isnan(low) & ~measure.doubt) & np.isnan(column)
                column[np.isnan(column) & ~open_] = low[np.isnan(column) & ~open_]
                found[name] = np.flatnonzero(open_[: self.count]).tolist()
        return found

    def _empty(self, rule: int) -> None:
        """A window rule is judged once per place for all records that gave none of its facts."""
        nothing = Facts()
        for place, situation in enumerate(self.situations):
            verdict = reference.evaluate_rule(self.program, rule, nothing, situation.context).verdict
            self._set(rule, self._rows_in(place), verdict)

    def _rows_in(self, place: int, where: Mask | None = None) -> Indexes:
        inside = np.ones(self.block.size, dtype=bool) if self._place_of is None else self._place_of == place
        return np.flatnonzero(inside if where is None else inside & where)

    def _anchored(self, index: int) -> None:
        """Deadlines that run from a date of the record."""
        rule = self.program.rules[index]
        assert rule.due is not None
        assert rule.due.after is not None
        column = self.numbers.fact(self.program.facts[rule.due.after]).num
        unmet = self._standings[index] == UNMET
        for ordinal in np.unique(column[unmet & ~np.isnan(column)]):
            anchor = date.fromordinal(int(ordinal))
            for place, situation in enumerate(self.situations):
                if situation.states[index] != EXCLUDED:
                    state = due_state(rule.due, situation.context, anchor)[0]
                    rows = self._rows_in(place, unmet & (column == ordinal))
                    self._set(index, rows, _UNMET[state])

    def _before_start(self, index: int) -> None:
        """Plain values of a period that ended before the rule began are about another time."""
        rule = self.program.rules[index]
        given = np.zeros(self.block.size, dtype=bool)
        # What the periodic facts derive from is about the same period.
        for name, spec in with_sources(rule.periodic, self.program.facts).items():
            if spec.period == rule.period:
                given |= self._known(name, index) == TRUE
        self._standings[index, given] = OUT
