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
from service.errors import Unavailable

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The answer when all is well."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """This process answers; nothing else is checked."""
    return Health()


@router.get("/readyz")
def readyz() -> Health:
    """Database, schema, broker and a worker are there; 503 names the first part that is not."""
    try:
        with engine().connect() as connection:
            connection.execute(text("SELECT 1 FROM work_items LIMIT 1"))
    except SQLAlchemyError as failure:
        raise Unavailable("The database is not ready.", param="database") from failure
    try:
        alive = heartbeat.any_alive()
    except RedisError as failure:
        raise Unavailable("The broker is not ready.", param="broker") from failure
    if not alive:
        raise Unavailable("No worker is alive.", param="worker")
    return Health()


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """Prometheus metrics of this process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
