"""Ask providers when their models end, and keep what they say."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.offers import offers
from service.core import clock, work
from service.models.shutdowns.tables import AnnouncedEnd, EndPoll
from service.settings import settings

ASK_ENDS = "provider.ask_ends"  # the unit of work that asks one provider

# A model that its provider gives no day of its own ends with the tuned model it grew from.
_TUNED = text("""
    WITH RECURSIVE said AS (
        SELECT t.id, s.day
        FROM unnest(CAST(:models AS text[]), CAST(:days AS date[])) AS s (provider_model, day)
        JOIN tuned_models t USING (provider_model)
        WHERE t.provider = :provider AND s.day IS NOT NULL
    ), ends AS (
        SELECT id, day FROM said
        UNION
        SELECT c.id, e.day FROM ends e JOIN tuned_models c ON c.parent_id = e.id
        WHERE NOT EXISTS (SELECT FROM said WHERE said.id = c.id)
    ), firsts AS (SELECT id, min(day) AS day FROM ends GROUP BY id)
    UPDATE tuned_models t SET shutdown_date = f.day
    FROM tuned_models o LEFT JOIN firsts f ON f.id = o.id
    WHERE t.id = o.id AND t.provider = :provider AND t.shutdown_date IS DISTINCT FROM f.day
""")


def order_polls(session: Session, every: timedelta) -> int:
    """Order a look at each provider that was not asked for so long; returns how many."""
    ordered = 0
    for provider in settings().providers:
        row = insert(EndPoll).values(provider=provider.name, ordered_at=func.now())
        mine = row.on_conflict_do_update(
            index_elements=["provider"],
            set_={"ordered_at": row.excluded.ordered_at},
            where=EndPoll.ordered_at < func.now() - every,
        )
        if session.execute(mine.returning(EndPoll.provider)).one_or_none() is not None:
            work.schedule(session, ASK_ENDS, provider.name)
            ordered += 1
    return ordered


def record_ends(session: Session, provider: str, listed: Mapping[str, date | None]) -> None:
    """Keep the days that a provider names for its models, and forget those it names no more.

    What it does not list at all keeps its day if it is a base: a base that cannot be listed may still end.
    """
    bases = {offer.model.id for offer in offers() if offer.provider_name == provider} & listed.keys()
    withdrawn = [base for base in bases if listed[base] is None]
    session.execute(
        delete(AnnouncedEnd).where(AnnouncedEnd.provider == provider, AnnouncedEnd.model.in_(withdrawn))
    )
    for base in sorted(bases):
        if (day := listed[base]) is not None:
            _announce(session, provider, base, day)
    _record_tuned(session, provider, listed)


def _announce(session: Session, provider: str, base: str, day: date) -> None:
    row = insert(AnnouncedEnd).values(provider=provider, model=base, shutdown_date=day, seen_at=clock.now())
    newer = {"shutdown_date": row.excluded.shutdown_date, "seen_at": row.excluded.seen_at}
    session.execute(row.on_conflict_do_update(index_elements=["provider", "model"], set_=newer))


def _record_tuned(session: Session, provider: str, listed: Mapping[str, date | None]) -> None:
    models: Collection[str] = list(listed)
    session.execute(
        _TUNED, {"provider": provider, "models": models, "days": [listed[model] for model in models]}
    )
