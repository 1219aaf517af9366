"""The columnar back end: NumPy over blocks of columns, rules grouped by shape.

It answers what `reference` answers. Rows that float64 cannot decide are recomputed by the reference,
condition by condition; so are, rule by rule, records that give a rule's facts by period or members to derive
them from, and rules that look over a window. It refuses nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import numpy as np

from engine.backends import reference, vectors
from engine.backends.base import Context, due_state
from engine.backends.columns import Block
from engine.backends.compute import Numbers
from engine.backends.evaluation import derives_from_members
from engine.backends.explain import Explainer
from engine.backends.plan import Group, Plan, Rows, plan_of
from engine.backends.reference import Evaluation
from engine.backends.situation import EXCLUDED, Situation, situation_of
from engine.backends.vectors import FALSE, TRUE, UNKNOWN, Floats, Mask, Truths, Vector
from engine.check.ir import (
    AtLeast,
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
from engine.facts import Facts
from engine.verdicts import DueState, Outcome, Verdict, decide

__all__ = ["BLOCK_RECORDS", "codes", "evaluate", "judge"]

BLOCK_RECORDS = 16_384
"""Records per block: the columns of a plan then fit the processor's caches."""
FEW_RECORDS = 2
"""Up to here exact arithmetic record by record is cheaper than vectors with error bounds."""

_TRUTHS = {FALSE: False, UNKNOWN: None, TRUE: True}


def _letters() -> Truths:
    """The verdict letter by 9 × state + 3 × applies + requirement; state 3 is excluded."""
    table = [
        decide(_TRUTHS[applies], _TRUTHS[requirement], state).letter
        for state in DueState
        for applies in (FALSE, UNKNOWN, TRUE)
        for requirement in (FALSE, UNKNOWN, TRUE)
    ]
    assert len(table) == 9 * EXCLUDED
    return np.frombuffer("".join([*table, "X" * 9]).encode(), dtype=np.uint8)


_LETTERS = _letters()
_PASSES = np.full(256, UNKNOWN, dtype=np.uint8)
_PASSES[[ord("C"), ord("X")]] = TRUE
_PASSES[[ord("N"), ord("T")]] = FALSE


def codes(program: Program, records: Sequence[Facts], contexts: Sequence[Context]) -> list[str]:
    """One code string per record, in order.

    INVARIANT (one day): all contexts share day and parameters; they differ in the place only.
    """
    width = len(program.rules)
    found: list[str] = []
    for run in _runs(program, records, contexts):
        text = run.letters.T.tobytes().decode("ascii")
        found.extend(text[i * width : (i + 1) * width] for i in range(run.size))
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
    width = len(program.rules)
    for run in _runs(program, records, contexts, columns_stand):
        text = run.letters.T.tobytes().decode("ascii")
        truths = run.truths.T.tobytes()
        rows = run.plan.rows
        for i in range(run.size):
            yield Explainer(
                run.plan,
                run.records[i],
                run.situations[run.place_of[i]],
                text[i * width : (i + 1) * width],
                truths[i * rows : (i + 1) * rows],
                run.walks.get(i),
            )


def evaluate(program: Program, facts: Facts, context: Context) -> Outcome:
    """All findings of one record: verdicts from a block of one, explained from its truths."""
    explainer = next(judge(program, [facts], [context]))
    return Outcome(tuple(explainer.finding(i) for i in range(len(program.rules))))


def _runs(
    program: Program,
    records: Sequence[Facts],
    contexts: Sequence[Context],
    columns_stand: Callable[[], None] = lambda: None,
) -> Iterator[_Run]:
    plan = plan_of(program)
    with np.errstate(all="ignore"):
        for start in range(0, len(records), BLOCK_RECORDS):
            end = start + BLOCK_RECORDS
            run = _Run(plan, records[start:end], contexts[start:end])
            columns_stand()
            run.run()
            yield run


