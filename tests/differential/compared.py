"""Drawn batches on every path, held against the reference, record by record and field by field."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from random import Random

from tests.differential import paths
from tests.differential.drawing import draw_batch
from tests.differential.drawn import Drawn, Json, Node
from tests.differential.yardstick import Expected, counts_of, expected_of

_FEW = 12
"""So few records may be judged one by one: each block costs as much as a thousand records."""
RECORDS = 900
"""Most records of a batch; of a large one three times as many."""
_KINDS = ("csv", "ndjson", "parquet")
_EVERY = 16
"""One batch in so many is large, and its files are judged by several processes."""


class Differs(AssertionError):
    """A path says something else than the reference."""


def compare_records(records: int, seed: int, most: int = RECORDS) -> Counter[str]:
    """Hold at least so many drawn records against the reference on every path; how many went which way.

    `most`: how many a batch may have; what is drawn depends on it.
    """
    took: Counter[str] = Counter()
    batch = 0
    while took["records"] < records:
        took += compare_batch(seed, batch, most)
        batch += 1
    return took


def compare_batch(seed: int, batch: int, most: int = RECORDS) -> Counter[str]:
    """One batch on every path; how many of its records took which. Raises Differs, with `seed` and `batch`."""
    rng = Random(f"{seed}:{batch}")
    many = batch % _EVERY == _EVERY - 1
    drawn = draw_batch(rng, 3 * most if many else most, many=many)
    compared = _Compared(f"batch {batch} of seed {seed}", drawn, expected_of(drawn), rng)
    compared.by_server()
    compared.by_files(_KINDS if many else (rng.choice(_KINDS),), several=many)
    return compared.took


class _Compared:
    """One batch under way. `took`: how many records went which way."""

    def __init__(self, name: str, drawn: Drawn, answers: Sequence[Expected], rng: Random) -> None:
        self._name = name
        self._drawn = drawn
        self._answers = answers
        self._rng = rng
        self.took = Counter({"records": len(answers), "refused": sum(bool(each.slugs) for each in answers)})
        self.took["with members"] = sum(bool(node.children) for node in drawn.nodes)
        self.took.update(each.told["ruleset"] for each in answers if each.told is not None)

    def _block(self) -> int:
        """How many records stand in a block: all, a part, a few that are alone."""
        count = len(self._answers)
        if count <= _FEW:
            return self._rng.choice((1, 2, 5, 16_384))
        return self._rng.choice((16_384, count - 1, count // 2, count // 3 + 1))

    def by_server(self) -> None:
        """As JSON, NDJSON and Arrow; containers with their members inside; a few records by themselves."""
        drawn, rng = self._drawn, self._rng
        for name, way in (("json", paths.by_json), ("ndjson", paths.by_ndjson), ("arrow", paths.by_arrow)):
            with paths.blocks_of(self._block()):
                told = way(drawn, rng)
            self._hold(name, self._answers, told)
        tops = [each for each in self._answers if _clean(each.node) and each.node.children and each.node.parent is None]
        if tops:
            told = paths.nested(drawn, [each.node for each in tops], rng)
            self._hold("nested", tops, told)
        # What is told by itself is told in full; parameters of others are refused there.
        good = [each for each in self._answers if not each.slugs and _clean(each.node)]
        if drawn.detail == "full" and "parameters" not in drawn.options:
            for each in rng.sample(good, min(3, len(good))):
                self._alone(each)

    def by_files(self, kinds: Sequence[str], *, several: bool) -> None:
        """As files of some kinds, written as NDJSON or Parquet, by one process or several."""
        for kind in kinds:
            form, processes = self._rng.choice(("ndjson", "parquet")), 2 if several else 1
            with paths.blocks_of(self._block()):
                told = paths.by_file(self._drawn, kind, form, processes, self._rng)
            name = f"{kind} to {form}, {processes} process{'es' if several else ''}"
            self._hold(name, self._answers, told, form=form, exactly=kind == "ndjson")

    def _alone(self, each: Expected) -> None:
        assert each.told is not None
        told = paths.alone(self._drawn, each.node)
        expected = {name: value for name, value in each.told.items() if name not in ("codes", "refused_members")}
        # There lists stand even where they are empty, and of what others lack each verdict tells alone.
        expected = {"ignored": [], **expected}
        expected["included"] = [
            {name: value for name, value in other.items() if name not in ("codes", "missing")}
            for other in each.told.get("included", ())
        ]
        self._same("alone", each, expected, told)
        self.took["alone"] += 1

    def _hold(
        self, way: str, answers: Sequence[Expected], said: paths.Said, *, form: str = "ndjson", exactly: bool = True
    ) -> None:
        """`exactly`: what refused records are refused for is told in the words of the batch interface."""
        results, counts = said
        if len(results) != len(answers):
            raise Differs(f"{self._name}, {way}: {len(results)} results of {len(answers)} records")
        for each, result in zip(answers, results, strict=True):
            if each.slugs:
                self._refused(way, each, result, exactly=exactly)
            else:
                assert each.told is not None
                self._same(way, each, _of_parquet(each) if form == "parquet" else each.told, result)
        wanted = counts_of(answers)
        if {name: counts.get(name, 0) for name in wanted} != wanted:
            raise Differs(f"{self._name}, {way}: expected counts {wanted}, found {counts}")
        self.took[way] += len(answers)

    def _refused(self, way: str, each: Expected, result: Json, *, exactly: bool) -> None:
        error = result.get("error")
        known = error is not None and (not exactly or error["type"].rsplit("/", 1)[-1] in each.slugs)
        if not known or result["id"] != each.node.id:
            wanted = f"expected to be refused as {' or '.join(each.slugs)}"
            raise Differs(f"{self._place(way, each.node)}\n{wanted}\nfound {_short(result)}")

    def _same(self, way: str, each: Expected, expected: Json, found: Json) -> None:
        for name in {**expected, **found}:
            one, other = expected.get(name, "nothing"), found.get(name, "nothing")
            if one != other:
                if isinstance(one, list) and isinstance(other, list):
                    one, other = [v for v in one if v not in other] or one, [v for v in other if v not in one] or other
                message = f"the reference says {name}: {_short(one)}\nfound {name}: {_short(other)}"
                if name == "codes":
                    message += f"\nof rules {_parted(each, str(one), str(other))}"
                raise Differs(f"{self._place(way, each.node)}\n{message}")

    def _place(self, way: str, node: Node) -> str:
        asked = self._drawn.query()
        return f"{self._name}, {way}, asked {asked}, record\n{_short({**node.record(), **_members(node)})}"


def _clean(node: Node) -> bool:
    """True when nothing is wrong with a record or under it, so that it can be sent with its members inside."""
    return all(each.slug is None for each in node.below())


def _members(node: Node) -> Json:
    return {"members": [child.inside() for child in node.children]} if node.children else {}


def _of_parquet(each: Expected) -> Json:
    """What a Parquet report tells of an answer: findings name their rules, lists of nothing and derived facts are left
    out.
    """
    told = each.told
    assert told is not None
    found: Json = {"id": each.node.id, "division": each.node.division, "subject": each.node.subject, **_head(told)}
    for name in ("missing", "ignored"):
        if told.get(name):
            found[name] = told[name]
    findings = [{**one, "rule": each.rules[one["rule"]]} for one in told.get("findings", ())]
    # What was asked in full is told as findings there.
    failing = (verdict for verdict in told.get("verdicts", ()) if verdict["verdict"] == "non_compliant")
    findings += [{name: verdict[name] for name in ("rule", "actual", "gap")} for verdict in failing]
    if findings:
        found["findings"] = findings
    if "included" in told:
        found["included"] = [_head(other) for other in told["included"]]
    return found


def _head(told: Json) -> Json:
    return {name: told[name] for name in ("ruleset", "outcome", "codes")}


def _parted(each: Expected, one: str, other: str) -> list[str]:
    return [rule for rule, a, b in zip(each.rules, one, other, strict=False) if a != b][:5]


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    longest = int(os.environ.get("FUZZ_SHOWN", "1200"))
    return text if len(text) <= longest else f"{text[:longest]}…"
