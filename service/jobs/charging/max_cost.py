"""Keep a job below its own `max_cost`, and training by the hour covered by a hold.

A job whose estimate is above its limit is refused (`admission`). Later the provider may choose more epochs
than we expected, or train for more hours: then the job is paused or cancelled. A paused job can be resumed
under a higher limit. Training by the hour holds its next hour before that begins.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.billing import billing_rules
from service.catalog.models import find
from service.catalog.prices import PriceKind, hours
from service.core import clock, work
from service.errors import BudgetExceeded, InvalidRequest
from service.events.actions import append
from service.events.tables import Event
from service.events.types import EventType
from service.jobs.charging.settle import dataset_tokens, epochs_of, judged, training_kind, training_price
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.states import JobStatus, RequestedAction
from service.jobs.tables import Job
from service.ledger.actions import place_hold
from service.ledger.budgets.actions import set_budget
from service.ledger.money import usd
from service.ledger.queries import cost_of_job, held_for, limits_of
from service.providers.port import ProviderJob
from service.providers.registry import provider_settings

_AHEAD = Decimal("0.25")  # of an hour: the next hour is held this long before it begins


def keep_below_max_cost(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Pause or cancel a locked, unfinished job once its projected cost exceeds its limit.

    Each happens once. A job that still exceeds the limit is cancelled if it was resumed or cannot be paused.
    """
    at_work = job.status in (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)
    limit = limits_of(session, [job.id]).get(job.id) if at_work and job.requested is None else None
    if limit is None:
        return
    expected = projected_cost(session, job, provider_job)
    if expected <= limit:
        return
    for action in dict.fromkeys((_at_limit(job), RequestedAction.CANCEL)):
        doing = "Pausing" if action is RequestedAction.PAUSE else "Cancelling"
        said = append(
            session,
            team_id=job.team_id,
            subject_id=job.id,
            type=EventType.JOB_MESSAGE,
            level="warn",
            message=(
                f"{doing} the job: its projected cost ${usd(expected)} exceeds its max_cost of ${usd(limit)}."
            ),
            source_key=f"max_cost:{usd(limit)}:{action}",
        )
        if said is not None:
            job.requested = action
            work.schedule(session, ADVANCE_JOB, job.id, team_id=job.team_id)
            return


def keep_covered(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Hold the next hour of a locked, running job that is billed by the hour, before the hour begins.

    If the budget cannot cover it, the job is paused; a job that cannot be paused continues. Its log says so.
    """
    by_hour = training_kind(job) is PriceKind.TRAINING_HOURS
    if not by_hour or job.status != JobStatus.RUNNING or job.requested is not None:
        return
    charged, held = cost_of_job(session, job.id), held_for(session, job.team_id, job.id)
    used, hour = (
        projected_cost(session, job, provider_job) - charged,
        training_price(session, job).amount_for(1),
    )
    if used + hour * _AHEAD <= held:
        return
    limit = limits_of(session, [job.id]).get(job.id)
    wanted = used + hour if limit is None else min(used + hour, limit - charged)
    if wanted <= held:
        return
    try:
        place_hold(session, team_id=job.team_id, subject_id=job.id, amount_usd=wanted, key_id=job.key_id)
    except BudgetExceeded as refusal:
        can_pause = _at_limit(job) is RequestedAction.PAUSE
        append(
            session,
            team_id=job.team_id,
            subject_id=job.id,
            type=EventType.JOB_MESSAGE,
            level="warn",
            message=(
                f"{'Pausing the job: the' if can_pause else 'The'} budget cannot cover its next hour. "
                f"{refusal.message}"
            ),
            source_key=None if can_pause else "budget:not_covered",
        )
        if can_pause:
            job.requested = RequestedAction.PAUSE
            work.schedule(session, ADVANCE_JOB, job.id, team_id=job.team_id)


def change_max_cost(session: Session, job: Job, limit_usd: Decimal | None) -> None:
    """Set or remove the limit of a locked, unfinished job, and hold what it may cost under it.

    A job that was paused at the old limit stays paused until it is resumed. Raises `InvalidRequest` for a
    finished job, `BudgetExceeded` if it may cost more than the limit or than a budget can cover.
    """
    if job.has_ended:
        raise InvalidRequest(
            f"Job {job.id} is {job.status}. You can change max_cost_usd only until a job has ended.",
            param="fine_tuning_job_id",
            code="invalid_job_state",
        )
    set_budget(session, job.team_id, limit_usd=limit_usd, period="total", scope="job", account_id=job.id)
    if job.estimated_cost_usd is not None:
        most = _most(session, job, limit_usd, job.estimated_cost_usd)
        rest = max(Decimal(0), most - cost_of_job(session, job.id), _owed(session, job))
        place_hold(session, team_id=job.team_id, subject_id=job.id, amount_usd=rest, key_id=job.key_id)
        job.estimated_cost_usd = most
    changed = "was removed" if limit_usd is None else f"is now ${usd(limit_usd)}"
    append(
        session,
        team_id=job.team_id,
        subject_id=job.id,
        type=EventType.JOB_MESSAGE,
        message=f"The job's max_cost {changed}.",
    )


def _owed(session: Session, job: Job) -> Decimal:
    """The cost of what a job that is billed by the hour has used but was not charged for yet."""
    if training_kind(job) is not PriceKind.TRAINING_HOURS:
        return Decimal(0)
    used = max(hours(job.training_seconds or 0), hours(_seconds_running(session, job)))
    return training_price(session, job).amount_for(used) - cost_of_job(session, job.id)


def _most(session: Session, job: Job, limit: Decimal | None, estimated: Decimal) -> Decimal:
    """The highest possible cost of a job under a limit, as far as it is known."""
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        base = find(provider_settings(job.provider).kind, job.base_model)
        unpaced = base is None or base.tokens_per_hour is None
        return limit if unpaced and limit is not None else min(estimated, limit or estimated)
    return max(estimated, training_price(session, job).amount_for(_tokens_ahead(session, job)))


def _at_limit(job: Job) -> RequestedAction:
    return RequestedAction(billing_rules(provider_settings(job.provider).kind).at_max_cost[job.method_type])


def projected_cost(session: Session, job: Job, provider_job: ProviderJob) -> Decimal:
    """The cost of the whole job, as far as it is known in advance; else its cost to date. In US dollars."""
    quantity = judged(session, job, provider_job).quantity
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        quantity = max(quantity, hours(_seconds_running(session, job)))
    else:
        quantity = max(quantity, _tokens_ahead(session, job))
    return training_price(session, job).amount_for(quantity)


def _tokens_ahead(session: Session, job: Job) -> Decimal:
    epochs = epochs_of(job)
    tokens = dataset_tokens(session, job, epochs) if epochs is not None else None
    return tokens or Decimal(0)


def _seconds_running(session: Session, job: Job) -> float:
    """Seconds from the start to the first pause, or to now; after a pause only the provider knows."""
    started, paused = (_first(session, job, type_) for type_ in (EventType.JOB_STARTED, EventType.JOB_PAUSED))
    if started is None or job.status not in (JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.PAUSED):
        return 0.0
    return ((paused or clock.now()) - started).total_seconds()


def _first(session: Session, job: Job, type_: EventType) -> datetime | None:
    events = select(Event.created_at).where(Event.subject_id == job.id, Event.type == type_)
    return session.scalar(events.order_by(Event.number).limit(1))
