"""`ruleset.yaml` and `rules/*.yaml` → documents."""

from __future__ import annotations

import re
from datetime import date

from engine import codes
from engine.diagnostics import Collector
from engine.load.documents import (
    BaselineDoc,
    DueDoc,
    LocatorDoc,
    ParameterDoc,
    RuleDoc,
    RulesetDoc,
)
from engine.load.fields import Fields, kind_of, read_date, read_list
from engine.load.tree import Mapping, parse_tree
from engine.source import Source, Text
from engine.words import AUTHORITIES, FACT_TYPES, FORCES, SUBJECTS, TOPICS

__all__ = [
    "load_rules",
    "load_ruleset",
    "read_also_at",
    "read_digest",
    "read_due",
    "read_id",
    "read_locator",
    "read_reviewed",
]

MAX_YEARS_AFTER = 100

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def load_ruleset(source: Source, collector: Collector) -> RulesetDoc | None:
    """The head of a ruleset."""
    node = parse_tree(source, collector)
    if not isinstance(node, Mapping):
        if node is not None:
            collector.add(codes.wrong_shape("a mapping", kind_of(node), node.span))
        else:
            collector.add(codes.file_missing(source.path, "it is empty"))
        return None
    fields = Fields(node, "the ruleset", collector)
    document = fields.mapping("document", "`document`")
    id_, version = fields.text("id"), fields.text("version")
    origin = fields.choice("source", ("original", "facts_only"), required=False) or "original"
    title, summary = fields.bilingual("title"), fields.bilingual("summary")
    jurisdiction = fields.text("jurisdiction")
    starts = fields.day("starts", required=False)
    period = _years(fields)
    parameters = tuple(p for f in fields.mappings("parameters", "parameter", required=False) if (p := _parameter(f)))
    fields.done()
    if document is None:
        return None
    original = origin == "original"
    document_title = document.bilingual("title")
    number = document.value("number", required=False)
    issuer = document.bilingual("issuer", required=False)
    signed, published = document.day("signed", required=False), document.day("published", required=False)
    authority = document.choice("authority", AUTHORITIES)
    file = _file_name(document, required=original)
    sha256 = read_digest(document, required=original)
    code_points = document.integer("code_points", required=original)
    note = document.value("note", required=False)
    document.done()
    if (
        id_ is None
        or version is None
        or title is None
        or summary is None
        or jurisdiction is None
        or document_title is None
        or authority is None
    ):
        return None
    expected = signed or published
    if starts != expected:
        collector.add(
            codes.due_inconsistent(
                f"`starts` is {starts}, but a plan starts with its signature date, else its publication: {expected}",
                fields.key_span("starts"),
            )
        )
    return RulesetDoc(
        id_,
        version,
        node.span,
        title,
        summary,
        origin,
        document_title,
        number,
        issuer,
        signed,
        published,
        authority,
        file,
        sha256,
        code_points,
        note,
        jurisdiction,
        starts,
        period,
        parameters,
    )


def _years(fields: Fields) -> tuple[int, int] | None:
    texts = fields.texts("period", required=False)
    if not texts:
        return None
    years = [int(t.value) for t in texts if re.fullmatch(r"[0-9]{4}", t.value)]
    if len(years) != 2 or len(texts) != 2 or years[0] > years[1]:
        written = ", ".join(t.value for t in texts)
        fields.collector.add(codes.bad_scalar("two years `[first, last]`", f"[{written}]", texts[0].span))
        return None
    return years[0], years[1]


def _file_name(document: Fields, *, required: bool) -> str | None:
    """The name of a file in the folder of originals: a path could lead elsewhere."""
    text = document.text("file", required=required)
    if text is None:
        return None
    if text.value in (".", "..") or any(sign in text.value for sign in "/\\\0"):
        document.collector.add(codes.bad_scalar("the name of a file, without a folder", text.value, text.span))
        return None
    return text.value


def read_digest(fields: Fields, *, required: bool) -> str | None:
    """The SHA-256 of a text: 64 hexadecimal digits."""
    text = fields.text("sha256", required=required)
    if text is None:
        return None
    if not _DIGEST.fullmatch(text.value):
        fields.collector.add(codes.bad_scalar("64 hexadecimal digits", text.value, text.span))
        return None
    return text.value


def _parameter(fields: Fields) -> ParameterDoc | None:
    id_ = read_id(fields, "id")
    type_ = fields.choice("type", [t for t in FACT_TYPES if t not in ("category", "grade", "checklist")])
    unit = fields.text("unit", required=False)
    default = fields.text("default", required=False)
    label = fields.bilingual("label")
    note = fields.value("note", required=False)
    fields.done()
    if id_ is None or type_ is None or label is None:
        return None
    return ParameterDoc(id_, type_, unit, default, label, note)


def read_id(fields: Fields, key: str) -> Text | None:
    """An id in kebab-case."""
    text = fields.text(key)
    if text is not None and not (_ID.fullmatch(text.value) and len(text.value) <= 80):
        fields.collector.add(codes.bad_scalar("an id in kebab-case", text.value, text.span))
        return None
    return text


