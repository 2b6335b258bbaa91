"""Read tuned models, and resolve a model's name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Row, Select, String, bindparam, func, select
from sqlalchemy.orm import Session

from service.catalog import models as catalog
from service.catalog.models import CatalogModel
from service.catalog.offers import Offer, find_base, names_on_offer
from service.core.gather import first_of_each
from service.errors import NotFound
from service.files.tables import File
from service.models.aliases.tables import Alias
from service.models.tables import TunedModel
from service.providers.registry import provider_settings


def named(
    team_id: str | BindParameter[str], name: BindParameter[str]
) -> tuple[Select[Alias], Select[TunedModel]]:
    """Select a team's alias of a name, and the tuned model that the name or the alias means."""
    own = Alias.team_id == team_id, Alias.name == name
    meant_id = func.coalesce(select(Alias.model).where(*own).scalar_subquery(), name)
    living = TunedModel.team_id == team_id, TunedModel.deleted_at.is_(None)
    return select(Alias).where(*own), select(TunedModel).where(TunedModel.id == meant_id, *living)


_NAMED = first_of_each(*named(bindparam("team_id", type_=String), bindparam("name", type_=String)))


@dataclass(frozen=True)
class Target:
    """A resolved model name: which provider serves it, under which name, and on which base it is built.

    `model_id` is our name for it: an alias and an undated name are replaced by what they stand for.
    """

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


def list_models(session: Session, team_id: str) -> Sequence[TunedModel]:
    """The team's tuned models, newest first, without checkpoints and deleted models."""
    return session.scalars(_listed(team_id)).all()


def model_rows(session: Session, team_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """What `list_models` lists, with only the columns that `tuned_model_fields` shows."""
    return session.execute(_listed(team_id).with_only_columns(*_SHOWN)).all()


_SHOWN = (
    TunedModel.id,
    TunedModel.created_at,
    TunedModel.team_id,
    TunedModel.shutdown_date,
    TunedModel.provider,
    TunedModel.base_model,
    TunedModel.parent_id,
    TunedModel.migrated_from,
    TunedModel.job_id,
)


def _listed(team_id: str) -> Select[TunedModel]:
    own = select(TunedModel).where(
        TunedModel.team_id == team_id, TunedModel.kind == "model", TunedModel.deleted_at.is_(None)
    )
    return own.order_by(TunedModel.created_at.desc(), TunedModel.id)


def trained_on(session: Session, file: File, limit: int) -> Sequence[TunedModel]:
    """The team's models trained on a file's content, from any upload of it, newest first."""
    same = select(File.id).where(File.team_id == file.team_id, File.sha256 == file.sha256)
    trained = select(TunedModel).where(
        TunedModel.team_id == file.team_id, TunedModel.kind == "model", TunedModel.training_file.in_(same)
    )
    return session.scalars(trained.order_by(TunedModel.created_at.desc(), TunedModel.id).limit(limit)).all()


def resolve(session: Session, team_id: str, model: str) -> Target:
    """Resolve a name that a team uses: one of its tuned models, checkpoints or aliases, or a base on offer.

    Raises `NotFound` for any other name, including other teams' models.
    """
    return meant(model, *session.execute(_NAMED, {"team_id": team_id, "name": model}).one())


def meant(model: str, alias: Alias | None, tuned: TunedModel | None) -> Target:
    """What a name stands for, given the rows of `named`. Raises `NotFound`."""
    model = (alias and alias.model) or model
    if model.startswith("ft:"):
        if tuned is None:
            raise unknown_model(model)
        return Target(tuned.id, tuned.provider, tuned.provider_model, base_of(tuned), tuned)
    offer = find_base(model)
    if offer is None:
        raise unknown_model(model)
    name = offer.model.id if offer.model.answers_to(model) else f"{offer.provider_name}/{offer.model.id}"
    return Target(name, offer.provider_name, offer.model.id, offer.model, None)


def base_of(model: TunedModel) -> CatalogModel:
    """The catalogue's entry for a tuned model's base.

    Raises `NotFound` when the catalogue has dropped it, `NotConfigured` when its provider has been removed.
    """
    base = catalog.find(provider_settings(model.provider).kind, model.base_model)
    if base is None:
        raise unknown_model(model.base_model)
    return base


def unknown_model(model_id: str) -> NotFound:
    """The error for a model that does not exist or belongs to another team."""
    return NotFound(
        f"The model {model_id!r} does not exist or you do not have access to it. On offer: "
        f"{names_on_offer()}. GET /v1/models lists your team's tuned models and aliases too. To give a model "
        "another name, create an alias with PUT /v1/aliases/{name}.",
        param="model",
        code="model_not_found",
    )
