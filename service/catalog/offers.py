"""The base models on offer: those that the catalogue lists for the configured providers."""

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
    """Every base of every configured provider, including retired ones, in the order of the settings."""
    return [
        Offer(provider.name, model)
        for provider in settings().providers
        for model in models.offered(provider.kind)
    ]


def resolve_base(model_id: str) -> Offer:
    """Find the offer for `model_id` at the first configured provider that has it.

    Write `{provider}/{model}` to choose the provider. Raises `InvalidRequest` with the list of bases on
    offer.
    """
    on_offer = offers()
    for offer in on_offer:
        if model_id in (offer.model.id, f"{offer.provider_name}/{offer.model.id}"):
            return offer
    raise InvalidRequest(
        f"Model {model_id!r} is not available for fine-tuning or does not exist. "
        f"On offer: {_names(on_offer) or 'none, because no provider is configured'}.",
        param="model",
        code="model_not_available",
    )


def check_trainable(offer: Offer, method: str, on: date) -> None:
    """Check that a base can be tuned by `method` on a date; the errors name alternatives.

    Raises `InvalidRequest` for an unsupported method, and `TrainingNotAvailable` outside the training dates.
    """
    base = offer.model
    if method not in base.methods:
        others = [other for other in offers() if method in other.model.methods and other.model.trains_on(on)]
        raise InvalidRequest(
            f"'{base.id}' does not support the method '{method}'. Supported: {', '.join(base.methods)}. "
            f"Models that support '{method}': {_places(others) or 'none at the configured providers'}.",
            param="method",
            code="method_not_available",
        )
    if not base.trains_on(on):
        others = [other for other in offers() if method in other.model.methods and other.model.trains_on(on)]
        until = f" since {base.trains_until}" if base.trains_until and base.trains_until <= on else ""
        raise TrainingNotAvailable(
            f"'{base.id}' does not accept new fine-tuning jobs{until}. Models that do, for '{method}': "
            f"{_names(others) or 'none at the configured providers'}.",
            param="model",
        )


def _places(some: list[Offer]) -> str:
    return ", ".join(f"{offer.provider_name}/{offer.model.id}" for offer in some)


def _names(some: list[Offer]) -> str:
    return ", ".join(dict.fromkeys(offer.model.id for offer in some))
