"""Routes for models: the bases on offer and the team's tuned models."""

from fastapi import APIRouter

from service.catalog.offers import find_base
from service.core import clock
from service.core.http.web import RequestSession
from service.errors import InvalidRequest
from service.models import actions, queries
from service.models.aliases.queries import resolved_aliases
from service.models.paths import ModelId
from service.models.schemas import (
    ModelDeleted,
    ModelOut,
    ModelsOut,
    alias_model_out,
    base_model_out,
    tuned_model_out,
)
from service.models.shutdowns.checks import check_serving
from service.models.shutdowns.queries import shutdown_dates
from service.teams.access import Reader, Trainer
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/models", tags=["models"], route_class=IdempotentRoute)


@router.get("")
def list_models(session: RequestSession, caller: Reader) -> ModelsOut:
    """List the team's tuned models, newest first, its aliases, and the base models on offer."""
    dates = shutdown_dates(session)
    found = [tuned_model_out(model, dates) for model in queries.list_models(session, caller.team)]
    for alias, tuned in resolved_aliases(session, caller.team):
        base = find_base(alias.model or "")
        if tuned is not None:
            found.append(alias_model_out(alias, tuned_model_out(tuned, dates)))
        elif base is not None:
            found.append(alias_model_out(alias, base_model_out(base, dates)))
    found += [base_model_out(offer, dates) for offer in dates.on_offer(clock.now().date())]
    return ModelsOut(data=found)


@router.get("/{model_id:path}")
def retrieve_model(model_id: ModelId, session: RequestSession, caller: Reader) -> ModelOut:
    """Get a base model on offer, one of the team's tuned models or checkpoints, or an alias's target."""
    dates = shutdown_dates(session)
    if model_id.startswith("ft:"):  # not `resolve`: a model is shown even when its provider has been removed
        return tuned_model_out(queries.get_model(session, caller.team, model_id), dates)
    target = queries.resolve(session, caller.team, model_id)
    if target.tuned is None:
        check_serving(session, target)
    return tuned_model_out(target.tuned, dates) if target.tuned else base_model_out(target.offer, dates)


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
