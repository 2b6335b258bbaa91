"""What a model's name stands for and what its use costs now, remembered as briefly as keys are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from service.catalog.prices import Price, PriceKind, prices_at, served_as
from service.core.db import transaction
from service.errors import PriceUnknown, Unavailable
from service.gateway.memory import ShortMemory
from service.models.deployments.queries import serving_name
from service.models.queries import Target, resolve
from service.providers.errors import NotConfigured

_NEEDED = (PriceKind.INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)
_ALL = (*_NEEDED, PriceKind.CACHED_INPUT_TOKENS)


@dataclass(frozen=True)
class Priced:
    """A model, where it is served, and its prices; one for cached input need not be among them."""

    target: Target
    prices: Mapping[PriceKind, Price]


class Targets:
    """Knows the models that were called a moment ago, each as its team sees it."""

    def __init__(self, ttl_s: float) -> None:
        self._memory: ShortMemory[tuple[str, str], Priced] = ShortMemory(ttl_s)

    async def find(self, team_id: str, model: str) -> Priced:
        """What the team means by `model`.

        Raises `NotFound`, `PriceUnknown`, and `Unavailable` when its provider is no longer configured.
        """
        return await self._memory.find((team_id, model), lambda: _look_up(team_id, model))


def _look_up(team_id: str, model: str) -> Priced:
    with transaction() as session:
        return priced(session, team_id, model)


def priced(session: Session, team_id: str, model: str) -> Priced:
    """What the team means by `model` at this moment; raises as `Targets.find` does."""
    try:
        target = resolve(session, team_id, model)
    except NotConfigured as gone:
        raise Unavailable(
            f"The provider that serves {model!r} is not configured at present.", param="model"
        ) from gone
    return Priced(replace(target, provider_model=serving_name(target)), _prices(session, target))


def _prices(session: Session, target: Target) -> Mapping[PriceKind, Price]:
    kind = target.base.provider_kind
    listed = served_as(target.base.id, tuned=target.tuned is not None)
    try:
        return prices_at(session, provider_kind=kind, model=listed, kinds=_ALL)
    except PriceUnknown:
        # Not every model has a price of its own for cached input; it then costs what any input costs.
        return prices_at(session, provider_kind=kind, model=listed, kinds=_NEEDED)
