"""Chores: periodic work that every worker does besides its steps.

A chore is idempotent, because all workers do it; it is short and uses only the database. Calls to providers
are units of work, which a chore may schedule.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from service.audit import actions as audit
from service.audit.export.actions import order_export
from service.core import clock
from service.core.db import transaction
from service.core.prune import prune
from service.gateway.resends.actions import forget_old
from service.jobs.archiving import cancel_left_jobs
from service.jobs.repair import release_orphans, revive_jobs
from service.jobs.tables import ProviderWebhook
from service.jobs.upstream.listing import order_listings
from service.jobs.upstream.orphans import order_sweeps
from service.jobs.upstream.reconcile import order_reconciliations
from service.ledger.actions import end_expired
from service.ledger.budgets.alerts import announce_due, budgets_with_limits
from service.ledger.closing.months import close_month, month_due
from service.ledger.partitions import add_next_month
from service.ledger.rollups.sums import roll_up_team, teams_behind
from service.ledger.shared.actions import book_until
from service.models.deployments.upkeep import end_shut_down, revive_deployments, undeploy_archived
from service.models.shutdowns.actions import schedule_polls
from service.models.shutdowns.notices import send_notices
from service.people.tables import PersonSession, SignInLink
from service.settings import settings
from service.teams.tables import IdempotencyRecord
from service.webhooks.actions import forget_deliveries

log = structlog.get_logger(__name__)

_BATCH = 500
_ROLLING_S = 2.0  # of a turn; the other chores wait meanwhile
_SEARCHED_AT_STARTS = timedelta(seconds=30)  # not again for each of many workers that start together
_REPEATED_WITHIN = timedelta(days=2)  # how long an Idempotency-Key is remembered, as the guide says
_SESSIONS_KEPT = timedelta(days=30)  # longer than any session lasts
_REDELIVERED_WITHIN = timedelta(days=7)  # providers retry a webhook for up to three days


@dataclass(frozen=True)
class Chore:
    """A function to call every `interval_s` seconds; `do` returns how many objects it changed."""

    name: str
    interval_s: float
    do: Callable[[], int]


class ChoreList:
    """The chores and when each is due next; each is due first after one interval."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        started = time.monotonic()
        self._due = {chore: started + chore.interval_s for chore in chores}

    def run_due(self) -> None:
        """Do the chores that are due. One that fails is logged and due again after its interval."""
        for chore, due_at in self._due.items():
            if time.monotonic() >= due_at:
                self._due[chore] = time.monotonic() + chore.interval_s
                do(chore)


def do(chore: Chore) -> None:
    """Do a chore. If it fails, log that."""
    try:
        done = chore.do()
    except Exception:
        # A failing chore must not stop the others, nor the sweep, which runs in the same thread.
        log.exception("chore_failed", chore=chore.name)
        return
    if done:
        log.info("chore_done", chore=chore.name, count=done)


def _end_expired_holds() -> int:
    with transaction() as session:
        return end_expired(session, _BATCH)


def _release_orphaned_holds() -> int:
    with transaction() as session:
        orphans = release_orphans(session, _BATCH)
    for subject_id in orphans:
        # A job and its hold end in one transaction, so this is a bug.
        log.error("hold_without_work", subject_id=subject_id)
    return len(orphans)


def _order_sweeps() -> int:
    return _search_providers(timedelta(seconds=settings().orphan_sweep_interval_s))


def _search_providers(every: timedelta = _SEARCHED_AT_STARTS) -> int:
    with transaction() as session:
        return order_sweeps(session, [one.name for one in settings().providers], every)


def _order_listings() -> int:
    with transaction() as session:
        return order_listings(session, [one.name for one in settings().providers])


def _revive_jobs() -> int:
    with transaction() as session:
        return revive_jobs(session, _BATCH)


