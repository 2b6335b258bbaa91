"""Which models and aliases of which teams end on which day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from service.catalog.offers import offers
from service.models.shutdowns.dates import Ends

MOST_NAMED = 1000  # models of one ending that are listed by name; all are counted

_ENDS = """
    ends AS (SELECT * FROM unnest(CAST(:providers AS text[]), CAST(:bases AS text[]), CAST(:days AS date[]))
             AS e (provider, base_model, day))
"""
_MODELS = text(f"""
    WITH {_ENDS}
    SELECT t.team_id, t.provider, t.base_model, coalesce(t.shutdown_date, e.day) AS day,
           count(*) AS model_count, (array_agg(t.id ORDER BY t.created_at, t.id))[1:{MOST_NAMED}] AS names
    FROM tuned_models t LEFT JOIN ends e USING (provider, base_model)
    WHERE t.deleted_at IS NULL AND t.kind = 'model' AND coalesce(t.shutdown_date, e.day) <= :until
      AND (CAST(:team_id AS text) IS NULL OR t.team_id = :team_id)
    GROUP BY 1, 2, 3, 4
""")  # noqa: S608 - constants of this module
_ALIASES = text(f"""
    WITH {_ENDS},
    named AS (SELECT * FROM unnest(CAST(:names AS text[]), CAST(:name_providers AS text[]),
              CAST(:name_bases AS text[])) AS n (name, provider, base_model)),
    aims AS (
        SELECT a.team_id, a.name, coalesce(t.provider, n.provider) AS provider,
               coalesce(t.base_model, n.base_model) AS base_model, t.shutdown_date
        FROM aliases a
        LEFT JOIN tuned_models t ON t.id = a.model AND t.team_id = a.team_id
        LEFT JOIN named n ON n.name = a.model
        WHERE CAST(:team_id AS text) IS NULL OR a.team_id = :team_id
    )
    SELECT s.team_id, s.provider, s.base_model, coalesce(s.shutdown_date, e.day) AS day,
           array_agg(s.name ORDER BY s.name) AS names
    FROM aims s LEFT JOIN ends e USING (provider, base_model)
    WHERE coalesce(s.shutdown_date, e.day) <= :until
    GROUP BY 1, 2, 3, 4
""")  # noqa: S608 - constants of this module


class EndKey(NamedTuple):
    """What ends together: all that a team has of one base by one day."""

    team_id: str
    provider: str
    base_model: str
    day: date


@dataclass
class Ending:
    """The names of what ends; at most `MOST_NAMED` models are named, `model_count` counts them all."""

    models: list[str] = field(default_factory=list)
    model_count: int = 0
    aliases: list[str] = field(default_factory=list)


def endings(
    session: Session, ends: Ends, *, until: date = date.max, team_id: str | None = None
) -> Mapping[EndKey, Ending]:
    """Everything that ends by `until`, of one team or of all."""
    params = _params(ends) | {"until": until, "team_id": team_id}
    found: dict[EndKey, Ending] = {}
    for row in session.execute(_MODELS, params):
        key = EndKey(row.team_id, row.provider, row.base_model, row.day)
        found[key] = Ending(list(row.names), row.model_count)
    for row in session.execute(_ALIASES, params | _base_names()):
        key = EndKey(row.team_id, row.provider, row.base_model, row.day)
        found.setdefault(key, Ending()).aliases = list(row.names)
    return found


def _params(ends: Ends) -> dict[str, Any]:
    known = ends.of_bases
    return {
        "providers": [provider for provider, _ in known],
        "bases": [base for _, base in known],
        "days": list(known.values()),
    }


def _base_names() -> dict[str, list[str]]:
    """What bases may be called: by id, at the first provider that has it, or with a provider's name."""
    meant: dict[str, tuple[str, str]] = {}
    for offer in offers():
        one = offer.provider_name, offer.model.id
        meant.setdefault(offer.model.id, one)
        meant["/".join(one)] = one
    return {
        "names": list(meant),
        "name_providers": [provider for provider, _ in meant.values()],
        "name_bases": [base for _, base in meant.values()],
    }
