"""Assemble the HTTP service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI

from migrations import REVISION
from service.app import errors, health, providers, status
from service.app.application import NO_TELEMETRY, Application
from service.app.draining import DrainGate
from service.app.edge.bodies import Bodies
from service.app.edge.door import AT_ONCE, THREADS, Door, InferenceDoor
from service.app.edge.turns import Turns
from service.app.invalid.query_names import refuse_unknown_names
from service.app.middleware import HeadAsGet, RequestIds, note_route
from service.app.openapi.operation_ids import operation_id
from service.app.pages import reference
from service.app.pages.documentation import SITE, Documentation
from service.audit import routes as audit
from service.audit.trail import AuditTrail, note_write
from service.comparisons import routes as comparisons
from service.core import logs, memory, tracing
from service.core.drain import Drain
from service.core.http.in_flight import InFlight
from service.core.metrics import measures
from service.files import routes as files
from service.files.derived import routes as derived_files
from service.files.policy import routes as dataset_policy
from service.files.uploads import routes as uploads
from service.gateway import routes as inference
from service.gateway.limits import routes as rate_limits
from service.jobs import routes as jobs
from service.jobs.metrics import routes as job_metrics
from service.jobs.quotes import routes as quotes
from service.jobs.retrain import routes as retrains
from service.jobs.upstream import inbound as provider_webhooks
from service.jobs.upstream import routes as provider_admin
from service.ledger.adjustments import routes as adjustments
from service.ledger.budgets import routes as budgets
from service.ledger.closing import routes as closing
from service.ledger.departments import routes as departments
from service.ledger.prices import routes as prices
from service.ledger.reports import routes as money
from service.ledger.reports.usage import routes as usage
from service.ledger.reviews import routes as reviews
from service.ledger.shared import routes as shared_costs
from service.model_migrations import routes as model_migrations
from service.models import routes as models
from service.models.aliases import routes as aliases
from service.models.dataset_reports import routes as reports
from service.models.deployments import routes as deployments
from service.models.lineage import routes as lineage
from service.models.shutdowns import routes as shutdowns
from service.settings import settings
from service.settings.version import VERSION
from service.teams import routes as teams
from service.teams.admin_keys import routes as admin_keys
from service.teams.keys import routes as team_keys
from service.teams.quotas import routes as quotas
from service.webhooks import routes as webhooks
from service.webhooks.deliveries import routes as webhook_deliveries

MULTIPART_SLACK_BYTES = 2**20  # boundaries, headers and small fields around a file
_DESCRIPTION = (
    "OpenAI's API for files, fine-tuning and inference, and Tunehouse's own for teams, costs and lineage. "
    "Amounts are decimal strings, times are Unix seconds, lists are pages with `after` and `limit`."
)
_PART_BYTES = 64 * 2**20  # OpenAI's limit of one part of an upload


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Take the stop signals, once the server has set its own handlers, and allow for enough threads."""
    # For every turn, and for the streams that have none.
    current_default_thread_limiter().total_tokens = THREADS
    app.state.drain.take_signals(settings().shutdown_delay_s, settings().drain_s)
    measures.runs(VERSION, REVISION)
    yield


def create_app() -> Application:
    """Create the application from this process's settings."""
    memory.return_freed_memory()
    logs.configure(settings())
    tracing.start("api")
    app = Application(
        lifespan=_lifespan,
        telemetry=NO_TELEMETRY,
        title="Tunehouse",
        version=VERSION,
        summary="One service that a company's teams share to fine-tune language models.",
        description=_DESCRIPTION,
        contact={"name": "The administrators of this service"},
        license_info={"name": "MIT", "identifier": "MIT"},
        generate_unique_id_function=operation_id,
        dependencies=[Depends(note_route), Depends(refuse_unknown_names)],
        docs_url=None,  # ours, below, loads nothing from elsewhere
        redoc_url=None,
    )
    for part in (
        teams,
        team_keys,
        admin_keys,
        quotas,
        files,
        derived_files,
        dataset_policy,
        reports,
        uploads,
        money,
        budgets,
        prices,
        closing,
        adjustments,
        shared_costs,
        reviews,
        departments,
        usage,
        webhooks,
        webhook_deliveries,
        providers,
        jobs,
        provider_webhooks,
        provider_admin,
        job_metrics,
        inference,
        rate_limits,
        comparisons,
        quotes,
        retrains,  # these three before the models, whose paths would match theirs
        deployments,
        lineage,
        models,
        model_migrations,
        shutdowns,
        aliases,
        audit,
        health,
        status,
        reference,
    ):
        app.include_router(part.router)
    if SITE.is_dir():
        app.mount("/docs", Documentation())
    app.include_router(uploads.moving)
    app.include_router(webhooks.testing)
    errors.install(app)
    app.state.on_write = [note_write]
    app.add_middleware(AuditTrail)
    in_flight = app.state.in_flight = InFlight()
    turns = app.state.turns = Turns(AT_ONCE)
    app.add_middleware(
        Door,
        turns=turns,
        bodies=bodies_up_to(settings().max_body_bytes),
        uploads={
            "/v1/files": bodies_up_to(settings().max_file_bytes + MULTIPART_SLACK_BYTES),
            "/v1/uploads/[^/]+/parts": bodies_up_to(_PART_BYTES + MULTIPART_SLACK_BYTES),
        },
        callbacks=bodies_up_to(settings().max_callback_body_bytes),
        in_flight=in_flight,
    )
    drain = app.state.drain = Drain()
    app.add_middleware(DrainGate, drain=drain, waits_for_streams=False)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestIds)
    inference_door = InferenceDoor(inference.serve, bodies_up_to(settings().max_inference_body_bytes))
    inference_gate = DrainGate(inference_door, drain, waits_for_streams=True)
    app.inference = RequestIds(inference_gate, paths_are_routes=True)
    return app


def bodies_up_to(limit_bytes: int) -> Bodies:
    """Return a reader of bodies of at most this size."""
    return Bodies(limit_bytes=limit_bytes, timeout_s=settings().body_timeout_s)