def _roll_up() -> int:
    """Add to the sums, one team at a time; after a restore, the backlog takes many turns."""
    ends_at = time.monotonic() + _ROLLING_S
    with transaction() as session:
        teams = list(teams_behind(session))
    random.shuffle(teams)  # or the first teams would have every turn
    added = 0
    for team_id in teams:
        if time.monotonic() > ends_at:
            break
        with transaction() as session:
            added += roll_up_team(session, team_id)
    return added


def _announce_thresholds() -> int:
    with transaction() as session:
        account_ids = budgets_with_limits(session)
    announced = 0
    for account_id in account_ids:
        with transaction() as session:
            announced += announce_due(session, account_id)
    return announced


def _close_months() -> int:
    closed = 0
    month = month_due(clock.now(), settings().month_close_days)
    with transaction() as session:
        book_until(session, month)
    while True:
        # In batches, because a team's requests wait while its month is being closed.
        with transaction() as session:
            newly = close_month(session, month, _BATCH)
        if not newly:
            return closed
        closed += newly


def _add_ledger_month() -> int:
    with transaction() as session:
        return add_next_month(session)


def _schedule_shutdown_polls() -> int:
    with transaction() as session:
        return schedule_polls(session, timedelta(seconds=settings().shutdown_poll_interval_s))


def _send_shutdown_notices() -> int:
    with transaction() as session:
        return send_notices(session, clock.now().date())


def _order_reconciliations() -> int:
    with transaction() as session:
        return order_reconciliations(session, [one.name for one in settings().providers])


def _cancel_left_jobs() -> int:
    with transaction() as session:
        return cancel_left_jobs(session, _BATCH)


def _keep_deployments() -> int:
    with transaction() as session:
        return revive_deployments(session, _BATCH)


def _end_deployments() -> int:
    with transaction() as session:
        return undeploy_archived(session, _BATCH) + end_shut_down(session, _BATCH)


def _export_audit() -> int:
    sink = settings().audit_sink
    if sink is None:
        return 0
    with transaction() as session:
        return order_export(session, sink)


def _forget() -> int:
    with transaction() as session:
        return (
            prune(session, IdempotencyRecord.created_at, _REPEATED_WITHIN, _BATCH)
            + prune(session, PersonSession.created_at, _SESSIONS_KEPT, _BATCH)
            + prune(session, SignInLink.created_at, _SESSIONS_KEPT, _BATCH)
            + prune(session, ProviderWebhook.received_at, _REDELIVERED_WITHIN, _BATCH)
            + forget_deliveries(session, timedelta(days=settings().webhook_keep_days), _BATCH)
            + forget_old(session, _BATCH)
            + audit.forget(session, timedelta(days=settings().audit_keep_days), _BATCH)
        )


# When a worker starts: after a restore, jobs that are younger than the backup are at the provider, not here.
AT_START = Chore("search_providers", 0.0, _search_providers)
CHORES = (
    Chore("roll_up_ledger", 5.0, _roll_up),
    Chore("end_expired_holds", 1.0, _end_expired_holds),
    Chore("release_orphaned_holds", 60.0, _release_orphaned_holds),
    Chore("revive_jobs", 60.0, _revive_jobs),
    Chore("reconcile_providers", 600.0, _order_reconciliations),
    Chore("list_provider_jobs", 10.0, _order_listings),
    Chore("sweep_providers", 60.0, _order_sweeps),
    Chore("announce_thresholds", 300.0, _announce_thresholds),
    Chore("close_months", 600.0, _close_months),
    Chore("add_ledger_month", 600.0, _add_ledger_month),
    Chore("schedule_shutdown_polls", 60.0, _schedule_shutdown_polls),
    Chore("send_shutdown_notices", 600.0, _send_shutdown_notices),
    Chore("cancel_left_jobs", 5.0, _cancel_left_jobs),
    Chore("keep_deployments", 60.0, _keep_deployments),
    Chore("end_deployments", 30.0, _end_deployments),
    Chore("export_audit", 2.0, _export_audit),
    Chore("forget", 10.0, _forget),
)
