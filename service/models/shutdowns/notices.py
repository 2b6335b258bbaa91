"""What breaks when: the ends that lie ahead, on the wire and told in time."""

from datetime import date, timedelta
from typing import Literal

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.offers import offers
from service.core import clock
from service.core.wire import WireOut
from service.events.actions import append
from service.events.types import EventType
from service.models.shutdowns.affected import Ending, EndKey, endings
from service.models.shutdowns.dates import STAGES, known_ends, stage
from service.models.shutdowns.tables import EndNotice

_TOLD_NAMES = 100  # a notice is a hint: the whole list is at GET /v1/shutdowns


class ShutdownOut(WireOut):
    """An end and what of the team's comes with it; days count from today. Models are listed up to 1,000."""

    object: Literal["shutdown"] = "shutdown"
    model: str
    provider: str
    shutdown_date: str
    days_left: int
    training_ends: str | None
    models: list[str]
    model_count: int
    aliases: list[str]


class ShutdownsOut(WireOut):
    """All known ends, the nearest first."""

    object: Literal["list"] = "list"
    data: list[ShutdownOut]
    has_more: Literal[False] = False


def upcoming(session: Session, team_id: str, today: date) -> ShutdownsOut:
    """Every end that lies ahead, and those behind us that still concern something of the team."""
    ends = known_ends(session)
    own = dict(endings(session, ends, team_id=team_id))
    for (provider, base), day in ends.of_bases.items():
        if day >= today:
            own.setdefault(EndKey(team_id, provider, base, day), Ending())
    last_days = {(offer.provider_name, offer.model.id): offer.model.trains_until for offer in offers()}
    found = [
        _out(key, ending, last_days.get((key.provider, key.base_model)), today) for key, ending in own.items()
    ]
    return ShutdownsOut(data=sorted(found, key=lambda end: (end.shutdown_date, end.model, end.provider)))


def tell_ends(session: Session, today: date) -> int:
    """Tell every team of what ends soon, once per base, day and stage; returns how many notices that were."""
    until = today + timedelta(days=max(STAGES))
    told = 0
    for key, ending in endings(session, known_ends(session), until=until).items():
        days_left = (key.day - today).days
        due = stage(days_left)
        if due is not None and _claim(session, key, due):
            _tell(session, key, ending, days_left)
            told += 1
    return told


def _claim(session: Session, key: EndKey, days: int) -> bool:
    """Whether this notice is ours to send: one of all workers gets the row in."""
    row = insert(EndNotice).values(
        team_id=key.team_id,
        provider=key.provider,
        base_model=key.base_model,
        shutdown_date=key.day,
        days=days,
        told_at=clock.now(),
    )
    new = row.on_conflict_do_nothing().returning(EndNotice.days)
    return session.execute(new).one_or_none() is not None


def _tell(session: Session, key: EndKey, ending: Ending, days_left: int) -> None:
    append(
        session,
        team_id=key.team_id,
        subject_id=key.base_model,
        type=EventType.MODEL_SHUTDOWN_APPROACHING,
        level="warn",
        message=(
            f"{key.base_model} shuts down on {key.day}, in {days_left} days: {ending.model_count} tuned "
            f"models and {len(ending.aliases)} aliases end with it."
        ),
        data={
            "provider": key.provider,
            "shutdown_date": key.day.isoformat(),
            "days_left": days_left,
            "models": ending.models[:_TOLD_NAMES],
            "model_count": ending.model_count,
            "aliases": ending.aliases[:_TOLD_NAMES],
        },
    )


def _out(key: EndKey, ending: Ending, training_ends: date | None, today: date) -> ShutdownOut:
    return ShutdownOut(
        model=key.base_model,
        provider=key.provider,
        shutdown_date=key.day.isoformat(),
        days_left=(key.day - today).days,
        training_ends=training_ends.isoformat() if training_ends else None,
        models=ending.models,
        model_count=ending.model_count,
        aliases=ending.aliases,
    )
