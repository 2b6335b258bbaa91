"""Schedule polls of the providers' shutdown dates, and record what they answer."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.offers import offers
from service.core import clock, work
from service.models.shutdowns.tables import AnnouncedShutdown, ShutdownPoll
from service.settings import settings

POLL = "shutdown.poll"  # the work item that asks one provider for its models' shutdown dates

# A model for which its provider names no day of its own shuts down with the tuned model it was made from.
_RECORD_TUNED = text("""
    WITH RECURSIVE named AS (
        SELECT t.id, s.day
        FROM unnest(CAST(:models AS text[]), CAST(:days AS date[])) AS s (provider_model, day)
        JOIN tuned_models t USING (provider_model)
        WHERE t.provider = :provider AND s.day IS NOT NULL
    ), inherited AS (
        SELECT id, day FROM named
        UNION
        SELECT c.id, i.day FROM inherited i JOIN tuned_models c ON c.parent_id = i.id
        WHERE NOT EXISTS (SELECT FROM named WHERE named.id = c.id)
    ), earliest AS (SELECT id, min(day) AS day FROM inherited GROUP BY id)
    UPDATE tuned_models t SET shutdown_date = e.day
    FROM tuned_models o LEFT JOIN earliest e ON e.id = o.id
    WHERE t.id = o.id AND t.provider = :provider AND t.shutdown_date IS DISTINCT FROM e.day
""")


def schedule_polls(session: Session, every: timedelta) -> int:
    """Schedule a poll of each provider whose last one is at least `every` old; returns how many."""
    scheduled = 0
    for provider in settings().providers:
        row = insert(ShutdownPoll).values(provider=provider.name, scheduled_at=func.now())
        due = row.on_conflict_do_update(
            index_elements=["provider"],
            set_={"scheduled_at": row.excluded.scheduled_at},
            where=ShutdownPoll.scheduled_at < func.now() - every,
        )
        if session.execute(due.returning(ShutdownPoll.provider)).one_or_none() is not None:
            work.schedule(session, POLL, provider.name)
            scheduled += 1
    return scheduled


def record_shutdowns(session: Session, provider: str, listed: Mapping[str, date | None]) -> None:
    """Store the shutdown dates that a provider lists for its models, and remove those it has withdrawn.

    A base that is missing from the list keeps its date: a base that cannot be listed may still shut down.
    """
    bases = {offer.model.id for offer in offers() if offer.provider_name == provider} & listed.keys()
    withdrawn = [base for base in bases if listed[base] is None]
    session.execute(
        delete(AnnouncedShutdown).where(
            AnnouncedShutdown.provider == provider, AnnouncedShutdown.model.in_(withdrawn)
        )
    )
    for base in sorted(bases):
        if (day := listed[base]) is not None:
            _announce(session, provider, base, day)
    models = list(listed)
    session.execute(
        _RECORD_TUNED, {"provider": provider, "models": models, "days": [listed[model] for model in models]}
    )


def _announce(session: Session, provider: str, base: str, day: date) -> None:
    row = insert(AnnouncedShutdown).values(
        provider=provider, model=base, shutdown_date=day, seen_at=clock.now()
    )
    newer = {"shutdown_date": row.excluded.shutdown_date, "seen_at": row.excluded.seen_at}
    session.execute(row.on_conflict_do_update(index_elements=["provider", "model"], set_=newer))
