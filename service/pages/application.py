"""Assemble the pages, and put them beside the API."""

from fastapi import FastAPI
from starlette.types import ASGIApp

from service.app import create_app as create_api
from service.app.application import NO_TELEMETRY, Application
from service.app.draining import DrainGate
from service.app.factory import MULTIPART_SLACK_BYTES, bodies_up_to
from service.app.middleware import HeadAsGet, RequestIds
from service.audit.trail import AuditTrail, note_write
from service.pages import errors, static
from service.pages.admin import reviews, teams
from service.pages.admin import service as admin
from service.pages.datasets import routes as datasets
from service.pages.door import PageDoor
from service.pages.home import routes as home
from service.pages.jobs import creating as new_jobs
from service.pages.jobs import routes as jobs
from service.pages.models import aliases, comparisons, playground, shutdowns
from service.pages.models import routes as models
from service.pages.money import budgets, costs, prices, statements
from service.pages.search import routes as search
from service.pages.sign_in import routes as sign_in
from service.pages.team import records
from service.pages.team import routes as team
from service.settings import settings

_LARGEST_FORM_BYTES = 256 * 1024
ROUTERS = (
    static.router,
    sign_in.router,
    sign_in.guarded,
    home.router,
    datasets.uploads,
    datasets.router,
    new_jobs.router,  # before the jobs, whose path would match it
    jobs.router,
    models.router,
    aliases.router,
    shutdowns.router,
    costs.router,
    budgets.router,
    statements.router,
    prices.router,
    comparisons.router,
    playground.router,
    team.router,
    records.router,
    admin.router,
    teams.router,
    reviews.router,
    search.router,
)


def create_app() -> Application:
    """Create the service: the API, and the pages beside it."""
    api = create_api()
    pages = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, telemetry=NO_TELEMETRY)
    for router in ROUTERS:
        pages.include_router(router)
    errors.install(pages)
    pages.state.on_write = [note_write]
    api.pages = _behind_the_door(pages, api)
    names = {_first(path) for router in ROUTERS for path in _paths(router)}
    api.is_page = lambda path: _first(path) in names
    return api


def _behind_the_door(pages: FastAPI, api: Application) -> ASGIApp:
    door = PageDoor(
        AuditTrail(pages),
        turns=api.state.turns,
        in_flight=api.state.in_flight,
        forms=bodies_up_to(_LARGEST_FORM_BYTES),
        uploads=bodies_up_to(settings().max_file_bytes + MULTIPART_SLACK_BYTES),
    )
    return RequestIds(HeadAsGet(DrainGate(door, api.state.drain, waits_for_streams=False)))


def _paths(router: object) -> list[str]:
    return [route.path for route in getattr(router, "routes", [])]


def _first(path: str) -> str:
    """Return a path's first part, which decides who serves it: `/jobs/new` is `jobs`, `/` is empty.

    Paths such as `*` and `//jobs`, which no link of ours has, are nobody's.
    """
    if not path.startswith("/") or path.startswith("//"):
        return path
    return path[1:].partition("/")[0]
