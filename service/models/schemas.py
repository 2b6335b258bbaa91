"""Models on the wire."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from sqlalchemy import Row

from service.catalog.offers import Offer
from service.core.clock import unix
from service.core.http.wire import WireOut
from service.models.aliases.tables import Alias
from service.models.names import snapshot_time
from service.models.shutdowns.queries import ShutdownDates
from service.models.tables import TunedModel


class ModelExtras(WireOut):
    """Tunehouse's own fields of a model."""

    provider: str
    base_model: str
    alias_of: str | None = None
    """The model that the alias points at; null unless this is an alias."""
    names: list[str] | None = None
    """Further names by which the base can be called; null for tuned models."""
    parent_model: str | None = None
    """The model that it was tuned from; null if that is a base."""
    migrated_from: str | None = None
    """The model that a migration made this one of, often at another provider; null otherwise."""
    job_id: str | None = None
    """The id of the job that made it; null for bases."""
    methods: list[str] | None = None
    """The methods with which the base can be tuned; null for tuned models."""
    training_ends: str | None = None
    """The day (ISO 8601) from which it cannot be tuned; null if none is announced."""
    stand_in: bool | None = None
    """Whether the sandbox answers in place of this base; null for tuned models."""


_NO_EXTRAS = dict.fromkeys(ModelExtras.model_fields)


class ModelOut(WireOut):
    """A model that the team can call and, if its methods allow it, tune."""

    object: Literal["model"] = "model"
    id: str
    created: int
    """When it was made, in unix seconds; 0 if that is not known."""
    owned_by: str
    """The id of the team, or the name of the provider for bases."""
    shutdown_date: str | None
    tunehouse: ModelExtras
    """Fields that OpenAI's API does not have."""


class ModelsOut(WireOut):
    """All models that the team can call; like OpenAI's list, it has no pages."""

    object: Literal["list"] = "list"
    data: list[ModelOut]


class ModelDeleted(WireOut):
    """The answer to a deletion."""

    object: Literal["model"] = "model"
    id: str
    deleted: Literal[True] = True


def model_out(fields: Mapping[str, Any]) -> ModelOut:
    """The wire form of a model with these fields."""
    return ModelOut(**fields)


def tuned_model_fields(model: TunedModel | Row[*tuple[Any, ...]], dates: ShutdownDates) -> dict[str, Any]:
    """The fields of `ModelOut` of a tuned model, ready to be encoded."""
    extras = {
        "provider": model.provider,
        "base_model": model.base_model,
        "parent_model": model.parent_id,
        "migrated_from": model.migrated_from,
        "job_id": model.job_id,
    }
    return {
        "object": "model",
        "id": model.id,
        "created": unix(model.created_at),
        "owned_by": model.team_id,
        "shutdown_date": _iso(dates.of_tuned(model)),
        "tunehouse": _NO_EXTRAS | extras,
    }


def base_model_fields(offer: Offer, dates: ShutdownDates) -> dict[str, Any]:
    """The fields of `ModelOut` of a base model at its provider, ready to be encoded."""
    base = offer.model
    extras = {
        "provider": offer.provider_name,
        "base_model": base.id,
        "names": list(base.names),
        "methods": sorted(base.methods),
        "training_ends": _iso(base.trains_until),
        "stand_in": base.stands_in,
    }
    return {
        "object": "model",
        "id": base.id,
        "created": snapshot_time(base.id),
        "owned_by": offer.provider_name,
        "shutdown_date": _iso(dates.of_offer(offer)),
        "tunehouse": _NO_EXTRAS | extras,
    }


def alias_fields(alias: Alias, target: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an alias among models: its target under the alias's name."""
    return {**target, "id": alias.name, "tunehouse": target["tunehouse"] | {"alias_of": alias.model}}


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
