"""YAML text → a tree of mappings, lists and scalars, all with their places.

Scalars stay text: `no`, `on` and `2021.10` are what they look like; the schema in
`engine.load.documents` types them. Anchors, aliases, tags and duplicate keys are errors.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from engine import codes
from engine.diagnostics import Collector
from engine.source import Source, Span, Text

__all__ = ["MAX_DEPTH", "MAX_FILE_CODE_POINTS", "Listing", "Mapping", "Node", "parse_tree"]

MAX_DEPTH = 24
MAX_FILE_CODE_POINTS = 2_000_000


class Mapping(msgspec.Struct, eq=False):
    """A YAML mapping: keys and values with their places."""

    source: Source
    start: int
    end: int
    keys: dict[str, Text] = {}
    items: dict[str, Node] = {}

    @property
    def span(self) -> Span:
        """Where the mapping stands."""
        return Span(self.source, self.start, self.end)


class Listing(msgspec.Struct, eq=False):
    """A YAML sequence."""

    source: Source
    start: int
    end: int
    items: list[Node] = []

    @property
    def span(self) -> Span:
        """Where the sequence stands."""
        return Span(self.source, self.start, self.end)


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
        self._next = yaml.parse(source.text, Loader=yaml.CSafeLoader).__next__

    def document(self) -> Node | None:
        root: Node | None = None
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse_second(event)
                root = self._node(self._next(), 0)
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

    # Tens of thousands of events pass here at every start: one look at the class, no spans before they are asked for.
    def _node(self, event: Any, depth: int) -> Node:
        kind = event.__class__
        if kind is yaml.AliasEvent:
            self._collector.add(codes.alias_not_allowed(f"the alias `*{event.anchor}`", self._span(event)))
            return Text("", self._source, event.start_mark.index, event.end_mark.index)
        if event.anchor is not None or event.tag is not None:
            self._refuse_marks(event)
        start = event.start_mark.index
        end = event.end_mark.index
        if end == start:
            end += 1
        if kind is yaml.ScalarEvent:
            return Text(event.value, self._source, start, end, event.style or None)
        if depth >= MAX_DEPTH:
            self._collector.add(codes.limit_exceeded("nesting", f"{MAX_DEPTH} levels", self._span(event)))
            raise _Refused
        if kind is yaml.SequenceStartEvent:
            listing = Listing(self._source, start, end)
            while (event := self._next()).__class__ is not yaml.SequenceEndEvent:
                listing.items.append(self._node(event, depth + 1))
            return listing
        return self._mapping(Mapping(self._source, start, end), depth + 1)

    def _refuse_marks(self, event: Any) -> None:
        for what, mark in (("anchor", "&"), ("tag", "")):
            written = getattr(event, what)
            if written:
                self._collector.add(codes.alias_not_allowed(f"the {what} `{mark}{written}`", self._span(event)))

    def _mapping(self, mapping: Mapping, depth: int) -> Mapping:
        keys, items = mapping.keys, mapping.items
        while (event := self._next()).__class__ is not yaml.MappingEndEvent:
            key = self._node(event, depth)
            value = self._node(self._next(), depth)
            if key.__class__ is not Text:
                self._collector.add(codes.wrong_shape("a word as key", "a list or mapping", key.span))
            elif key.value in keys:
                first, _ = self._source.place(keys[key.value].start)
                self._collector.add(codes.duplicate_key(key.value, key.span, first))
            else:
                keys[key.value] = key
                items[key.value] = value
        return mapping
