"""Which back end answers requests: the one place that names it."""

from __future__ import annotations

from engine.backends.columnar import Judged, judge, judge_block
from engine.backends.explain import Explainer
from engine.backends.reference import trace

__all__ = ["Explainer", "Judged", "judge", "judge_block", "trace"]
