"""Reading the fields of a mapping by a schema, collecting every mistake.

A reader returns None where a field is absent or wrong; the mistake is in the collector, so that
the caller goes on and finds the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from engine import codes
from engine.diagnostics import Collector
from engine.load.tree import Listing, Mapping, Node
from engine.nearest import did_you_mean
from engine.periods import FIRST_YEAR, LAST_YEAR, parse_day
from engine.source import Span, Text

__all__ = ["Fields", "kind_of", "read_date", "read_decimal", "read_list"]

_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def kind_of(node: Node) -> str:
    """What a node is, in words for a message."""
    match node:
        case Mapping():
            return "a mapping"
        case Listing():
            return "a list"
        case _:
            return "text"


def read_date(text: Text, collector: Collector) -> date | None:
    """A date written `2025-12-31`, in the years that periods can be reckoned in."""
    day = parse_day(text.value)
    if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR:
        return day
    expected = f"a date like `2025-12-31` between {FIRST_YEAR} and {LAST_YEAR}"
    collector.add(codes.bad_scalar(expected, text.value, text.span))
    return None


def read_decimal(text: Text, collector: Collector) -> Fraction | None:
    """A plain decimal number, kept exactly."""
    try:
        if _NUMBER.fullmatch(text.value):
            return Fraction(Decimal(text.value))
    except InvalidOperation:
        pass
    collector.add(codes.bad_scalar("a number", text.value, text.span))
    return None


class Fields:
    """The fields of one mapping. `done()` reports the keys that nobody asked for."""

    def __init__(self, node: Mapping, what: str, collector: Collector) -> None:
        self.node = node
        self.what = what
        self.collector = collector
        self._asked: set[str] = set()

    def _get(self, key: str, *, required: bool) -> Node | None:
        self._asked.add(key)
        node = self.node.items.get(key)
        if node is None and required:
            self.collector.add(codes.missing_key(key, self.what, self.node.span))
        return node

    def key_span(self, key: str) -> Span:
        """Where a key stands (the mapping itself when it is absent)."""
        text = self.node.keys.get(key)
        return text.span if text else self.node.span

    def has(self, key: str) -> bool:
        """True when the key stands in the mapping."""
        return key in self.node.items

    def text(self, key: str, *, required: bool = True) -> Text | None:
        """A non-empty scalar."""
        node = self._get(key, required=required)
        if node is None:
            return None
        if not isinstance(node, Text):
            self.collector.add(codes.wrong_shape("text", kind_of(node), node.span))
            return None
        if not node.value.strip():
            self.collector.add(codes.bad_scalar("text", node.value, node.span))
            return None
        return node

    def value(self, key: str, *, required: bool = True) -> str | None:
        """The text of a scalar."""
        text = self.text(key, required=required)
        return text.value if text else None

    def choice(self, key: str, choices: Iterable[str], *, required: bool = True) -> str | None:
        """A scalar out of a fixed set."""
        text = self.text(key, required=required)
        if text is None:
            return None
        choices = list(choices)
        if text.value not in choices:
            self.collector.add(
                codes.bad_scalar(
                    f"one of {', '.join(f'`{c}`' for c in choices)}",
                    text.value,
                    text.span,
                    did_you_mean(text.value, choices),
                )
            )
            return None
        return text.value

    def integer(self, key: str, *, required: bool = True) -> int | None:
        """A whole number."""
        text = self.text(key, required=required)
        if text is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,15}", text.value):
            self.collector.add(codes.bad_scalar("a whole number", text.value, text.span))
            return None
        return int(text.value)

    def decimal(self, key: str, *, required: bool = True) -> Fraction | None:
        """A decimal number, kept exactly."""
        text = self.text(key, required=required)
        return read_decimal(text, self.collector) if text else None

    def day(self, key: str, *, required: bool = True) -> date | None:
        """A date."""
        text = self.text(key, required=required)
        return read_date(text, self.collector) if text else None

    def any(self, key: str, *, required: bool = True) -> Node | None:
        """The node as it is."""
        return self._get(key, required=required)

    def mapping(self, key: str, what: str, *, required: bool = True) -> Fields | None:
        """A nested mapping."""
        node = self._get(key, required=required)
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.collector.add(codes.wrong_shape("a mapping", kind_of(node), node.span))
            return None
        return Fields(node, what, self.collector)

    def listing(self, key: str, *, required: bool = True) -> list[Node]:
        """A list; absent or wrong: empty."""
        node = self._get(key, required=required)
        if node is None:
            return []
        if not isinstance(node, Listing):
            self.collector.add(codes.wrong_shape("a list", kind_of(node), node.span))
            return []
        return node.items

    def texts(self, key: str, *, required: bool = True, single: bool = False) -> tuple[Text, ...]:
        """A list of scalars; with `single` one scalar counts as a list of one."""
        node = self._get(key, required=required)
        if node is None:
            return ()
        if single and isinstance(node, Text):
            return (node,)
        if not isinstance(node, Listing):
            self.collector.add(codes.wrong_shape("a list", kind_of(node), node.span))
            return ()
        found = []
        for item in node.items:
            if isinstance(item, Text):
                found.append(item)
            else:
                self.collector.add(codes.wrong_shape("text", kind_of(item), item.span))
        return tuple(found)

    def mappings(self, key: str, what: str, *, required: bool = True) -> list[Fields]:
        """A list of mappings."""
        found = []
        for item in self.listing(key, required=required):
            if isinstance(item, Mapping):
                found.append(Fields(item, what, self.collector))
            else:
                self.collector.add(codes.wrong_shape("a mapping", kind_of(item), item.span))
        return found

    def range_of_code_points(self, key: str, *, required: bool = True) -> tuple[int, int] | None:
        """A span `[start, end]`, end exclusive, not empty."""
        texts = self.texts(key, required=required)
        if not texts:
            return None
        numbers = [int(t.value) for t in texts if re.fullmatch(r"[0-9]{1,9}", t.value)]
        if len(texts) != 2 or len(numbers) != 2 or numbers[0] >= numbers[1]:
            written = ", ".join(t.value for t in texts)
            self.collector.add(
                codes.bad_scalar("a span `[start, end]` with start < end", f"[{written}]", texts[0].span)
            )
            return None
        return numbers[0], numbers[1]

    def bilingual(self, key: str, *, required: bool = True) -> dict[str, str] | None:
        """A text in Chinese and English: `{zh: …, en: …}`."""
        fields = self.mapping(key, f"`{key}`", required=required)
        if fields is None:
            return None
        zh, en = fields.value("zh"), fields.value("en")
        fields.done()
        return None if zh is None or en is None else {"zh": zh, "en": en}

    def done(self) -> None:
        """Report unknown keys."""
        for key, text in self.node.keys.items():
            if key not in self._asked:
                self.collector.add(codes.unknown_key(key, self._asked, text.span))


def read_list(node: Node | None, what: str, collector: Collector, read: Callable[[Fields], None]) -> None:
    """Read a file that is a list of mappings."""
    if node is None:
        return
    if not isinstance(node, Listing):
        collector.add(codes.wrong_shape(f"a list of {what}s", kind_of(node), node.span))
        return
    for item in node.items:
        if isinstance(item, Mapping):
            read(Fields(item, what, collector))
        else:
            collector.add(codes.wrong_shape(f"a {what} (a mapping)", kind_of(item), item.span))
