"""What the configured providers offer: the catalogue seen through the settings."""

from dataclasses import dataclass
from datetime import date

from service.catalog import models
from service.catalog.models import CatalogModel
from service.errors import InvalidRequest, TrainingNotAvailable
from service.settings import settings


@dataclass(frozen=True)
class Offer:
    """A base model at a configured provider."""

    provider_name: str
    model: CatalogModel


def offers() -> list[Offer]:
    """Every base at every configured provider, in the order of the settings, retired ones included."""
    return [
        Offer(provider.name, model)
        for provider in settings().providers
        for model in models.offered(provider.kind)
    ]


def resolve_base(model_id: str) -> Offer:
    """The offer that `model_id` names, at the first configured provider that has it.

    `{provider}/{model}` names the provider too. Raises `InvalidRequest`, listing what there is.
    """
    on_offer = offers()
    for offer in on_offer:
        if model_id in (offer.model.id, f"{offer.provider_name}/{offer.model.id}"):
            return offer
    raise InvalidRequest(
        f"Model {model_id!r} is not available for fine-tuning or does not exist. "
        f"On offer: {_names(on_offer) or 'nothing, for no provider is configured'}.",
        param="model",
        code="model_not_available",
    )


def check_trainable(offer: Offer, method: str, on: date) -> None:
    """Refuse a job that this base cannot be tuned by, naming what else can.

    Raises `InvalidRequest` for a method it does not take, `TrainingNotAvailable` outside its training dates.
    """
    base = offer.model
    if method not in base.methods:
        raise InvalidRequest(
            f"'{base.id}' cannot be tuned by method '{method}', only by: {', '.join(base.methods)}.",
            param="method",
            code="method_not_available",
        )
    if not base.trains_on(on):
        others = [other for other in offers() if method in other.model.methods and other.model.trains_on(on)]
        until = f" since {base.trains_until}" if base.trains_until and base.trains_until <= on else ""
        raise TrainingNotAvailable(
            f"'{base.id}' takes no new fine-tuning jobs{until}. By method '{method}' these do: "
            f"{_names(others) or 'none of the configured providers'}.",
            param="model",
        )


def _names(some: list[Offer]) -> str:
    return ", ".join(dict.fromkeys(offer.model.id for offer in some))
