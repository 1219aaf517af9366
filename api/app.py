"""The only wiring: settings in, application out."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ControllerRouterHandler

from api.files import bundled_rulesets, read_rulesets
from api.routes import catalogue, evaluations, health
from api.routes.guard import LoopbackGuard
from api.routes.refusals import EXCEPTION_HANDLERS
from api.routes.state import AppState
from api.services.catalogue import Catalogue
from api.services.originals import open_originals
from api.services.plans import Plans
from api.settings import Settings
from api.web import docs, problems
from engine.diagnostics import render_all
from engine.registry import Library, load_library

__all__ = ["RulesetsRefused", "create_app", "open_library"]

_COMPUTING_THREADS = 2


class RulesetsRefused(Exception):
    """The rulesets have errors; the message shows all of them."""


def open_library(settings: Settings) -> Library:
    """The rulesets of the settings. Raises RulesetsRefused when any of them has an error."""
    folder = settings.rulesets or bundled_rulesets()
    try:
        files = read_rulesets(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise RulesetsRefused(f"XUEHENG_RULESETS: `{folder}` is no folder") from None
    library = load_library(files.texts)
    found = (*files.diagnostics, *library.diagnostics)
    if any(d.severity == "error" for d in found):
        raise RulesetsRefused(render_all(found))
    return library


def create_app(settings: Settings, *, extra_routes: Sequence[ControllerRouterHandler] = ()) -> Litestar:
    """The application. Everything that requests share is built here, before the first of them.

    `extra_routes` are for measuring beside the real ones. Raises RulesetsRefused.
    """
    settings.require_loopback()
    library = open_library(settings)
    plans = Plans(library, open_originals(settings.sources, library.rulesets.values()), published=frozenset())
    plans.warm()
    # Threads start with the first long request, so each worker process gets its own.
    pool = ThreadPoolExecutor(_COMPUTING_THREADS, "xueheng-batch")
    app = Litestar(
        [*evaluations.ROUTES, *catalogue.ROUTES, *health.ROUTES, *docs.ROUTES, *problems.ROUTES, *extra_routes],
        exception_handlers=EXCEPTION_HANDLERS,
        state=State({"xueheng": AppState(plans, Catalogue(plans), settings.limits, pool)}),
        openapi_config=None,
        logging_config=None,
    )
    # Outside of everything else, so that a refused request learns not even which addresses exist.
    app.asgi_handler = LoopbackGuard(app.asgi_handler)
    # What was built stays: the collector need not walk it again, and forked workers share its memory.
    gc.freeze()
    return app
