"""The base models on offer: those that the catalogue lists for the configured providers."""

from dataclasses import dataclass
from datetime import date

from service.catalog import models
from service.catalog.models import CatalogModel
from service.core import clock
from service.errors import InvalidRequest, TrainingNotAvailable
from service.settings import settings


@dataclass(frozen=True)
class Offer:
    """A base model at a configured provider."""

    provider_name: str
    model: CatalogModel

    def is_named(self, name: str) -> bool:
        """Whether `name` means this offer: a name of the base, or `{provider}/` and such a name."""
        return self.model.answers_to(name) or self.model.answers_to(
            name.removeprefix(f"{self.provider_name}/")
        )


def offers() -> list[Offer]:
    """Every base of every configured provider, including retired ones, in the order of the settings."""
    return [
        Offer(provider.name, model)
        for provider in settings().providers
        for model in models.offered(provider.kind)
    ]


def find_base(name: str) -> Offer | None:
    """Return the offer that `name` means, at the first configured provider that has it.

    `{provider}/{name}` chooses the provider.
    """
    return next((offer for offer in offers() if offer.is_named(name)), None)


def names_on_offer() -> str:
    """Return the bases that the catalogue does not list as shut down, for an error message."""
    today = clock.now().date()
    lasting = [offer for offer in offers() if (offer.model.shutdown_date or date.max) > today]
    return _names(lasting) or "none, because no provider is configured"


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
