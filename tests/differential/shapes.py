"""Hypothesis strategies: typed expressions, rules with every form of deadline and window, and facts.

Everything is text of the authors' format and JSON as a caller would send, so that the whole way from bytes
to verdicts is under test.
"""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from engine.registry import Library, load_library

DIVISIONS = """code,name,parent,level,since,until,successors
100000,甲省,root,province,,,
100100,乙市,100000,city,,,
100101,丙区,100100,county,,,
100102,丁区,100100,county,,,
100103,旧县,100100,county,,2020,100102
"""
PLACES = ("100100", "100101", "100102", "100103", "100000")

COMMON = "subject: school, evidence: {}, label: {{zh: 量, en: quantity}}"
M = COMMON.format("measured")
FACTS = f"""
- {{fact: n1, type: integer, unit: pupils, bounds: [0, 1000], {M}}}
- {{fact: n2, type: integer, unit: pupils, bounds: [0, 1000], {M}}}
- {{fact: x1, type: number, unit: m2, bounds: [-1000, 1000], step: 0.01, {M}}}
- {{fact: x2, type: number, unit: m2, bounds: [-1000, 1000], step: 0.01, {M}}}
- {{fact: p1, type: percent, bounds: [0, 200], {M}}}
- {{fact: p2, type: percent, bounds: [0, 200], period: year, {M}}}
- {{fact: y1, type: integer, unit: pupils, bounds: [0, 1000], period: year, {M}}}
- {{fact: y2, type: integer, unit: pupils, bounds: [0, 1000], period: year, {M}}}
- {{fact: s1, type: percent, bounds: [0, 200], period: school_year, {M}}}
- {{fact: k1, type: integer, unit: hours, bounds: [0, 1000], period: {{cycle: 5}}, {M}}}
- {{fact: b1, type: boolean, {COMMON.format("attested")}}}
- {{fact: b2, type: boolean, {COMMON.format("judged")}}}
- {{fact: b3, type: boolean, period: year, {COMMON.format("attested")}}}
- fact: g1
  type: grade
  options: [{{id: poor, zh: 差, en: poor}}, {{id: fair, zh: 中, en: fair}}, {{id: good, zh: 优, en: good}}]
  subject: school
  evidence: judged
  label: {{zh: 级, en: grade}}
- fact: c1
  type: category
  options: [{{id: a, zh: 甲, en: a}}, {{id: b, zh: 乙, en: b}}, {{id: c, zh: 丙, en: c}}]
  subject: school
  evidence: measured
  label: {{zh: 类, en: category}}
- {{fact: d1, type: date, {M}}}
- fact: l1
  type: checklist
  items: [{{id: u, zh: 子, en: u}}, {{id: v, zh: 丑, en: v}}, {{id: w, zh: 寅, en: w}}]
  subject: school
  evidence: attested
  label: {{zh: 单, en: list}}
- fact: per
  type: number
  unit: m2/pupils
  bounds: [-1000, 1000]
  step: 0.001
  subject: school
  evidence: measured
  derive: x1 / n1
  label: {{zh: 均, en: per head}}
- fact: share
  type: percent
  bounds: [0, 100000]
  period: year
  subject: school
  evidence: measured
  derive: 100 * y1 / y2
  label: {{zh: 率, en: share}}
- fact: joint
  type: percent
  bounds: [0, 200]
  subject: school
  evidence: measured
  at_least: p1
  at_most: p1 + 40
  label: {{zh: 合, en: joint}}
- fact: ready
  type: boolean
  subject: school
  evidence: attested
  derive: b1 and x1 > 0
  label: {{zh: 备, en: ready}}
- scope: big
  subject: school
  where: n1 > 100 or n2 > 100
  label: {{zh: 大, en: big}}
"""

limits = st.sampled_from(("0", "1", "2.5", "45", "99.99", "100", "0.3", "3.825"))
comparators = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))


def _numbers(unit: str) -> st.SearchStrategy[str]:
    """Expressions of numbers of one unit."""
    leaves = {
        "pupils": ("n1", "n2"),
        "m2": ("x1", "x2"),
        "percent": ("p1", "joint", "(100 * n1 / n2)", "(100 * (x1 - x2) / x2)"),
        "per": ("per", "(x2 / n2)", "((x1 - x2) / n1)"),
        "count": ("count_of(l1)", "ceil(n1 / 12)", "n2"),
        "years": ("years_since(d1)",),
    }[unit]
    base = st.sampled_from(leaves)

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pair = st.tuples(inner, inner)
        return st.one_of(
            pair.map(lambda t: f"({t[0]} + {t[1]})"),
            pair.map(lambda t: f"({t[0]} - {t[1]})"),
            inner.map(lambda t: f"1.1 * {t}"),
            inner.map(lambda t: f"-{t}"),
            inner.map(lambda t: f"abs({t})"),
            inner.map(lambda t: f"ceil({t})"),
            pair.map(lambda t: f"max({t[0]}, {t[1]})"),
            pair.map(lambda t: f"min({t[0]}, {t[1]})"),
            st.tuples(inner, inner, limits).map(lambda t: f"({t[0]} if n1 > {t[2]} else {t[1]})"),
        )

    return st.recursive(base, grow, max_leaves=4)


