"""Refuse models that have shut down, and tuning one that shuts down soon without an acknowledgement.

The dates themselves are found in `queries`.
"""

from datetime import date

from sqlalchemy.orm import Session

from service.core import clock
from service.errors import InvalidRequest, NotFound, TrainingNotAvailable
from service.models.queries import Target
from service.models.shutdowns.queries import ShutdownDates, day_of, shutdown_dates
from service.models.shutdowns.tables import AnnouncedShutdown
from service.settings import settings


def check_shutdown(
    session: Session, target: Target, announced: AnnouncedShutdown | None, *, acknowledged: bool
) -> date | None:
    """A target's shutdown date, if one is known, unless it rules out tuning the target.

    `announced` is what its provider has announced for its base.
    Raises `TrainingNotAvailable` once the date has passed, and `InvalidRequest` when it is near and the
    caller does not acknowledge it. Both name models that last longer.
    """
    today, day = clock.now().date(), day_of(target, announced)
    if day is None or (acknowledged and day > today):
        return day
    if day > today and (day - today).days > settings().shutdown_acknowledge_days:
        return day
    lasting = _list_lasting(shutdown_dates(session), target, today)
    if day <= today:
        raise TrainingNotAvailable(
            f"The model {target.model_id!r} was shut down on {day}. Models that stay available and support "
            f"the same methods: {lasting}.",
            param="model",
        )
    raise InvalidRequest(
        f"The model {target.model_id!r} shuts down on {day}, in {(day - today).days} days, and so does every "
        f"model tuned from it. To tune it anyway, send 'tunehouse': {{'acknowledge_shutdown': true}}. "
        f"Models that last longer: {lasting}.",
        param="tunehouse.acknowledge_shutdown",
        code="shutdown_not_acknowledged",
    )


def check_serving(session: Session, target: Target) -> None:
    """Raise `NotFound` if a target has shut down; the error names models that answer the same requests."""
    dates, today = shutdown_dates(session), clock.now().date()
    day = dates.of_target(target)
    if day is None or day > today:
        return
    formats = set(target.base.formats.values())
    lasting = [offer.model for offer in dates.on_offer(today)]
    alike = [base.id for base in lasting if formats & set(base.formats.values())]
    raise NotFound(
        f"The model {target.model_id!r} was shut down on {day}. Models that answer: "
        f"{', '.join(dict.fromkeys(alike)) or 'none of the configured providers has one'}.",
        param="model",
        code="model_shut_down",
    )


def _list_lasting(dates: ShutdownDates, target: Target, today: date) -> str:
    return ", ".join(_lasting_longer(dates, target, today)) or "none of the configured providers' models"


def _lasting_longer(dates: ShutdownDates, target: Target, today: date) -> list[str]:
    """The bases that support one of the same methods today and need no acknowledgement."""
    found = []
    for offer in dates.on_offer(today):
        day = dates.of_offer(offer)
        lasts = day is None or (day - today).days > settings().shutdown_acknowledge_days
        if lasts and offer.model.trains_on(today) and set(offer.model.methods) & set(target.base.methods):
            found.append(offer.model.id)
    return list(dict.fromkeys(found))
