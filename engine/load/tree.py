"""YAML text → a tree of mappings, lists and scalars, all with their places.

Scalars stay text: `no`, `on` and `2021.10` are what they look like; the schema in
`engine.load.documents` types them. Anchors, aliases, tags and duplicate keys are errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from engine import codes
from engine.diagnostics import Collector
from engine.source import Source, Span, Text

__all__ = ["MAX_DEPTH", "MAX_FILE_CODE_POINTS", "Listing", "Mapping", "Node", "parse_tree"]

MAX_DEPTH = 24
MAX_FILE_CODE_POINTS = 2_000_000


@dataclass(slots=True)
class Mapping:
    """A YAML mapping: keys and values with their places."""

    span: Span
    keys: dict[str, Text] = field(default_factory=dict)
    items: dict[str, Node] = field(default_factory=dict)


@dataclass(slots=True)
class Listing:
    """A YAML sequence."""

    span: Span
    items: list[Node] = field(default_factory=list)


Node = Mapping | Listing | Text


class _Refused(Exception):
    """Ends the reading of one file; its diagnostic has been added."""


def parse_tree(source: Source, collector: Collector) -> Node | None:
    """The root node of the file, or None when it cannot be read or is empty."""
    if len(source.text) > MAX_FILE_CODE_POINTS:
        collector.add(codes.limit_exceeded("the file", f"{MAX_FILE_CODE_POINTS:,} code points", None, source.path))
        return None
    reader = _Reader(source, collector)
    try:
        return reader.document()
    except _Refused:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = min(mark.index if mark else 0, len(source.text))
        problem = error.problem or error.context or "syntax error"
    except yaml.YAMLError as error:
        at = min(getattr(error, "position", 0) or 0, len(source.text))
        problem = str(getattr(error, "reason", "") or "unreadable character")
    collector.add(codes.yaml_syntax(problem, Span(source, at, at + 1)))
    return None


class _Reader:
    def __init__(self, source: Source, collector: Collector) -> None:
        self._source = source
        self._collector = collector
        self._events: Iterator[yaml.Event] = yaml.parse(source.text, Loader=yaml.CSafeLoader)

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse_second(event)
                first = next(self._events)
                root = self._node(first, 0)
        if isinstance(root, Text) and not root.value:
            return None
        return root

    def _refuse_second(self, event: yaml.Event) -> None:
        self._collector.add(codes.yaml_syntax("a second document begins here", self._span(event)))
        raise _Refused

    def _span(self, event: yaml.Event) -> Span:
        assert event.start_mark is not None
        assert event.end_mark is not None
        start = event.start_mark.index
        return Span(self._source, start, max(event.end_mark.index, start + 1))

    def _node(self, event: yaml.Event, depth: int) -> Node:
        if depth > MAX_DEPTH:
            self._collector.add(codes.limit_exceeded("nesting", f"{MAX_DEPTH} levels", self._span(event)))
            raise _Refused
        if isinstance(event, yaml.AliasEvent):
            self._collector.add(codes.alias_not_allowed(f"the alias `*{event.anchor}`", self._span(event)))
            return Text("", self._span(event))
        for what, mark in (("anchor", "&"), ("tag", "")):
            written = getattr(event, what, None)
            if written:
                self._collector.add(codes.alias_not_allowed(f"the {what} `{mark}{written}`", self._span(event)))
        if isinstance(event, yaml.ScalarEvent):
            return Text(event.value, self._span(event), event.style or None)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._listing(event, depth)
        return self._mapping(event, depth)

    def _listing(self, start: yaml.Event, depth: int) -> Listing:
        listing = Listing(self._span(start))
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            listing.items.append(self._node(event, depth + 1))
        return listing

    def _mapping(self, start: yaml.Event, depth: int) -> Mapping:
        mapping = Mapping(self._span(start))
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Text):
                self._collector.add(codes.wrong_shape("a word as key", "a list or mapping", key.span))
            elif key.value in mapping.keys:
                first, _ = self._source.place(mapping.keys[key.value].span.start)
                self._collector.add(codes.duplicate_key(key.value, key.span, first))
            else:
                mapping.keys[key.value] = key
                mapping.items[key.value] = value
        return mapping
