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

GraphFormat = Annotated[
    Literal["json", "mermaid", "openlineage"],
    Query(description="A graph as JSON, a Mermaid diagram, or OpenLineage's events, one a line."),
]
Directions = Annotated[Direction, Query(description="Ancestors (`up`), descendants (`down`), or both.")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="The most models to return, the nearest first.")]
ImpactLimit = Annotated[int, Query(ge=1, le=100_000, description="The most models to return.")]
Depth = Annotated[int, Query(ge=0, le=100_000, description="The most generations in each direction.")]


@router.get(
    "/models/{model_id:path}/lineage",
    response_model=LineageOut,
    responses={200: {"content": as_text("text/plain", "application/x-ndjson")}},
)
def model_lineage(
    model_id: ModelId,
    session: RequestSession,
    caller: Reader,
    direction: Directions = "both",
    depth: Depth = 10_000,
    limit: Limit = 1000,
    format: GraphFormat = "json",
) -> Response:
    """Get a tuned model's ancestors and descendants, and what they cost."""
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
