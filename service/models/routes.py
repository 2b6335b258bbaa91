"""Routes for models and their lineage."""

import json
from datetime import date
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from service.catalog.offers import Offer, offers
from service.core.clock import now
from service.core.web import RequestSession
from service.errors import InvalidRequest
from service.models import actions, queries
from service.models.lineage.family import Direction
from service.models.lineage.graph import Graph
from service.models.lineage.impact import Impact, ImpactOut, impact
from service.models.lineage.mermaid import mermaid
from service.models.lineage.openlineage import openlineage
from service.models.lineage.queries import lineage
from service.models.names import snapshot_time
from service.models.paths import ModelId
from service.models.schemas import LineageOut, ModelDeleted, ModelExtras, ModelOut, ModelsOut, tuned_model_out
from service.models.shutdowns.dates import Ends, known_ends
from service.models.shutdowns.notices import ShutdownsOut, upcoming
from service.models.tables import TunedModel
from service.teams.access import Reader, Trainer
from service.teams.idempotency import IdempotentRoute
from service.teams.queries import get_team

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=IdempotentRoute)
unprefixed = APIRouter(tags=["models"])

GraphFormat = Literal["json", "mermaid", "openlineage"]
Limit = Annotated[int, Query(ge=1, le=10_000)]
ImpactLimit = Annotated[int, Query(ge=1, le=100_000)]
Depth = Annotated[int, Query(ge=0, le=100_000)]


@router.get("")
def list_models(session: RequestSession, caller: Reader) -> ModelsOut:
    """The bases on offer and the team's own tuned models, newest first."""
    ends = known_ends(session)
    tuned = [_tuned_out(model, ends) for model in queries.list_models(session, caller.team)]
    return ModelsOut(data=tuned + [_base_out(offer, ends) for offer in offers()])


@router.get("/{model_id:path}/lineage", response_model=LineageOut)
def model_lineage(
    model_id: ModelId,
    session: RequestSession,
    caller: Reader,
    direction: Direction = "both",
    depth: Depth = 10_000,
    limit: Limit = 1000,
    format: GraphFormat = "json",
) -> Response:
    """What a tuned model came from, what came from it, and what all that cost.

    `depth` counts generations and `limit` models, the nearest first; `truncated` says when there are more.
    `format` may ask for `mermaid` text or for `openlineage` events, one a line.
    """
    model = queries.get_model(session, caller.team, model_id, deleted_too=True)
    graph = lineage(session, model, direction, depth, limit)
    if format == "mermaid":
        return PlainTextResponse(mermaid(graph))
    if format == "openlineage":
        events = openlineage(graph, get_team(session, caller.team).slug)
        lines = "".join(json.dumps(event) + "\n" for event in events)
        return PlainTextResponse(lines, media_type="application/x-ndjson")
    return _plain(graph)


@router.get("/{model_id:path}")
def retrieve_model(model_id: ModelId, session: RequestSession, caller: Reader) -> ModelOut:
    """Look at a base on offer, a tuned model or checkpoint of the team's, or what an alias points at."""
    if model_id.startswith("ft:"):
        return _tuned_out(queries.get_model(session, caller.team, model_id), known_ends(session))
    target, ends = queries.resolve(session, caller.team, model_id), known_ends(session)
    return _tuned_out(target.tuned, ends) if target.tuned else _base_out(target.offer, ends)


@router.delete("/{model_id:path}")
def delete_model(model_id: ModelId, session: RequestSession, caller: Trainer) -> ModelDeleted:
    """Delete a tuned model here and at its provider; models tuned from it stay, and so does its history."""
    if not model_id.startswith("ft:"):
        queries.resolve(session, caller.team, model_id)
        raise InvalidRequest("Only tuned models can be deleted.", param="model", code="not_a_tuned_model")
    actions.delete_model(session, queries.get_model(session, caller.team, model_id))
    return ModelDeleted(id=model_id)


@unprefixed.get("/v1/files/{file_id}/impact", response_model=ImpactOut)
def file_impact(file_id: str, session: RequestSession, caller: Reader, limit: ImpactLimit = 1000) -> Response:
    """Every model and alias that ever learned from this file's content, through any generation."""
    return _plain(impact(session, caller.team, file_id, limit))


@unprefixed.get("/v1/shutdowns")
def list_shutdowns(session: RequestSession, caller: Reader) -> ShutdownsOut:
    """What breaks when: bases with an end date, with the team's models and aliases that end with them."""
    return upcoming(session, caller.team, now().date())


def _plain(answer: Graph | Impact) -> Response:
    """As JSON without a second look at each part, of which there are tens of thousands."""
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _tuned_out(model: TunedModel, ends: Ends) -> ModelOut:
    return tuned_model_out(model, _day(ends.of_tuned(model)))


def _base_out(offer: Offer, ends: Ends) -> ModelOut:
    base = offer.model
    return ModelOut(
        id=base.id,
        created=snapshot_time(base.id),
        owned_by=offer.provider_name,
        shutdown_date=_day(ends.of_offer(offer)),
        tunehouse=ModelExtras(
            provider=offer.provider_name,
            base_model=base.id,
            methods=sorted(base.methods),
            training_ends=_day(base.trains_until),
        ),
    )


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