def load_rules(source: Source, collector: Collector, *, spans: bool) -> list[RuleDoc]:
    """The rules of one topic file."""
    rules: list[RuleDoc] = []

    def read(fields: Fields) -> None:
        rule = _rule(fields, spans=spans)
        fields.done()
        if rule is not None:
            rules.append(rule)

    read_list(parse_tree(source, collector), "rule", collector, read)
    return rules


def read_locator(fields: Fields, *, spans: bool) -> LocatorDoc | None:
    """A clause and the operative words in it."""
    clause = fields.text("clause")
    span = fields.range_of_code_points("span", required=spans)
    return None if clause is None else LocatorDoc(clause, span, fields.key_span("span"))


def read_also_at(fields: Fields, *, spans: bool) -> tuple[LocatorDoc, ...]:
    """The further places."""
    found: list[LocatorDoc] = []
    for entry in fields.mappings("also_at", "citation", required=False):
        locator = read_locator(entry, spans=spans)
        entry.done()
        if locator is not None:
            found.append(locator)
    return tuple(found)


def _rule(fields: Fields, *, spans: bool) -> RuleDoc | None:
    id_ = read_id(fields, "id")
    citation = read_locator(fields, spans=spans)
    also = read_also_at(fields, spans=spans)
    figures = tuple(t.value for t in fields.texts("figures", required=False))
    subjects = fields.texts("subject", single=True)
    for text in subjects:
        if text.value not in SUBJECTS:
            fields.collector.add(codes.bad_scalar(f"one of {', '.join(SUBJECTS)}", text.value, text.span))
            subjects = ()
    when = fields.text("when", required=False)
    require = fields.text("require")
    force = fields.choice("force", FORCES)
    topic = fields.choice("topic", TOPICS)
    title, summary = fields.bilingual("title"), fields.bilingual("summary")
    note, read_as = fields.value("note", required=False), fields.value("read_as", required=False)
    due = read_due(fields)
    starts, until = fields.day("from", required=False), fields.day("until", required=False)
    window = fields.texts("window", required=False)
    if window and len(window) != 2:
        fields.collector.add(codes.bad_scalar("two period keys `[first, last]`", window[0].value, window[0].span))
        window = ()
    baselines = tuple(b for f in fields.mappings("baseline", "baseline", required=False) if (b := _baseline(f)))
    conflicts = fields.texts("conflicts_with", required=False)
    reviewed = read_reviewed(fields)
    if (
        id_ is None
        or citation is None
        or not subjects
        or require is None
        or force is None
        or topic is None
        or title is None
        or summary is None
    ):
        return None
    return RuleDoc(
        id_,
        fields.node.span,
        citation,
        tuple(also),
        figures,
        subjects,
        when,
        require,
        force,
        topic,
        title,
        summary,
        note,
        read_as,
        due,
        starts,
        until,
        (window[0], window[1]) if window else None,
        baselines,
        conflicts,
        reviewed,
    )


def read_due(fields: Fields) -> DueDoc | None:
    """`due` in any of its forms."""
    node = fields.any("due", required=False)
    if node is None:
        return None
    if isinstance(node, Text):
        if node.value == "unstated":
            return DueDoc(node.span, unstated=True)
        day = read_date(node, fields.collector)
        return DueDoc(node.span, on=day) if day else None
    if not isinstance(node, Mapping):
        fields.collector.add(codes.wrong_shape("a date, `unstated` or a mapping", kind_of(node), node.span))
        return None
    inner = Fields(node, "`due`", fields.collector)
    if not any(inner.has(key) for key in ("earliest", "latest", "after", "years")):
        return _due_table(node, inner)
    after = inner.text("after", required=inner.has("years"))
    years = inner.integer("years", required=after is not None)
    if years is not None and not 1 <= years <= MAX_YEARS_AFTER:
        inner.collector.add(codes.bad_scalar(f"1 to {MAX_YEARS_AFTER} years", str(years), inner.key_span("years")))
        years = None
    earliest, latest = inner.day("earliest", required=False), inner.day("latest", required=False)
    inner.done()
    if (inner.has("after") or inner.has("years")) and (after is None or years is None):
        return None
    if after is None and (earliest is None or latest is None):
        fields.collector.add(
            codes.due_inconsistent("`due` without `after` needs both `earliest` and `latest`", node.span)
        )
        return None
    if earliest is not None and latest is not None and earliest >= latest:
        fields.collector.add(codes.due_inconsistent("`earliest` must lie before `latest`", node.span))
        return None
    return DueDoc(node.span, earliest=earliest, latest=latest, after=after, years=years)


def _due_table(node: Mapping, inner: Fields) -> DueDoc | None:
    rows: list[tuple[Text, date]] = []
    for code, key in node.keys.items():
        day = inner.day(code)
        if day is not None:
            rows.append((key, day))
    return DueDoc(node.span, table=tuple(rows)) if rows else None


def _baseline(fields: Fields) -> BaselineDoc | None:
    fact, value, at = fields.text("fact"), fields.decimal("value"), fields.day("at")
    fields.done()
    return None if fact is None or value is None or at is None else BaselineDoc(fact, value, at)


def read_reviewed(fields: Fields) -> tuple[str, date] | None:
    """The second reader and the day."""
    inner = fields.mapping("reviewed", "`reviewed`", required=False)
    if inner is None:
        return None
    by, on = inner.value("by"), inner.day("on")
    inner.done()
    return None if by is None or on is None else (by, on)
