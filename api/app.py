"""The only wiring: settings in, application out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler

from api.library import open_library
from api.observe.metrics import Metrics
from api.observe.requests import Observer
from api.routes import catalogue as catalogue_routes
from api.routes import evaluations, health, metrics
from api.routes.guard import LoopbackGuard
from api.routes.head import HeadAsGet
from api.routes.refusals import EXCEPTION_HANDLERS
from api.routes.state import AppState
from api.services.batches import Batches
from api.services.catalogue import Catalogue
from api.services.gauges import Gauges
from api.services.originals import open_originals
from api.services.plans import Plans
from api.services.representations import Representations
from api.services.standing import Standings
from api.services.storekeeper import Storekeeper
from api.settings import Settings
from api.web import docs, problems
from engine.registry import Library

__all__ = ["Storage", "create_app"]


@dataclass(frozen=True, slots=True)
class Storage:
    """A database, and the standings that were read from it at start; None if it could not be prepared then."""

    dsn: str
    standings: Standings | None


def create_app(
    settings: Settings,
    *,
    library: Library | None = None,
    storage: Storage | None = None,
    extra_routes: Sequence[ControllerRouterHandler] = (),
) -> Litestar:
    """The application. Everything that requests share is built here, before the first of them.

    `library` saves opening the rulesets again. Without `storage` there is no database. `extra_routes` are for
    measuring beside the real ones. Raises RulesetsRefused.
    """
    settings.require_loopback()
    library = open_library(settings) if library is None else library
    plans = Plans(library, open_originals(settings.sources, library.rulesets.values()))
    keeper = None
    if storage is not None:
        keeper = Storekeeper(storage.dsn, plans, prepared=storage.standings is not None)
        plans.standings = storage.standings or plans.standings
    catalogue = Catalogue(plans)
    measured = Metrics()
    gauges = Gauges(measured, plans, keeper)
    state = AppState(
        plans,
        catalogue,
        Representations(plans, catalogue),
        settings.limits,
        Batches(plans, settings.limits),
        measured,
        keeper,
    )
    app = Litestar(
        [
            *evaluations.ROUTES,
            *catalogue_routes.ROUTES,
            *health.ROUTES,
            *metrics.ROUTES,
            *docs.ROUTES,
            *problems.ROUTES,
            *extra_routes,
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        state=State({"xueheng": state}),
        on_startup=[_warm(plans), *([] if keeper is None else [keeper.start]), gauges.start],
        on_shutdown=[gauges.stop, *([] if keeper is None else [keeper.stop])],
        # Each route that takes a body has its own limit.
        request_max_body_size=None,
        openapi_config=None,
        logging_config=None,
    )
    # Outside of all routes, so that a refused request learns not even which addresses exist; but it is counted.
    app.asgi_handler = Observer(LoopbackGuard(HeadAsGet(app.asgi_handler)), measured)
    # What was built stays: the collector need not walk it again, and forked workers share its memory.
    gc.freeze()
    return app


def _warm(plans: Plans) -> Callable[[], None]:
    """Compile what requests will want while the first of them already come in; one that is early compiles its own."""
    return Thread(target=plans.warm, name="xueheng-warm", daemon=True).start
