"""Which back end answers requests: the one place that names it."""

from __future__ import annotations

from engine.backends.columnar import judge
from engine.backends.explain import Explainer
from engine.backends.reference import trace

__all__ = ["Explainer", "judge", "trace"]
