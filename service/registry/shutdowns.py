"""What dies when: bases with an end date, and all of a team's models and aliases that go with them."""

from collections import defaultdict
from datetime import date
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.offers import offers
from service.core.wire import WireOut
from service.registry.aliases import Alias
from service.registry.tables import TunedModel


class ShutdownOut(WireOut):
    """A base's end at a provider and what of the team's ends with it; days count from today."""

    object: Literal["shutdown"] = "shutdown"
    model: str
    provider: str
    shutdown_date: str
    days_left: int
    training_ends: str | None
    models: list[str]
    aliases: list[str]


class ShutdownsOut(WireOut):
    """All known ends, the nearest first."""

    object: Literal["list"] = "list"
    data: list[ShutdownOut]
    has_more: Literal[False] = False


def upcoming(session: Session, team_id: str, today: date) -> ShutdownsOut:
    """Every end that lies ahead, and those behind us that still concern models of the team."""
    models, aliases = _models_by_base(session, team_id), _aliases_by_model(session, team_id)
    found = []
    for offer in offers():
        base, day = offer.model, offer.model.shutdown_date
        own = models[offer.provider_name, base.id]
        if day is None or (day < today and not own):
            continue
        named = [name for model in [base.id, *own] for name in aliases[model]]
        ends = base.trains_until
        found.append(
            ShutdownOut(
                model=base.id,
                provider=offer.provider_name,
                shutdown_date=day.isoformat(),
                days_left=(day - today).days,
                training_ends=ends.isoformat() if ends else None,
                models=own,
                aliases=sorted(named),
            )
        )
    return ShutdownsOut(data=sorted(found, key=lambda end: (end.shutdown_date, end.model)))


def _models_by_base(session: Session, team_id: str) -> dict[tuple[str, str], list[str]]:
    own = TunedModel.team_id == team_id, TunedModel.deleted_at.is_(None), TunedModel.kind == "model"
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for model in session.scalars(select(TunedModel).where(*own).order_by(TunedModel.created_at)):
        grouped[model.provider, model.base_model].append(model.id)
    return grouped


def _aliases_by_model(session: Session, team_id: str) -> dict[str, list[str]]:
    own = Alias.team_id == team_id, Alias.model.is_not(None)
    grouped: dict[str, list[str]] = defaultdict(list)
    for alias in session.scalars(select(Alias).where(*own)):
        grouped[str(alias.model)].append(alias.name)
    return grouped
