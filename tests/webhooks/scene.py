"""A team with endpoints, and the worker's steps run one by one in this process."""

from datetime import timedelta

from sqlalchemy import func, select, update

from service.core import clock
from service.core.db import transaction
from service.core.work import WorkItem
from service.events.actions import PUBLISH, append
from service.events.types import EventType
from service.teams.actions import create_team
from service.webhooks.actions import DELIVER, create_endpoint
from service.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from worker.run import run_step

SUCCEEDED = EventType.JOB_SUCCEEDED


def make_team(slug: str = "search") -> str:
    """A team's id."""
    with transaction() as session:
        return create_team(session, name=slug, slug=slug, labels={}).id


def make_endpoint(team_id: str, url: str, *types: EventType) -> tuple[str, str]:
    """An endpoint's id and its signing secret."""
    wanted = [type_.value for type_ in types or (SUCCEEDED,)]
    with transaction() as session:
        endpoint, secret = create_endpoint(session, team_id=team_id, name="ci", url=url, event_types=wanted)
        return endpoint.id, secret


def happen(team_id: str, type_: EventType = SUCCEEDED, subject_id: str = "ftjob-1") -> str:
    """Append an event; its id."""
    with transaction() as session:
        event_id = append(session, team_id=team_id, subject_id=subject_id, type=type_)
        assert event_id is not None
        return event_id


def run_due() -> None:
    """Do every step that is due, and what those make due, until nothing is."""
    while True:
        with transaction() as session:
            due = select(WorkItem.kind, WorkItem.subject_id).where(
                WorkItem.next_step_at <= func.now(), WorkItem.kind.in_((PUBLISH, DELIVER))
            )
            names = [(row.kind, row.subject_id) for row in session.execute(due)]
        if not names:
            return
        for kind, subject_id in names:
            run_step(kind, subject_id)


def pass_time() -> None:
    """The pauses of all waiting work are over."""
    with transaction() as session:
        session.execute(update(WorkItem).values(next_step_at=func.now()))


def pauses() -> list[float]:
    """Seconds until each waiting unit of work is due."""
    with transaction() as session:
        return [
            (moment - clock.now()).total_seconds()
            for moment in session.scalars(select(WorkItem.next_step_at))
        ]


def deliveries() -> list[WebhookDelivery]:
    """Every delivery, oldest first."""
    with transaction() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.created_at)))


def attempts(delivery_id: str) -> list[WebhookAttempt]:
    """Every attempt at a delivery, oldest first."""
    of_it = select(WebhookAttempt).where(WebhookAttempt.delivery_id == delivery_id)
    with transaction() as session:
        return list(session.scalars(of_it.order_by(WebhookAttempt.number)))


def endpoint(endpoint_id: str) -> WebhookEndpoint:
    """The endpoint as it stands."""
    with transaction() as session:
        return session.get_one(WebhookEndpoint, endpoint_id)


def fail_for(endpoint_id: str, period: timedelta) -> None:
    """Make an endpoint one that has failed for that long."""
    failing = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    with transaction() as session:
        session.execute(failing.values(failing_since=clock.now() - period))


def let_leases_end() -> None:
    """The workers that held leases are dead, and their time is up."""
    with transaction() as session:
        session.execute(update(WorkItem).values(leased_until=func.now() - timedelta(seconds=1)))
