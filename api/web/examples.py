"""Requests that work as they stand, for the description of the API."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["BATCH", "BATCH_LINES", "EVALUATION"]

EVALUATION: dict[str, Any] = {
    "division": "150603",
    "subject": "school",
    "id": "s-1",
    "as_of": "2026-11-22",
    "facts": {"primary_classes": 12, "max_class_size_primary": 47},
}

_RECORDS: list[dict[str, Any]] = [
    {
        "division": "150603",
        "subject": "school",
        "id": "s-1",
        "facts": {"primary_classes": 12, "max_class_size_primary": 47},
    },
    {
        "division": "150602",
        "subject": "school",
        "id": "s-2",
        "facts": {"primary_classes": 6, "max_class_size_primary": 45},
    },
]
BATCH: dict[str, Any] = {"as_of": "2026-11-22", "detail": "findings", "records": _RECORDS}
BATCH_LINES = "".join(msgspec.json.encode(record).decode() + "\n" for record in _RECORDS)
