"""What a model name stands for and what using it costs now, remembered as briefly as keys are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from anyio import CapacityLimiter
from sqlalchemy.orm import Session

from service.catalog.models import CatalogModel
from service.catalog.price import SERVICE_TIERS, STANDARD
from service.catalog.prices import Price, PriceKind, served_as, unknown_price, use_prices
from service.core.db import transaction
from service.core.short_memory import ShortMemory
from service.errors import PriceUnknown, Unavailable
from service.gateway.metering.usage import load_encoding
from service.models.deployments.actions import wake_named
from service.models.deployments.queries import Asleep, serving_name
from service.models.queries import Target, resolve
from service.models.shutdowns.checks import check_serving
from service.providers.errors import NotConfigured

_LOOK_UPS = CapacityLimiter(8)  # at a time
_NEEDED = (PriceKind.INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)

Prices = Mapping[PriceKind, Price]


@dataclass(frozen=True)
class Priced:
    """A model, where it is served, and its prices by service tier; each tier prices input and output."""

    target: Target
    tiers: Mapping[str, Prices]

    @property
    def prices(self) -> Prices:
        """The prices of the standard tier."""
        return self.tiers[STANDARD]

    def unknown(self, kind: PriceKind, tier: str = STANDARD) -> PriceUnknown:
        """Return the error that names a price this model lacks."""
        base = self.target.base
        listed = served_as(base.id, tuned=self.target.tuned is not None)
        return unknown_price(base.provider_kind, listed, kind, tier=tier)


class Targets:
    """Knows the models that were called a moment ago, as each team sees them."""

    def __init__(self, ttl_s: float) -> None:
        self._memory: ShortMemory[tuple[str, str], Priced] = ShortMemory(ttl_s, _LOOK_UPS)

    async def find(self, team_id: str, model: str) -> Priced:
        """Return what the team means by `model`; a model that sleeps is woken.

        Raises `NotFound`, `PriceUnknown`, and `Unavailable` when its provider is no longer configured.
        """
        return await self._memory.find((team_id, model), lambda: _look_up(team_id, model))


def _look_up(team_id: str, model: str) -> Priced:
    try:
        with transaction() as session:
            found = priced(session, team_id, model)
    except Asleep:
        with transaction() as session:
            wake_named(session, team_id, model)
        raise
    # Before the model's first request rather than in the middle of everyone's streams, which loading halts.
    load_encoding(found.target.base.encoding)
    return found


def priced(session: Session, team_id: str, model: str) -> Priced:
    """Return what the team means by `model` at this moment; raises as `Targets.find` does."""
    try:
        target = resolve(session, team_id, model)
    except NotConfigured as gone:
        raise Unavailable(
            f"The provider that serves {model!r} is not configured at present.", param="model"
        ) from gone
    check_serving(session, target)
    tiers = _tiers(session, target.base, tuned=target.tuned is not None)
    found = Priced(replace(target, provider_model=serving_name(session, target)), tiers)
    for kind in _NEEDED:
        if kind not in found.prices:
            raise found.unknown(kind)
    return found


def priced_as_tuned(session: Session, base: Target) -> Priced:
    """Return a base model with the prices of a model that is tuned from it. Raises `PriceUnknown`."""
    found = Priced(base, _tiers(session, base.base, tuned=True))
    for kind in _NEEDED:
        if kind not in found.prices:
            raise unknown_price(base.base.provider_kind, served_as(base.base.id, tuned=True), kind)
    return found


def _tiers(session: Session, base: CatalogModel, *, tuned: bool) -> Mapping[str, Prices]:
    listed = served_as(base.id, tuned=tuned)
    book = use_prices(session, provider_kind=base.provider_kind, model=listed)
    standard = book.get(STANDARD, {})
    return {STANDARD: standard} | {
        tier: book[tier]
        for tier in SERVICE_TIERS
        if tier in book and all(kind in book[tier] for kind in _NEEDED)
    }
