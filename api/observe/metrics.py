"""Prometheus metrics, correct with several workers: each writes files of its own, a scrape adds them up.

All labels take few values: route templates, known methods, served rulesets, problem types. Only the event loop's
thread counts, so nothing here is locked beyond what prometheus_client does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics

from api.observe.meter import STAGES, Meter
from api.observe.shared import VARIABLE, forget_dead, forget_gauges

__all__ = ["OPENMETRICS", "TEXT", "UNMATCHED", "Metrics"]

# The framework adds the charset to plain text, and to nothing else.
TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
UNMATCHED = "unmatched"
"""The route of every request that no route answered, whatever its path."""

_REQUEST_SECONDS = (
    *(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_STAGE_SECONDS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, *_REQUEST_SECONDS[2:])
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VERDICTS = {
    "C": "compliant",
    "N": "non_compliant",
    "T": "not_yet_due",
    "X": "not_applicable",
    "U": "insufficient_data",
}


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it without types
        folder = os.environ.get(VARIABLE)
        self._folder = None if folder is None else Path(folder)
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "xueheng_requests_total",
            "Requests that ended, by method, route template and status.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "xueheng_request_seconds",
            "Seconds from the head of a request to the end of its reply.",
            ["route"],
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "xueheng_requests_in_flight",
            "Requests under way.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._bytes_in = Counter(
            "xueheng_request_bytes_total", "Bytes of request bodies that were read.", ["route"], registry=registry
        )
        self._bytes_out = Counter(
            "xueheng_response_bytes_total", "Bytes of reply bodies.", ["route"], registry=registry
        )
        self._problems = Counter(
            "xueheng_problems_total",
            "Problems told to callers, by type: of whole requests, or of single records of a batch.",
            ["type", "of"],
            registry=registry,
        )
        self._records = Counter(
            "xueheng_records_total", "Records that were judged, by subject.", ["subject"], registry=registry
        )
        self._verdicts = Counter(
            "xueheng_verdicts_total", "Verdicts, by ruleset.", ["ruleset", "verdict"], registry=registry
        )
        self._stages = Histogram(
            "xueheng_stage_seconds",
            "Seconds that an evaluation spent in a stage.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._served = Gauge(
            "xueheng_ruleset_served",
            "1 for each ruleset version that is served.",
            ["ruleset", "authority", "published"],
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._pool = Gauge(
            "xueheng_database_connections",
            "Connections to the database that are in use or idle.",
            ["state"],
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._pool_limit = Gauge(
            "xueheng_database_connections_max",
            "Most connections to the database that the workers open.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._route_parts: dict[str, tuple[Histogram, Counter, Counter]] = {}
        self._request_counts: dict[tuple[str, str, int | str], Counter] = {}
        self._record_counts: dict[str, Counter] = {}
        self._verdict_counts: dict[str, list[tuple[str, Counter]]] = {}
        self._shown_rulesets: set[tuple[str, str, str]] = set()

    # --- counting -----------------------------------------------------------------------------

    def begin_worker(self) -> None:
        """To be called in each process that serves, before it does: it starts from nothing in flight."""
        if self._folder is not None:
            # A worker that died may have had the same pid.
            forget_gauges(self._folder, os.getpid())
        self._in_flight.set(0)
        # There from the start, so that the first of them is seen as an increase.
        self._problems.labels("internal-error", "request")

    def serve(self, rulesets: Iterable[tuple[str, str, bool]]) -> None:
        """Tell which ruleset versions are served from now on: `id@version`, authority, published. Others no longer."""
        now = {(name, authority, str(published).lower()) for name, authority, published in rulesets}
        for labels in self._shown_rulesets - now:
            self._served.labels(*labels).set(0)
        for labels in now:
            self._served.labels(*labels).set(1)
            self._verdicts_of(labels[0])
        self._shown_rulesets |= now

    def request_began(self) -> None:
        """A request came in."""
        self._in_flight.inc()

    def request_ended(
        self, method: str, route: str, status: int | str, seconds: float, bytes_in: int, bytes_out: int
    ) -> None:
        """A request was answered, or broken off: then its status is a word."""
        self._in_flight.dec()
        method = method if method in _METHODS else "other"
        key = (method, route, status)
        count = self._request_counts.get(key)
        if count is None:
            count = self._request_counts[key] = self._requests.labels(method, route, str(status))
        count.inc()
        parts = self._route_parts.get(route)
        if parts is None:
            parts = (self._seconds.labels(route), self._bytes_in.labels(route), self._bytes_out.labels(route))
            self._route_parts[route] = parts
        parts[0].observe(seconds)
        if bytes_in:
            parts[1].inc(bytes_in)
        if bytes_out:
            parts[2].inc(bytes_out)

    def refused(self, slug: str) -> None:
        """A whole request was answered with a problem of this type."""
        self._problems.labels(slug, "request").inc()

    def add(self, meter: Meter) -> None:
        """Take over what an evaluation counted."""
        for stage, seconds in meter.stages.items():
            self._stage_of[stage].observe(seconds)
        for ruleset, counts in meter.verdicts.items():
            for letter, counter in self._verdicts_of(ruleset):
                if counts[letter]:
                    counter.inc(counts[letter])
        for subject, records in meter.records.items():
            judged = self._record_counts.get(subject)
            if judged is None:
                judged = self._record_counts[subject] = self._records.labels(subject)
            judged.inc(records)
        for slug, records in meter.problems.items():
            self._problems.labels(slug, "record").inc(records)

    def pool(self, size: int, free: int, limit: int) -> None:
        """How the pool of database connections is used now."""
        self._pool.labels("idle").set(free)
        self._pool.labels("used").set(size - free)
        self._pool_limit.set(limit)

    @cached_property
    def _stage_of(self) -> dict[str, Histogram]:
        return {stage: self._stages.labels(stage) for stage in STAGES}

    def _verdicts_of(self, ruleset: str) -> list[tuple[str, Counter]]:
        found = self._verdict_counts.get(ruleset)
        if found is None:
            found = [(letter, self._verdicts.labels(ruleset, verdict)) for letter, verdict in _VERDICTS.items()]
            self._verdict_counts[ruleset] = found
        return found

    # --- telling ------------------------------------------------------------------------------

    def exposition(self, *, as_openmetrics: bool) -> bytes:
        """All metrics of all workers as text, in the format of `TEXT` or of `OPENMETRICS`."""
        source = self._registry if self._folder is None else _Merged(self._folder)
        if as_openmetrics:
            told: bytes = openmetrics.generate_latest(source)  # type: ignore[no-untyped-call]  # the library leaves it without types
            return told
        return generate_latest(source)


class _Merged(CollectorRegistry):
    """The metrics in the workers' files. What a dead worker counted still counts, but nothing of it is in flight."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        forget_dead(self._folder, os.getppid())
        files = [str(path) for path in self._folder.glob("*.db") if _has_begun(path)]
        found: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]  # as above
        return found


def _has_begun(file: Path) -> bool:
    """A file that was made this instant has no length yet, and cannot be read; one of a dead worker may be gone."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False
