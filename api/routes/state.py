"""What the routes share: built once by `create_app`, found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from litestar import Request

from api.observe.metrics import Metrics
from api.services.batches import Batches
from api.services.catalogue import Catalogue
from api.services.plans import Plans
from api.services.representations import Representations
from api.services.storekeeper import Storekeeper
from api.settings import Limits

__all__ = ["AppState"]


@dataclass(frozen=True, slots=True)
class AppState:
    """The services and limits of one application."""

    plans: Plans
    catalogue: Catalogue
    representations: Representations
    limits: Limits
    batches: Batches
    metrics: Metrics
    storekeeper: Storekeeper | None
    """None where there is no database: then nothing is published but what the files record."""

    @staticmethod
    def of(request: Request[Any, Any, Any]) -> AppState:
        """The state of the application that a request came to."""
        return cast(AppState, request.app.state.xueheng)
