"""Compressed bodies → what they hold, up to a limit."""

from __future__ import annotations

from typing import Literal

from api.problems import Problem

__all__ = ["ENCODINGS", "Encoding", "unpacked"]

Encoding = Literal["gzip", "zstd"]
ENCODINGS: tuple[Encoding, ...] = ("gzip", "zstd")
_PIECE_BYTES = 1 << 20


def unpacked(body: bytes, encoding: Encoding, limit: int) -> bytes:
    """What a body holds that was compressed as its `Content-Encoding` says, in one or several members or frames.

    Nothing is unpacked beyond the limit. Raises Problem `body-too-large` or `malformed-compression`.
    """
    # Imported with the first compressed body: it would keep every start waiting.
    import pyarrow as pa

    pieces: list[bytes] = []
    length = 0
    try:
        with pa.CompressedInputStream(pa.BufferReader(body), encoding) as stream:
            while piece := stream.read(_PIECE_BYTES):
                length += len(piece)
                if length > limit:
                    raise Problem("body-too-large", f"the compressed body unpacks to more than {limit:,} bytes")
                pieces.append(piece)
    except (pa.ArrowException, OSError) as error:
        said = (str(error).splitlines() or [""])[0][:200]
        raise Problem("malformed-compression", f"the body cannot be unpacked as `{encoding}`: {said}") from None
    if not body:
        raise Problem("malformed-compression", f"the body is empty, which is nothing in `{encoding}`")
    return b"".join(pieces)
