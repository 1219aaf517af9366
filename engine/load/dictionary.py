"""`facts/<topic>.yaml` → entries of the dictionary."""

from __future__ import annotations

import re
from fractions import Fraction

from engine import codes
from engine.diagnostics import Collector
from engine.load.documents import EntryDoc, OptionDoc
from engine.load.fields import Fields, read_decimal, read_list
from engine.load.tree import parse_tree
from engine.source import Source, Text
from engine.words import EVIDENCE, FACT_TYPES

__all__ = ["load_dictionary"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}")


def load_dictionary(source: Source, collector: Collector) -> list[EntryDoc]:
    """All entries of one dictionary file that could be read."""
    entries: list[EntryDoc] = []

    def read(fields: Fields) -> None:
        entry = _scope(fields) if fields.has("scope") else _fact(fields)
        fields.done()
        if entry is not None:
            entries.append(entry)

    read_list(parse_tree(source, collector), "fact", collector, read)
    return entries


def _name(fields: Fields, key: str) -> Text | None:
    name = fields.text(key)
    if name is not None and not _NAME.fullmatch(name.value):
        fields.collector.add(codes.bad_scalar("a name in snake_case", name.value, name.span))
        return None
    return name


def _scope(fields: Fields) -> EntryDoc | None:
    name = _name(fields, "scope")
    subjects = fields.texts("subject", single=True)
    where = fields.text("where")
    label = fields.bilingual("label")
    note = fields.bilingual("note", required=False)
    if name is None or where is None or label is None or not subjects:
        return None
    return EntryDoc(name, fields.node.span, subjects, label, note, where=where)


def _fact(fields: Fields) -> EntryDoc | None:
    name = _name(fields, "fact")
    subjects = fields.texts("subject", single=True)
    type_ = fields.choice("type", FACT_TYPES)
    unit = fields.text("unit", required=type_ in ("integer", "number"))
    bounds = _bounds(fields, required=type_ in ("integer", "number", "percent"))
    step = fields.decimal("step", required=False)
    evidence = fields.choice("evidence", EVIDENCE)
    period = fields.any("period", required=False)
    options = _options(fields, "options", required=type_ in ("category", "grade"))
    items = _options(fields, "items", required=type_ == "checklist")
    label = fields.bilingual("label")
    note = fields.bilingual("note", required=False)
    derive = fields.text("derive", required=False)
    at_least = fields.text("at_least", required=False)
    at_most = fields.text("at_most", required=False)
    aliases = fields.texts("aliases", required=False)
    numeric = type_ in ("integer", "number", "percent")
    for key in ("unit", "bounds", "step", "at_least", "at_most"):
        if type_ is not None and not numeric and fields.has(key):
            fields.collector.add(codes.bad_scalar(f"no `{key}` on a {type_}", key, fields.key_span(key)))
    if name is None or type_ is None or evidence is None or label is None or not subjects:
        return None
    if numeric and bounds is None:
        return None
    return EntryDoc(
        name,
        fields.node.span,
        subjects,
        label,
        note,
        type=type_,
        unit=unit,
        bounds=bounds,
        step=step,
        evidence=evidence,
        period=period,
        options=options or items,
        derive=derive,
        at_least=at_least,
        at_most=at_most,
        aliases=aliases,
    )


def _bounds(fields: Fields, *, required: bool) -> tuple[Fraction, Fraction] | None:
    texts = fields.texts("bounds", required=required)
    if not texts:
        return None
    numbers = [n for t in texts if (n := read_decimal(t, fields.collector)) is not None]
    if len(numbers) != len(texts):
        return None
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        written = ", ".join(t.value for t in texts)
        fields.collector.add(codes.bad_scalar("bounds `[low, high]`", f"[{written}]", texts[0].span))
        return None
    return numbers[0], numbers[1]


def _options(fields: Fields, key: str, *, required: bool) -> tuple[OptionDoc, ...]:
    found = []
    seen: dict[str, Text] = {}
    for option in fields.mappings(key, "option", required=required):
        id_, zh, en = option.text("id"), option.value("zh"), option.value("en")
        option.done()
        if id_ is None or zh is None or en is None:
            continue
        if id_.value in seen:
            line, _ = id_.span.source.place(seen[id_.value].span.start)
            fields.collector.add(codes.duplicate_id("option", id_.value, id_.span, f"{id_.span.source.path}:{line}"))
            continue
        seen[id_.value] = id_
        found.append(OptionDoc(id_, {"zh": zh, "en": en}))
    return tuple(found)
