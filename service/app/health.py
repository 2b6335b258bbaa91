"""Liveness, readiness and metrics of this process."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response

from service.app.readiness import DATABASE, STORAGE
from service.core.http.web import as_file
from service.core.http.wire import WireOut
from service.core.metrics.exposition import CONTENT_TYPE_LATEST, written

router = APIRouter(tags=["operations"])


class Health(WireOut):
    """The response of a healthy process."""

    status: Literal["ok"] = "ok"
    """Always `ok`."""


@router.get("/healthz")
async def healthz() -> Health:
    """Check that this process answers. Checks nothing else."""
    return Health()


@router.get("/readyz")
def readyz() -> Health:
    """Check the database, its schema and storage; a 503 names the first that is not ready.

    The result is at most a second old, for storage ten seconds. `/status` has the broker and the workers.
    """
    for check in (DATABASE, STORAGE):
        if refusal := check.result():
            raise refusal
    return Health()


@router.get("/metrics", response_class=Response, responses=as_file("text/plain"))
def metrics() -> Response:
    """Get the Prometheus metrics of this process, or of all processes that share its port."""
    return Response(written(), media_type=CONTENT_TYPE_LATEST)
