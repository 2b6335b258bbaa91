"""Read tuned models, and find out what a model's name means."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog import models as catalog
from service.catalog.models import CatalogModel
from service.catalog.offers import Offer, resolve_base
from service.errors import InvalidRequest, NotFound
from service.models.aliases.actions import aimed_at
from service.models.tables import TunedModel
from service.providers.registry import provider_settings


@dataclass(frozen=True)
class Target:
    """What a model's name stands for: where it is served, under which name, and what it grew from."""

    model_id: str
    provider: str
    provider_model: str
    base: CatalogModel
    tuned: TunedModel | None

    @property
    def offer(self) -> Offer:
        """The base model at its provider."""
        return Offer(self.provider, self.base)


def get_model(session: Session, team_id: str, model_id: str, *, deleted_too: bool = False) -> TunedModel:
    """The team's tuned model or checkpoint of that name. Raises `NotFound`."""
    own = select(TunedModel).where(TunedModel.team_id == team_id, TunedModel.id == model_id)
    model = session.scalar(own if deleted_too else own.where(TunedModel.deleted_at.is_(None)))
    if model is None:
        raise unknown_model(model_id)
    return model


def list_models(session: Session, team_id: str) -> list[TunedModel]:
    """The team's tuned models, newest first, checkpoints and deleted ones left out."""
    own = select(TunedModel).where(
        TunedModel.team_id == team_id, TunedModel.kind == "model", TunedModel.deleted_at.is_(None)
    )
    return list(session.scalars(own.order_by(TunedModel.created_at.desc(), TunedModel.id)))


def resolve(session: Session, team_id: str, model: str) -> Target:
    """What the team means by `model`: one of its tuned models or checkpoints, an alias, or a base on offer.

    Raises `NotFound` for any other name, another team's models included.
    """
    model = aimed_at(session, team_id, model) or model
    if model.startswith("ft:"):
        tuned = get_model(session, team_id, model)
        return Target(tuned.id, tuned.provider, tuned.provider_model, base_of(tuned), tuned)
    try:
        offer = resolve_base(model)
    except InvalidRequest as unknown:
        raise unknown_model(model) from unknown
    return Target(model, offer.provider_name, offer.model.id, offer.model, None)


def base_of(model: TunedModel) -> CatalogModel:
    """The catalogue's entry for what a model grew from.

    Raises `NotFound` when the catalogue has dropped it, `NotConfigured` when its provider is gone.
    """
    base = catalog.find(provider_settings(model.provider).kind, model.base_model)
    if base is None:
        raise unknown_model(model.base_model)
    return base


def unknown_model(model_id: str) -> NotFound:
    """The answer for a model that is not there, or not the caller's."""
    return NotFound(
        f"The model {model_id!r} does not exist or you do not have access to it.",
        param="model",
        code="model_not_found",
    )
