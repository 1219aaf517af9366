"""Which request it is: `X-Request-Id`, and `traceparent` of W3C Trace Context."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Identity", "identify"]

Headers = Iterable[tuple[bytes, bytes]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# Later versions may add fields at the end; the first one may not.
_TRACE_PARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x21-\x7e]*)?")
_LONGEST_TRACE_PARENT = 512


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller's ids where they are well-formed; without a request id, one of our own."""

    request_id: str
    trace_parent: str | None
    trace_id: str | None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the reply repeats."""
        found = [(b"x-request-id", self.request_id.encode())]
        if self.trace_parent is not None:
            found.append((b"traceparent", self.trace_parent.encode()))
        return found


def identify(headers: Headers) -> Identity:
    """The identity of a request. An id that stands twice, or has another shape, counts as none."""
    request_ids: list[bytes] = []
    parents: list[bytes] = []
    for name, value in headers:
        if name == b"x-request-id":
            request_ids.append(value)
        elif name == b"traceparent":
            parents.append(value)
    request_id = None
    if len(request_ids) == 1 and _REQUEST_ID.fullmatch(request_ids[0]):
        request_id = request_ids[0].decode()
    trace_id = _trace_id(parents[0]) if len(parents) == 1 else None
    parent = parents[0].decode() if trace_id is not None else None
    return Identity(request_id or secrets.token_hex(16), parent, trace_id)


def _trace_id(parent: bytes) -> str | None:
    found = _TRACE_PARENT.fullmatch(parent) if len(parent) <= _LONGEST_TRACE_PARENT else None
    if found is None:
        return None
    version, trace, span, more = found.groups()
    # Ids of zeros alone stand for "none".
    if not trace.strip(b"0") or not span.strip(b"0") or (version == b"00" and more is not None):
        return None
    return str(trace, "ascii")
