"""`consequences.yaml` → documents."""

from __future__ import annotations

import re

from engine import codes
from engine.diagnostics import Collector
from engine.load.documents import ConsequenceDoc
from engine.load.fields import Fields, read_date, read_list
from engine.load.rulesets import read_id, read_locator, read_reviewed
from engine.load.tree import parse_tree
from engine.source import Source, Text
from engine.words import BEARERS, CAUSES, EFFECTS, STRENGTHS

__all__ = ["load_consequences"]

_LENGTH = re.compile(r"[1-9][0-9]{0,2} (?:days|months|years)")


def load_consequences(source: Source, collector: Collector, *, spans: bool) -> list[ConsequenceDoc]:
    """The consequences of one ruleset. `spans`: it has an original, so each needs the words that say it."""
    consequences: list[ConsequenceDoc] = []

    def read(fields: Fields) -> None:
        consequence = _consequence(fields, spans=spans)
        fields.done()
        if consequence is not None:
            consequences.append(consequence)

    read_list(parse_tree(source, collector), "consequence", collector, read)
    return consequences


def _consequence(fields: Fields, *, spans: bool) -> ConsequenceDoc | None:
    id_ = read_id(fields, "id")
    citation = read_locator(fields, spans=spans)
    cause, causes = _causes(fields)
    then = _then(fields)
    title, summary = fields.bilingual("title"), fields.bilingual("summary")
    note = fields.value("note", required=False)
    reviewed = read_reviewed(fields)
    if (
        id_ is None
        or citation is None
        or cause is None
        or not causes
        or then is None
        or title is None
        or summary is None
    ):
        return None
    effect, who, strength, within = then
    return ConsequenceDoc(
        id_,
        fields.node.span,
        citation,
        cause,
        causes,
        effect,
        who,
        strength,
        within,
        title,
        summary,
        note,
        reviewed,
    )


def _causes(fields: Fields) -> tuple[str | None, tuple[Text, ...]]:
    """The one kind of cause that is given, and its names."""
    given = [key for key in CAUSES if fields.has(key)]
    named = {key: fields.texts(key, required=False, single=True) for key in CAUSES}
    if len(given) == 1:
        return given[0], named[given[0]]
    listed = ", ".join(f"`{key}`" for key in CAUSES)
    if given:
        problem = codes.bad_scalar(f"only one of {listed}", given[1], fields.key_span(given[1]))
    else:
        problem = codes.bad_scalar(f"one of {listed}", "nothing", fields.node.span)
    fields.collector.add(problem)
    return None, ()


def _then(fields: Fields) -> tuple[str, Text, str, str] | None:
    inner = fields.mapping("then", "`then`")
    if inner is None:
        return None
    effect = inner.choice("effect", EFFECTS)
    who = inner.text("who") if inner.choice("who", BEARERS) is not None else None
    strength = inner.choice("strength", STRENGTHS)
    within = _within(inner)
    inner.done()
    if effect is None or who is None or strength is None or within is None:
        return None
    return effect, who, strength, within


def _within(fields: Fields) -> str | None:
    text = fields.text("within")
    if text is None or text.value == "unstated" or _LENGTH.fullmatch(text.value):
        return text.value if text is not None else None
    if text.value[:1].isdigit() and text.value[4:5] == "-":
        day = read_date(text, fields.collector)
        return None if day is None else day.isoformat()
    expected = "`unstated`, a date like `2025-12-31` or a length like `30 days`"
    fields.collector.add(codes.bad_scalar(expected, text.value, text.span))
    return None
