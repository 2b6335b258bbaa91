"""Under which name a provider answers for a model: Azure serves deployments, which have their own."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.core.pages import Page, fetch_page
from service.errors import Conflict, NotFound
from service.models.queries import Target, unknown_model
from service.models.tables import TunedModel
from service.providers.registry import provider_settings
from service.settings import settings

_BY_DEPLOYMENT = frozenset({"azure"})  # the kinds of provider that serve deployments alone


def serving_name(target: Target) -> str:
    """What the provider is asked for when a team asks for this model.

    Raises `NotFound` (`model_not_deployed`) for a tuned model whose deployment nobody has named yet.
    """
    provider = provider_settings(target.provider)
    if target.tuned is None:
        return provider.deployments.get(target.base.id, target.provider_model)
    if target.tuned.deployment is not None:
        return target.tuned.deployment
    if provider.kind in _BY_DEPLOYMENT:
        raise NotFound(
            f"The model {target.model_id!r} is trained, and not deployed at its provider yet; "
            "ask an admin of Tunehouse to deploy it.",
            param="model",
            code="model_not_deployed",
        )
    return target.provider_model


def served_by_deployments(session: Session, after: str | None, limit: int) -> Page[TunedModel]:
    """Every team's living models at providers that serve deployments, newest first."""
    providers = [one.name for one in settings().providers if one.kind in _BY_DEPLOYMENT]
    theirs = select(TunedModel).where(
        TunedModel.provider.in_(providers),
        TunedModel.deleted_at.is_(None),
        or_(TunedModel.kind == "model", TunedModel.deployment.is_not(None)),
    )
    return fetch_page(
        session, theirs, sort=TunedModel.created_at, id_=TunedModel.id, after=after, limit=limit
    )


def get_any_model(session: Session, model_id: str) -> TunedModel:
    """The living model or checkpoint of that name, whichever team's: for admins. Raises `NotFound`."""
    named = select(TunedModel).where(TunedModel.id == model_id, TunedModel.deleted_at.is_(None))
    model = session.scalar(named.with_for_update())
    if model is None:
        raise unknown_model(model_id)
    return model


def set_deployment(session: Session, model: TunedModel, name: str) -> None:
    """Note what the provider serves a locked model as. Raises `Conflict` when that serves another model."""
    same = TunedModel.provider == model.provider, TunedModel.deployment == name, TunedModel.id != model.id
    if session.scalar(select(TunedModel.id).where(*same)) is not None:
        raise Conflict(
            f"The deployment {name!r} serves another model of {model.provider!r}; take it from that first.",
            code="deployment_taken",
        )
    model.deployment = name
    session.flush()