class _Run:
    """One block of records under one plan."""

    def __init__(self, plan: Plan, records: Sequence[Facts], contexts: Sequence[Context]) -> None:
        self.plan = plan
        self.program = plan.program
        self.records = records
        self.contexts = contexts
        self.on = contexts[0].on
        self.parameters = contexts[0].parameters
        self.size = len(records)
        self.block = Block.of(plan.layout, records)
        self.truths = np.empty((plan.rows, self.size), dtype=np.uint8)
        self.truths[: plan.layout.truth_rows] = self.block.truths
        self.truths[plan.always] = TRUE
        self.letters = np.empty((len(plan.program.rules), self.size), dtype=np.uint8)
        self.numbers = Numbers(plan, self.block, self.truths, contexts[0], self.size)
        self.walks: dict[int, Evaluation] = {}
        self.containers = [row for row, facts in enumerate(records) if facts.members]
        self.rolled = derives_from_members(plan.program) if self.containers else frozenset()
        self.places: list[tuple[str, ...]] = []
        self.situations: list[Situation] = []
        self.place_of = np.zeros(self.size, dtype=np.intp)
        self._place()

    def _place(self) -> None:
        seen: dict[tuple[str, ...], int] = {}
        for row, context in enumerate(self.contexts):
            self.place_of[row] = seen.setdefault(context.path, len(seen))
        self.places = list(seen)
        self.situations = [situation_of(self.program, Context(self.on, path, self.parameters)) for path in self.places]

    def run(self) -> None:
        """Fill the matrix of letters, one row per rule, and that of truths, one row per condition."""
        for groups, members in self.plan.strata:
            for group in groups:
                self._group(group)
            rules = np.array(members, dtype=np.intp)
            combined = self._states(rules)
            combined += 3 * self.truths[self.plan.applies[rules]]
            combined += self.truths[self.plan.requires[rules]]
            self.letters[rules] = _LETTERS[combined]
            self._exceptions(members)

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
            case _:
                assert group.node is not None
                assert group.rule is not None
                out[0] = self._single(group.node, group.rule)

    @staticmethod
    def _fixed(op: str, left: Floats, right: Floats) -> Truths:
        return vectors.compare(op, Vector.exact(left), Vector.exact(right))[0]

    def _single(self, node: Expr, rule: int) -> Truths:
        match node:
            case Compare() if self.size <= FEW_RECORDS:
                everywhere = np.ones(self.size, dtype=bool)
                return self._settle(node, rule, np.empty(self.size, dtype=np.uint8), everywhere)
            case Compare():
                truth, doubt = vectors.compare(node.op, self.numbers.of(node.left), self.numbers.of(node.right))
                return self._settle(node, rule, truth, doubt)
            case OneOf():
                return self._one_of(node)
            case AtLeast():
                rows = self.truths[[self._row(o) for o in node.operands]]
                holds = (rows == TRUE).sum(axis=0) >= node.n
                fails = (rows >= UNKNOWN).sum(axis=0) < node.n
                return vectors.three_valued(holds, fails)
            case Choice():
                test, then, other = (self.truths[self._row(e)] for e in (node.test, node.then, node.otherwise))
                open_ = np.where(then == other, then, UNKNOWN)
                chosen: Truths = np.select([test == TRUE, test == FALSE], [then, other], open_).astype(np.uint8)
                return chosen
            case Known():
                return self._known(node.fact, rule)
            case Passes():
                passed: Truths = _PASSES[self.letters[self.program.index[node.rule]]]
                return passed
            case InDivision():
                inside = [any(code in path for code in node.codes) for path in self.places]
                return np.where(np.array(inside)[self.place_of], TRUE, FALSE).astype(np.uint8)
            case FactRef(name):
                return self._derived_truth(name)
            case ParameterRef(id_):
                return np.full(self.size, self._truth(self.parameters.get(id_)), dtype=np.uint8)
            case _:
                # Member aggregates: unknown without members; who sent some is left to the reference.
                return np.full(self.size, UNKNOWN, dtype=np.uint8)

    @staticmethod
    def _truth(value: object) -> int:
        return UNKNOWN if value is None else TRUE if value else FALSE

    def _row(self, expr: Expr) -> int:
        return self.plan.row_of[id(expr)]

    def _walk(self, row: int) -> Evaluation:
        if row not in self.walks:
            self.walks[row] = Evaluation(self.program, self.records[row], self.contexts[row])
        return self.walks[row]

    def _settle(self, node: Compare | FactRef, rule: int, truth: Truths, doubt: Mask | None) -> Truths:
        """Recompute doubtful rows exactly: the truth of a comparison, or whether a fact is known."""
        if doubt is None:
            return truth
        at = self.situations[0].last[rule]
        for row in np.flatnonzero(doubt).tolist():
            value = self._walk(row).value(node, at)
            if isinstance(node, FactRef):
                truth[row] = FALSE if value is None else TRUE
            else:
                truth[row] = self._truth(value)
        return truth

    def _one_of(self, node: OneOf) -> Truths:
        assert isinstance(node.operand, FactRef)
        options = self.plan.layout.options[node.operand.name]
        column = self.block.numbers[self.plan.layout.numbers[node.operand.name]]
        wanted = np.zeros(len(options) + 1, dtype=np.uint8)
        wanted[[options[o] for o in node.options]] = TRUE
        wanted[-1] = UNKNOWN
        index = np.where(np.isnan(column), len(options), column).astype(np.intp)
        found: Truths = wanted[index]
        return found

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
            vector = self.numbers.wide(self.numbers.fact(self.program.facts[name]))
            known = ~np.isnan(vector.low)
            truth = np.where(known, TRUE, FALSE).astype(np.uint8)
            return self._settle(FactRef(name), rule, truth, vector.doubts())
        return np.where(known, TRUE, FALSE).astype(np.uint8)

    def _known_truth(self, name: str, rule: int) -> Truths:
        """Whether a condition is given; a derived one may be known from its parts."""
        sent = self.block.truths[self.plan.layout.truths[name]]
        truth = np.where(sent != UNKNOWN, TRUE, FALSE).astype(np.uint8)
        if self.program.facts[name].derive is None:
            return truth
        return self._settle(FactRef(name), rule, truth, truth == FALSE)

    # --- verdicts -------------------------------------------------------------------------------

    def _states(self, rules: Rows) -> Truths:
        """9 × the state of each rule for each record, before anchors."""
        if len(self.places) == 1:
            return np.repeat(9 * self.situations[0].states[rules][:, None], self.size, axis=1)
        table = np.stack([situation.states for situation in self.situations], axis=1)
        return 9 * table[rules][:, self.place_of]

    def _exceptions(self, members: Sequence[int]) -> None:
        """Rules that a block cannot judge alike for all rows."""
        for i in members:
            if i in self.plan.anchored:
                self._anchored(i)
            if self.situations[0].too_early[i] and i in self.plan.periodic:
                self._before_start(i)
            careful = i in self.plan.careful
            rows = self._careful_rows(i) if careful or self.block.keyed or self.rolled else []
            if careful:
                self._empty(i)
            for row in rows:
                self.letters[i, row] = ord(self._walk(row).finding(i).verdict.letter)

    def _careful_rows(self, rule: int) -> list[int]:
        """Rows that gave a fact of the rule by period, or members to derive one from; for a window rule any fact."""
        reads = self.plan.reads[rule]
        rows = {row for name in reads & self.block.keyed.keys() for row in self.block.keyed[name]}
        if not self.rolled.isdisjoint(reads):
            rows.update(self.containers)
        if rule in self.plan.careful:
            for row, facts in enumerate(self.records):
                if not reads.isdisjoint(facts.plain):
                    rows.add(row)
        return sorted(rows)

    def _empty(self, rule: int) -> None:
        """A window rule is judged once per place for all records that gave none of its facts."""
        nothing = Facts()
        for place, situation in enumerate(self.situations):
            letter = reference.evaluate_rule(self.program, rule, nothing, situation.context).verdict.letter
            self.letters[rule, self.place_of == place] = ord(letter)

    def _anchored(self, index: int) -> None:
        """Deadlines that run from a date of the record."""
        rule = self.program.rules[index]
        assert rule.due is not None
        assert rule.due.after is not None
        column = self.numbers.of(FactRef(rule.due.after)).low
        lut_row = 3 * self.truths[self.plan.applies[index]] + self.truths[self.plan.requires[index]]
        for ordinal in np.unique(column[~np.isnan(column)]):
            anchor = date.fromordinal(int(ordinal))
            rows = column == ordinal
            for place, situation in enumerate(self.situations):
                if situation.reasons[index] is None:
                    chosen = rows & (self.place_of == place)
                    state = due_state(rule.due, situation.context, anchor)[0].value
                    self.letters[index, chosen] = _LETTERS[9 * state + lut_row[chosen]]

    def _before_start(self, index: int) -> None:
        """Plain values of a period that ended before the rule began are about another time."""
        rule = self.program.rules[index]
        given = np.zeros(self.size, dtype=bool)
        for name in rule.periodic:
            given |= self._known(name, index) == TRUE
        self.letters[index, given] = ord(Verdict.NOT_APPLICABLE.letter)
