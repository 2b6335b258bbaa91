"""The names under which providers serve models. Azure serves deployments, which have names of their own."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.core.http.pages import Page, fetch_page
from service.errors import NotFound
from service.models.queries import Target, unknown_model
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import capabilities_of
from service.providers.registry import provider_settings
from service.settings import settings


def serving_name(target: Target) -> str:
    """The name by which to ask the provider for a model.

    Raises `NotFound` (`model_not_deployed`) for a tuned model without a deployment at such a provider.
    """
    provider = provider_settings(target.provider)
    if target.tuned is None:
        return provider.deployments.get(target.base.id, target.base.serving_id or target.provider_model)
    if target.tuned.deployment is not None:
        return target.tuned.deployment
    if not capabilities_of(provider.kind).served_at_once:
        raise NotFound(
            f"The model {target.model_id!r} is trained but not deployed at its provider yet; "
            "ask a Tunehouse admin to deploy it.",
            param="model",
            code="model_not_deployed",
        )
    return target.provider_model


def served_by_deployments(session: Session, after: str | None, limit: int) -> Page[TunedModel]:
    """Models of all teams at providers that serve deployments, newest first; deleted ones are left out."""
    providers = [one.name for one in settings().providers if not capabilities_of(one.kind).served_at_once]
    theirs = select(TunedModel).where(
        TunedModel.provider.in_(providers),
        TunedModel.deleted_at.is_(None),
        or_(TunedModel.kind == "model", TunedModel.deployment.is_not(None)),
    )
    return fetch_page(
        session,
        theirs,
        sort=TunedModel.created_at,
        id_=TunedModel.id,
        after=after,
        limit=limit,
        cursors=select(TunedModel),
    )


def lock_any_model(session: Session, model_id: str) -> TunedModel:
    """The model or checkpoint of that name, of any team, locked: for admins. Raises `NotFound`."""
    named = select(TunedModel).where(TunedModel.id == model_id, TunedModel.deleted_at.is_(None))
    model = session.scalar(named.with_for_update())
    if model is None:
        raise unknown_model(model_id)
    return model
