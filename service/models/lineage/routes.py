"""Routes for lineage: a model's family, and the models trained on a file."""

import json
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from service.core.http.web import RequestSession, Route, as_text
from service.models.lineage.family import Direction
from service.models.lineage.graph import Graph
from service.models.lineage.impact import Impact, impact
from service.models.lineage.mermaid import mermaid
from service.models.lineage.openlineage import openlineage
from service.models.lineage.queries import lineage
from service.models.lineage.schemas import ImpactOut, LineageOut
from service.models.paths import ModelId
from service.models.queries import get_model
from service.teams.access import Reader
from service.teams.queries import get_team

router = APIRouter(prefix="/v1", tags=["models"], route_class=Route)

GraphFormat = Literal["json", "mermaid", "openlineage"]
Limit = Annotated[int, Query(ge=1, le=10_000)]
ImpactLimit = Annotated[int, Query(ge=1, le=100_000)]
Depth = Annotated[int, Query(ge=0, le=100_000)]


@router.get(
    "/models/{model_id:path}/lineage",
    response_model=LineageOut,
    responses={200: {"content": as_text("text/plain", "application/x-ndjson")}},
)
def model_lineage(
    model_id: ModelId,
    session: RequestSession,
    caller: Reader,
    direction: Direction = "both",
    depth: Depth = 10_000,
    limit: Limit = 1000,
    format: GraphFormat = "json",
) -> Response:
    """Get a tuned model's ancestors and descendants, and what they cost.

    `depth` limits generations and `limit` models, the nearest first; `truncated` says when there are more.
    `format` can also be `mermaid`, or `openlineage` for one event per line.
    """
    model = get_model(session, caller.team, model_id, deleted_too=True)
    graph = lineage(session, model, direction, depth, limit)
    if format == "mermaid":
        return PlainTextResponse(mermaid(graph))
    if format == "openlineage":
        events = openlineage(graph, get_team(session, caller.team).slug)
        lines = "".join(json.dumps(event) + "\n" for event in events)
        return PlainTextResponse(lines, media_type="application/x-ndjson")
    return _encoded(graph)


@router.get("/files/{file_id}/impact", response_model=ImpactOut)
def file_impact(file_id: str, session: RequestSession, caller: Reader, limit: ImpactLimit = 1000) -> Response:
    """List every model and alias trained on a file's content, directly or through a parent model."""
    return _encoded(impact(session, caller.team, file_id, limit))


def _encoded(answer: Graph | Impact) -> Response:
    # Validating tens of thousands of nodes with pydantic would take longer than finding them.
    return Response(msgspec.json.encode(answer), media_type="application/json")
