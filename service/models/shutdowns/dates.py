"""When models end: the provider's own word, else the catalogue's.

A tuned model ends on the day its provider names for it or for a tuned model it grew from, else with its base.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.offers import Offer, offers
from service.core import clock
from service.errors import InvalidRequest, TrainingNotAvailable
from service.models.queries import Target
from service.models.shutdowns.tables import AnnouncedEnd
from service.models.tables import TunedModel
from service.settings import settings

# Days before an end at which a team is told: the last one reached, once each.
STAGES = (7, 30, 60, 90)


@dataclass(frozen=True)
class Ends:
    """The ends of all bases on offer, by provider and base."""

    of_bases: Mapping[tuple[str, str], date]

    def of_offer(self, offer: Offer) -> date | None:
        """A base's end at its provider; None when none is known."""
        return self.of_bases.get((offer.provider_name, offer.model.id))

    def of_tuned(self, model: TunedModel) -> date | None:
        """A tuned model's end; None when none is known."""
        return model.shutdown_date or self.of_bases.get((model.provider, model.base_model))

    def of_target(self, target: Target) -> date | None:
        """The end of what a name stands for; None when none is known."""
        return self.of_tuned(target.tuned) if target.tuned else self.of_offer(target.offer)


def known_ends(session: Session) -> Ends:
    """All ends as they are known now."""
    announced = {
        (row.provider, row.model): row.shutdown_date for row in session.scalars(select(AnnouncedEnd))
    }
    listed = {
        (offer.provider_name, offer.model.id): offer.model.shutdown_date
        for offer in offers()
        if offer.model.shutdown_date is not None
    }
    return Ends(listed | announced)


def check_not_ended(session: Session, target: Target) -> date | None:
    """When a target ends, if that is known. Raises `TrainingNotAvailable` when it has ended already."""
    ends, today = known_ends(session), clock.now().date()
    end = ends.of_target(target)
    if end is not None and end <= today:
        raise TrainingNotAvailable(
            f"{target.model_id!r} was shut down on {end}. By the same methods these last: "
            f"{_names_lasting(ends, target, today)}.",
            param="model",
        )
    return end


def check_end(session: Session, target: Target, *, acknowledged: bool) -> None:
    """Refuse to tune what has ended, and what ends soon unless the caller says that it is known.

    Raises `TrainingNotAvailable` or `InvalidRequest`, either naming what lasts longer.
    """
    end, today = check_not_ended(session, target), clock.now().date()
    if end is None or acknowledged or (end - today).days > settings().shutdown_acknowledge_days:
        return
    raise InvalidRequest(
        f"{target.model_id!r} shuts down on {end}, in {(end - today).days} days, and what is tuned "
        f"from it too. Send 'tunehouse': {{'acknowledge_shutdown': true}} to tune it all the same. "
        f"These last longer: {_names_lasting(known_ends(session), target, today)}.",
        param="tunehouse.acknowledge_shutdown",
        code="shutdown_not_acknowledged",
    )


def _names_lasting(ends: Ends, target: Target, today: date) -> str:
    return ", ".join(lasting_longer(ends, target, today)) or "none of the configured providers' models"


def lasting_longer(ends: Ends, target: Target, today: date) -> list[str]:
    """The bases that take one of the same methods today and need no acknowledgement."""
    found = []
    for offer in offers():
        end = ends.of_offer(offer)
        lasts = end is None or (end - today).days > settings().shutdown_acknowledge_days
        if lasts and offer.model.trains_on(today) and set(offer.model.methods) & set(target.base.methods):
            found.append(offer.model.id)
    return list(dict.fromkeys(found))


def stage(days_left: int) -> int | None:
    """Which notice is due that many days before an end; None when none is, or no more. Pure."""
    reached = [days for days in STAGES if 0 <= days_left <= days]
    return min(reached, default=None)
