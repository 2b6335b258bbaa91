"""Liveness, readiness and metrics of this process."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service.core import heartbeat
from service.core.db import engine
from service.core.web import as_file
from service.errors import Unavailable

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The response of a healthy process."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """Check that this process answers. Checks nothing else."""
    return Health()


@router.get("/readyz")
def readyz() -> Health:
    """Check the database, its schema, the broker and the workers; a 503 names the first that is not ready."""
    try:
        with engine().connect() as connection:
            connection.execute(text("SELECT 1 FROM work_items LIMIT 1"))
    except SQLAlchemyError as failure:
        raise Unavailable(
            "The database is not ready. Check that PostgreSQL is running and run `tunehouse migrate`.",
            param="database",
        ) from failure
    try:
        alive = heartbeat.any_alive()
    except RedisError as failure:
        raise Unavailable(
            "The broker is not ready. Check that Valkey is running.", param="broker"
        ) from failure
    if not alive:
        raise Unavailable("No worker is alive. Start one.", param="worker")
    return Health()


@router.get("/metrics", response_class=Response, responses=as_file("text/plain"))
def metrics() -> Response:
    """Get the Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