def _compare(unit: str) -> st.SearchStrategy[str]:
    side = _numbers(unit)
    return st.one_of(
        st.tuples(side, comparators, limits).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        st.tuples(limits, comparators, side).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        st.tuples(side, comparators, side).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
    )


atoms = st.one_of(
    st.sampled_from(("b1", "b2", "big", "ready", '("u" in l1)', 'c1 == "a"', 'c1 in ("a", "b")', 'c1 != "c"')),
    st.sampled_from(('g1 >= "fair"', 'g1 == "good"', 'g1 < "good"', 'division in ("100101", "100102")')),
    st.sampled_from(('d1 <= date("2024-02-29")', "d1 < as_of", 'param("floor") <= p1', "x1 == x2")),
    *(_compare(unit) for unit in ("pupils", "m2", "percent", "per", "count", "years")),
)
yearly = st.one_of(
    st.tuples(st.sampled_from(("p2", "share")), comparators, limits).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
    st.tuples(st.sampled_from(("y1", "y2")), comparators, limits).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
    st.sampled_from(("y1 >= previous(y1)", "y1 > y2", "b3", "share >= previous(share)", "p2 - previous(p2) >= 0.3")),
)
school_yearly = st.tuples(comparators, limits).map(lambda t: f"s1 {t[0]} {t[1]}")
cyclic = st.tuples(comparators, limits).map(lambda t: f"k1 {t[0]} {t[1]}")


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, inner).map(lambda t: f"({t[0]} and {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} or {t[1]})"),
        inner.map(lambda t: f"not ({t})"),
        st.tuples(inner, inner, inner).map(lambda t: f"at_least(2, {t[0]}, {t[1]}, {t[2]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    )


def conditions(*periodic: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Conditions over plain facts and, at most, one kind of periodic ones."""
    return st.recursive(st.one_of(atoms, *periodic), _grow, max_leaves=5)


days = st.dates(date(2022, 1, 1), date(2027, 12, 31)).map(str)
dues = st.one_of(
    st.just(""),
    st.just("  due: unstated\n"),
    days.map(lambda d: f"  due: {d}\n"),
    st.tuples(days, days).map(lambda t: f'  due:\n    "100101": {t[0]}\n    "100102": {t[1]}\n'),
    st.just("  due: {earliest: 2024-12-31, latest: 2026-12-31}\n"),
    st.just("  due: {after: d1, years: 3}\n"),
    st.just("  due: {after: d1, years: 3, latest: 2026-06-30}\n"),
)
windows = st.sampled_from(
    (
        ("y1 >= 45", "[2023, 2025]"),
        ("total(y1) >= 100", "[2022, 2024]"),
        ("total(y1) <= 100", "[2024, 2026]"),
        ("rises(y1)", "[2022, 2025]"),
        ("never_falls(p2)", "[2023, 2026]"),
        ("share >= 99.99 and b1", "[2024, 2025]"),
    )
)


baselines = st.tuples(
    st.sampled_from(
        (
            "p1 >= 90",
            "p2 >= 90",
            "y1 <= 100",
            "n1 == 45",
            "x1 > 1.5",
            "45 <= s1",
            "per >= 3.825",
            "share < 50",
            "y2 != 45",
        )
    ),
    st.integers(0, 100),
    st.dates(date(2020, 1, 1), date(2026, 12, 31)),
)


@st.composite
def rules(draw: st.DrawFn, number: int) -> str:
    """One rule's YAML."""
    if draw(st.integers(0, 5)) == 0:
        text, window = draw(windows)
        body = f"  require: {text}\n  window: {window}\n"
    elif draw(st.integers(0, 3)) == 0:
        text, value, at = draw(baselines)
        fact = next(word for word in text.split() if word[0].isalpha())
        body = f"  require: {text}\n  baseline:\n    - {{fact: {fact}, value: {value}, at: {at}}}\n"
        body += draw(dues)
    else:
        periodic = draw(st.sampled_from(((), (yearly,), (school_yearly,), (cyclic,))))
        body = f"  require: {draw(conditions(*periodic))}\n"
        if draw(st.booleans()):
            condition = draw(st.one_of(conditions(*periodic), st.sampled_from(("known(x1)", "not known(per)"))))
            body += f"  when: {condition}\n"
        body += draw(dues)
    if draw(st.integers(0, 4)) == 0:
        body += f"  from: {draw(st.dates(date(2020, 1, 1), date(2022, 1, 1)))}\n"
    if number and draw(st.integers(0, 4)) == 0 and "window" not in body and "when" not in body:
        body += f'  when: passes("r{draw(st.integers(0, number - 1))}")\n'
    return rule_of(number, body)


def rule_of(number: int, body: str) -> str:
    """A rule's YAML around the lines that say what it asks."""
    head = f"- id: r{number}\n  clause: 一\n  span: [0, 9]\n  subject: school\n  force: binding\n  topic: quality\n"
    return head + body + "  title: {zh: 规则, en: rule}\n  summary: {zh: 规则, en: rule}\n"


def library_of(facts: str, rules: str) -> Library:
    """A library of one ruleset, `w@1`, with whatever the checker finds in it."""
    return load_library(
        {
            "divisions.csv": DIVISIONS,
            "facts/quality.yaml": facts,
            "w/1/ruleset.yaml": HEAD,
            "w/1/clauses.yaml": f"- {{clause: 一, span: [0, 9], sha256: {'0' * 64}, kind: duty}}",
            "w/1/rules/quality.yaml": rules,
        }
    )


def sound(library: Library, rules: str) -> Library:
    """The library, of which the checker may find conditions dead and nothing else."""
    serious = [d for d in library.diagnostics if d.code not in ("E309", "E312")]
    assert not serious, (serious[0], rules)
    return library


HEAD = f"""
id: w
version: 1
title: {{zh: 世界, en: World}}
summary: {{zh: 世界, en: World}}
jurisdiction: 100100
starts: 2021-05-17
document: {{title: {{zh: 世, en: W}}, signed: 2021-05-17, authority: in_force, file: w.txt, sha256: {"0" * 64},
  code_points: 9}}
parameters:
  - {{id: floor, type: percent, unit: percent, label: {{zh: 底线, en: floor}}}}
"""


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """A checked library of one ruleset; conditions that the checker finds dead are drawn again."""
    texts = [draw(rules(number)) for number in range(draw(st.integers(1, 6)))]
    return sound(library_of(FACTS, "".join(texts)), "".join(texts))


whole = st.sampled_from((0, 1, 2, 12, 44, 45, 46, 99, 100, 101, 1000)) | st.integers(0, 1000)
real = st.sampled_from((-2.5, 0, 0.1, 0.3, 2.5, 3.825, 45, 99.99, 100, 99.98)) | st.integers(-100000, 100000).map(
    lambda n: n / 100
)
percent = st.sampled_from((0, 0.3, 45, 99.98, 99.99, 100, 100.01)) | st.integers(0, 20000).map(lambda n: n / 100)
moments = st.dates(date(2019, 1, 1), date(2027, 12, 31)).map(str) | st.just("2024-02-29")


def _by_year(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.sampled_from([str(year) for year in range(2019, 2029)])
    return values | st.dictionaries(keys, values | st.none(), max_size=6)


def _by_school_year(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.sampled_from([f"{year}-{year + 1}" for year in range(2019, 2028)])
    return values | st.dictionaries(keys, values, max_size=4)


facts = st.fixed_dictionaries(
    {},
    optional={
        "n1": whole,
        "n2": whole,
        "x1": real,
        "x2": real,
        "p1": percent,
        "p2": _by_year(percent),
        "y1": _by_year(whole),
        "y2": _by_year(whole),
        "s1": _by_school_year(percent),
        "k1": st.dictionaries(st.sampled_from([f"{y}-{y + 4}" for y in range(2016, 2026)]), whole, max_size=3),
        "b1": st.booleans(),
        "b2": st.booleans(),
        "b3": _by_year(st.booleans()),
        "g1": st.sampled_from(("poor", "fair", "good")),
        "c1": st.sampled_from(("a", "b", "c")),
        "d1": moments,
        "l1": st.dictionaries(st.sampled_from("uvw"), st.booleans() | st.none(), max_size=3),
        "per": real,
        "share": _by_year(percent),
        "joint": percent,
        "ready": st.booleans(),
    },
)
on_days = st.dates(date(2021, 1, 1), date(2028, 12, 31)) | st.sampled_from(
    [date(2025, 12, 31), date(2026, 1, 1), date(2024, 2, 29), date(2026, 6, 30), date(2026, 7, 1)]
    + [date(2025, 8, 31) + timedelta(days=n) for n in (0, 1)]
)
