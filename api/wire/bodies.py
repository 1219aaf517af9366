"""Bytes → JSON values, with every way in which a body can be broken told as a problem."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from api.problems import Problem, pointer

__all__ = ["MAX_NESTING", "decode", "refuse_deep", "refuse_duplicates", "value_problem"]

MAX_NESTING = 32
"""Deepest nesting of objects and lists in a body; far beyond what any valid request needs."""

T = TypeVar("T")

_BYTE = re.compile(r" \(byte (\d+)\)$")
_PATH = re.compile(r" - at `\$([^`]*)`$")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]|\[\.\.\.\]")
_RANGE = ("Number out of range", "Integer value out of range")


def decode(body: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[T]) -> T:
    """The decoded body. Raises Problem: `malformed-json`, `nested-too-deeply` or `invalid-request`."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise value_problem(error) from None
    except msgspec.DecodeError as error:
        raise Problem("malformed-json", _malformed(bytes(body), str(error))) from None
    except UnicodeDecodeError:
        raise Problem("malformed-json", _not_utf8(bytes(body))) from None
    except RecursionError:
        raise _too_deep() from None


def value_problem(error: msgspec.ValidationError) -> Problem:
    """A value of the wrong shape, with the JSON pointer to it."""
    text = str(error)
    where = _PATH.search(text)
    text = _PATH.sub("", text)
    at: list[str | int] = []
    for name, number in _STEP.findall(where.group(1)) if where else ():
        if not name and not number:
            break
        at.append(name or int(number))
    slug = "malformed-json" if text in _RANGE else "invalid-request"
    detail = text[:1].lower() + text[1:]
    return Problem(slug, detail, pointer=pointer(at) if at else None)


def _too_deep() -> Problem:
    return Problem("nested-too-deeply", f"objects and lists are nested more than {MAX_NESTING} deep")


def _malformed(body: bytes, text: str) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        return "the body begins with a byte order mark"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the body is UTF-16: send UTF-8"
    if not body.strip():
        return "the body is empty"
    found = _BYTE.search(text)
    text = _BYTE.sub("", text).removeprefix("JSON is malformed: ")
    text = "it ends too early" if text == "Input data was truncated" else text
    if found is None:
        return text
    offset = int(found.group(1))
    line = body.count(b"\n", 0, offset) + 1
    column = offset - body.rfind(b"\n", 0, offset)
    word = re.match(rb"-?(NaN|Infinity)", body[offset : offset + 9])
    if word is not None:
        return f"{word.group().decode()} is no JSON number (line {line}, byte {column})"
    return f"{text} (line {line}, byte {column})"


def _not_utf8(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} of the body is not UTF-8"
    return "a text in the body is not UTF-8"


def refuse_deep(value: object) -> None:
    """Raise the problem `nested-too-deeply` when a decoded value nests deeper than MAX_NESTING."""
    level: list[Any] = [value]
    for _ in range(MAX_NESTING + 1):
        below: list[Any] = []
        for item in level:
            if type(item) is dict:
                below.extend(v for v in item.values() if type(v) is dict or type(v) is list)
            elif type(item) is list:
                below.extend(v for v in item if type(v) is dict or type(v) is list)
        if not below:
            return
        level = below
    raise _too_deep()


class _Twice(Exception):
    """A key that stands twice in one object; `args[0]` is the key."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Twice(key)
            seen.add(key)
    return found


def _keys(value: Mapping[str, Any]) -> int:
    """How many keys an object and all objects in it have."""
    total = 0
    level: list[Any] = [value]
    while level:
        item = level.pop()
        if type(item) is dict:
            total += len(item)
            level.extend(v for v in item.values() if type(v) is dict or type(v) is list)
        else:
            level.extend(v for v in item if type(v) is dict or type(v) is list)
    return total


def refuse_duplicates(body: bytes, decoded: dict[str, Any]) -> None:
    """Raise the problem `duplicate-key` when an object of the body has a key twice.

    Each key is followed by one colon; texts can only add more. So as many colons as decoded keys
    prove that no key was lost, and only other bodies are parsed a second time, key by key.
    """
    if body.count(b":") == _keys(decoded):
        return
    try:
        json.loads(body, object_pairs_hook=_unique)
    except _Twice as twice:
        key = str(twice.args[0])
        raise Problem("duplicate-key", f"the key `{key[:60]}` stands twice in one object") from None
