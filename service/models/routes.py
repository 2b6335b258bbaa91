"""Routes for models: the bases on offer and the team's tuned models."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from service.catalog.offers import find_base
from service.core import clock
from service.core.http.web import RequestSession, rendered
from service.errors import InvalidRequest
from service.models import actions, queries
from service.models.aliases.queries import resolved_aliases
from service.models.paths import ModelId
from service.models.schemas import (
    ModelDeleted,
    ModelOut,
    ModelsOut,
    alias_fields,
    base_model_fields,
    model_out,
    tuned_model_fields,
)
from service.models.shutdowns.checks import check_serving
from service.models.shutdowns.queries import shutdown_dates
from service.teams.access import Caller, Reader, Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=IdempotentRoute)


@router.get("", response_model=ModelsOut)
def list_models(session: RequestSession, caller: Reader) -> Response:
    """List the team's tuned models, newest first, its aliases, and the base models on offer."""
    return rendered({"object": "list", "data": _every_model(session, caller.team)})


def every_model(session: Session, caller: Caller) -> list[ModelOut]:
    """Return what `list_models` shows, for pages."""
    return [model_out(fields) for fields in _every_model(session, caller.team)]


def _every_model(session: Session, team_id: str) -> list[dict[str, Any]]:
    dates = shutdown_dates(session)
    found = [tuned_model_fields(model, dates) for model in queries.model_rows(session, team_id)]
    for alias, tuned in resolved_aliases(session, team_id):
        base = find_base(alias.model or "")
        if tuned is not None:
            found.append(alias_fields(alias, tuned_model_fields(tuned, dates)))
        elif base is not None:
            found.append(alias_fields(alias, base_model_fields(base, dates)))
    return found + [base_model_fields(offer, dates) for offer in dates.on_offer(clock.now().date())]


@router.get("/{model_id:path}")
def retrieve_model(model_id: ModelId, session: RequestSession, caller: Reader) -> ModelOut:
    """Get a base model on offer, one of the team's tuned models or checkpoints, or an alias's target."""
    dates = shutdown_dates(session)
    if model_id.startswith("ft:"):  # not `resolve`: a model is shown even when its provider has been removed
        return model_out(tuned_model_fields(queries.get_model(session, caller.team, model_id), dates))
    target = queries.resolve(session, caller.team, model_id)
    if target.tuned is None:
        check_serving(session, target)
    if target.tuned is not None:
        return model_out(tuned_model_fields(target.tuned, dates))
    return model_out(base_model_fields(target.offer, dates))


@router.delete("/{model_id:path}")
def delete_model(model_id: ModelId, session: RequestSession, caller: Trainer) -> ModelDeleted:
    """Delete a tuned model here and at its provider. Models tuned from it, and its lineage, are kept."""
    if not model_id.startswith("ft:"):
        queries.resolve(session, caller.team, model_id)
        raise InvalidRequest(
            f"{model_id!r} is not a tuned model; only tuned models can be deleted.",
            param="model",
            code="not_a_tuned_model",
        )
    actions.delete_model(session, queries.get_model(session, caller.team, model_id))
    return ModelDeleted(id=model_id)
