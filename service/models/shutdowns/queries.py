"""Known shutdown dates, and the models and aliases that each team loses on them.

A base model's date is the one its provider announced, else the catalogue's. A tuned model shuts down on the
day that its provider names for it or for a tuned model it was made from, else with its base.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from service.catalog.offers import Offer, offers
from service.models.queries import Target
from service.models.shutdowns.tables import AnnouncedShutdown
from service.models.tables import TunedModel

MOST_NAMED = 1000  # models of one shutdown that are listed by name; all are counted

_DATES = """
    dates AS (SELECT * FROM unnest(CAST(:providers AS text[]), CAST(:bases AS text[]), CAST(:days AS date[]))
              AS d (provider, base_model, day))
"""
_MODELS = text(f"""
    WITH {_DATES}
    SELECT t.team_id, t.provider, t.base_model, coalesce(t.shutdown_date, d.day) AS day,
           count(*) AS model_count, (array_agg(t.id ORDER BY t.created_at, t.id))[1:{MOST_NAMED}] AS names
    FROM tuned_models t LEFT JOIN dates d USING (provider, base_model)
    WHERE t.deleted_at IS NULL AND t.kind = 'model' AND coalesce(t.shutdown_date, d.day) <= :until
      AND (CAST(:team_id AS text) IS NULL OR t.team_id = :team_id)
    GROUP BY 1, 2, 3, 4
""")  # noqa: S608 - constants of this module
_ALIASES = text(f"""
    WITH {_DATES},
    named AS (SELECT * FROM unnest(CAST(:names AS text[]), CAST(:name_providers AS text[]),
              CAST(:name_bases AS text[])) AS n (name, provider, base_model)),
    pointed AS (
        SELECT a.team_id, a.name, coalesce(t.provider, n.provider) AS provider,
               coalesce(t.base_model, n.base_model) AS base_model, t.shutdown_date
        FROM aliases a
        LEFT JOIN tuned_models t ON t.id = a.model AND t.team_id = a.team_id
        LEFT JOIN named n ON n.name = a.model
        WHERE CAST(:team_id AS text) IS NULL OR a.team_id = :team_id
    )
    SELECT p.team_id, p.provider, p.base_model, coalesce(p.shutdown_date, d.day) AS day,
           array_agg(p.name ORDER BY p.name) AS names
    FROM pointed p LEFT JOIN dates d USING (provider, base_model)
    WHERE coalesce(p.shutdown_date, d.day) <= :until
    GROUP BY 1, 2, 3, 4
""")  # noqa: S608 - constants of this module


@dataclass(frozen=True)
class ShutdownDates:
    """The known shutdown dates of all bases on offer, by provider and base."""

    of_bases: Mapping[tuple[str, str], date]

    def of_offer(self, offer: Offer) -> date | None:
        """A base's shutdown date at its provider; None when none is known."""
        return self.of_bases.get((offer.provider_name, offer.model.id))

    def of_tuned(self, model: TunedModel | Row[*tuple[Any, ...]]) -> date | None:
        """A tuned model's shutdown date; None when none is known."""
        return model.shutdown_date or self.of_bases.get((model.provider, model.base_model))

    def of_target(self, target: Target) -> date | None:
        """The shutdown date of a resolved model; None when none is known."""
        return self.of_tuned(target.tuned) if target.tuned else self.of_offer(target.offer)

    def on_offer(self, today: date) -> list[Offer]:
        """The bases that have not shut down."""
        return [offer for offer in offers() if (self.of_offer(offer) or date.max) > today]


class Shutdown(NamedTuple):
    """One shutdown as one team meets it: everything it has of a base that stops on the same day."""

    team_id: str
    provider: str
    base_model: str
    day: date


@dataclass
class Affected:
    """What a team loses in a shutdown: up to `MOST_NAMED` models by name, and how many there are in all."""

    models: list[str] = field(default_factory=list)
    model_count: int = 0
    aliases: list[str] = field(default_factory=list)


def shutdown_dates(session: Session) -> ShutdownDates:
    """All shutdown dates known now."""
    announced = {
        (row.provider, row.model): row.shutdown_date for row in session.scalars(select(AnnouncedShutdown))
    }
    listed = {
        (offer.provider_name, offer.model.id): offer.model.shutdown_date
        for offer in offers()
        if offer.model.shutdown_date is not None
    }
    return ShutdownDates(listed | announced)


def day_of(target: Target, announced: AnnouncedShutdown | None) -> date | None:
    """A target's shutdown date, given what its provider announced for its base; None when none is known."""
    day = target.base.shutdown_date if announced is None else announced.shutdown_date
    of_base = {} if day is None else {(target.provider, target.base.id): day}
    return ShutdownDates(of_base).of_target(target)


def affected(
    session: Session, dates: ShutdownDates, *, until: date = date.max, team_id: str | None = None
) -> Mapping[Shutdown, Affected]:
    """The models and aliases that shut down by `until`, of one team or of all teams."""
    params = _date_params(dates) | {"until": until, "team_id": team_id}
    found: dict[Shutdown, Affected] = {}
    for row in session.execute(_MODELS, params):
        shutdown = Shutdown(row.team_id, row.provider, row.base_model, row.day)
        found[shutdown] = Affected(list(row.names), row.model_count)
    for row in session.execute(_ALIASES, params | _base_names()):
        shutdown = Shutdown(row.team_id, row.provider, row.base_model, row.day)
        found.setdefault(shutdown, Affected()).aliases = list(row.names)
    return found


def _date_params(dates: ShutdownDates) -> dict[str, Any]:
    known = dates.of_bases
    return {
        "providers": [provider for provider, _ in known],
        "bases": [base for _, base in known],
        "days": list(known.values()),
    }


def _base_names() -> dict[str, list[str]]:
    """Names by which an alias may point at a base: its own (the first provider's), or `provider/name`."""
    meant: dict[str, tuple[str, str]] = {}
    for offer in offers():
        one = offer.provider_name, offer.model.id
        for name in (offer.model.id, *offer.model.names):
            meant.setdefault(name, one)
            meant[f"{offer.provider_name}/{name}"] = one
    return {
        "names": list(meant),
        "name_providers": [provider for provider, _ in meant.values()],
        "name_bases": [base for _, base in meant.values()],
    }
