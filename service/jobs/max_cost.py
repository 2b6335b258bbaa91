"""Keep a job below the limit that its team set for it alone.

The estimate is refused at submit when it is above (`admission`). Afterwards the provider may choose more
epochs than we expected, or train for more hours: then the job is paused or cancelled there. With a higher
limit a paused job can be resumed. Training by the hour keeps its next hour reserved as it runs.
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
from service.files.costs import billed_tokens
from service.files.counting import exact_tokens
from service.files.queries import report_of
from service.files.tables import File
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.settle import reported, training_kind, training_price
from service.jobs.states import JobStatus, RequestedAction
from service.jobs.tables import Job
from service.ledger.actions import place_hold
from service.ledger.budgets.actions import set_budget
from service.ledger.money import usd
from service.ledger.queries import cost_of_job, held_for, limits_of
from service.providers.port import ProviderJob
from service.providers.registry import provider_settings

_AHEAD = Decimal("0.25")  # of an hour: the next one is reserved this long before it begins


def keep_below_max_cost(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Have a locked, living job paused or cancelled once it is bound to cost more than it may.

    Said once. A job that is resumed, or that cannot be paused, and goes on above the limit is cancelled.
    """
    at_work = job.status in (JobStatus.VALIDATING_FILES, JobStatus.QUEUED, JobStatus.RUNNING)
    limit = limits_of(session, [job.id]).get(job.id) if at_work and job.requested is None else None
    if limit is None:
        return
    expected = projected_cost(session, job, provider_job)
    if expected <= limit:
        return
    for action in dict.fromkeys((_at_limit(job), RequestedAction.CANCEL)):
        doing = "paused" if action is RequestedAction.PAUSE else "cancelled"
        said = append(
            session,
            team_id=job.team_id,
            subject_id=job.id,
            type=EventType.JOB_MESSAGE,
            level="warn",
            message=f"It comes to ${usd(expected)}, more than its max_cost of ${usd(limit)}: it is {doing}.",
            source_key=f"max_cost:{usd(limit)}:{action}",
        )
        if said is not None:
            job.requested = action
            work.schedule(session, ADVANCE_JOB, job.id)
            return


def keep_covered(session: Session, job: Job, provider_job: ProviderJob) -> None:
    """Reserve the next hour of a locked, running job that is billed by the hour before it has begun.

    Where the budget has no room for it, the job is paused at its provider, or goes on where it cannot be;
    its log says so either way.
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
            message=f"Its next hour is not covered{': it is paused' if can_pause else ''}. {refusal.message}",
            source_key=None if can_pause else "budget:not_covered",
        )
        if can_pause:
            job.requested = RequestedAction.PAUSE
            work.schedule(session, ADVANCE_JOB, job.id)


def change_max_cost(session: Session, job: Job, limit_usd: Decimal | None) -> None:
    """Give a locked, living job another limit or none, and reserve what it may cost under it.

    A job that was paused at the old limit stays so until it is resumed. Raises `InvalidRequest` when it has
    ended, `BudgetExceeded` when it may cost more than the limit or than a budget has room for.
    """
    if job.has_ended:
        raise InvalidRequest(
            f"Job {job.id} has {job.status}; its limit means nothing any more.",
            param="fine_tuning_job_id",
            code="invalid_job_state",
        )
    set_budget(session, job.team_id, limit_usd=limit_usd, period="total", scope="job", account_id=job.id)
    if job.estimated_cost_usd is not None:
        most = _most(session, job, limit_usd, job.estimated_cost_usd)
        rest = max(Decimal(0), most - cost_of_job(session, job.id), _owed(session, job))
        place_hold(session, team_id=job.team_id, subject_id=job.id, amount_usd=rest, key_id=job.key_id)
        job.estimated_cost_usd = most
    now = "no max_cost any more" if limit_usd is None else f"a max_cost of ${usd(limit_usd)} now"
    append(
        session,
        team_id=job.team_id,
        subject_id=job.id,
        type=EventType.JOB_MESSAGE,
        message=f"The job has {now}.",
    )


def _owed(session: Session, job: Job) -> Decimal:
    """What a job that is billed by the hour has used already and was not charged for."""
    if training_kind(job) is not PriceKind.TRAINING_HOURS:
        return Decimal(0)
    used = max(hours(job.training_seconds or 0), hours(_seconds_running(session, job)))
    return training_price(session, job).amount_for(used) - cost_of_job(session, job.id)


def _most(session: Session, job: Job, limit: Decimal | None, estimated: Decimal) -> Decimal:
    """What is to be held for all of a job: what it may cost, as far as that is known."""
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        base = find(provider_settings(job.provider).kind, job.base_model)
        untold = base is None or base.tokens_per_hour is None
        return limit if untold and limit is not None else min(estimated, limit or estimated)
    return max(estimated, training_price(session, job).amount_for(_tokens_ahead(session, job)))


def _at_limit(job: Job) -> RequestedAction:
    return RequestedAction(billing_rules(provider_settings(job.provider).kind).at_max_cost[job.method_type])


def projected_cost(session: Session, job: Job, provider_job: ProviderJob) -> Decimal:
    """What the job has cost by now or, where that is known beforehand, will have cost, in US dollars."""
    quantity = reported(job, provider_job)
    if training_kind(job) is PriceKind.TRAINING_HOURS:
        quantity = max(quantity, hours(_seconds_running(session, job)))
    else:
        quantity = max(quantity, _tokens_ahead(session, job))
    return training_price(session, job).amount_for(quantity)


def _tokens_ahead(session: Session, job: Job) -> Decimal:
    epochs = job.method[job.method_type].get("hyperparameters", {}).get("n_epochs")
    file = session.get(File, job.training_file)
    base = find(provider_settings(job.provider).kind, job.base_model)
    if not isinstance(epochs, int) or file is None or base is None:
        return Decimal(0)
    exact = exact_tokens(session, file, job.provider, base.id)
    return Decimal(billed_tokens(report_of(file), base.token_limit, epochs, exact))


def _seconds_running(session: Session, job: Job) -> float:
    """Until the first pause; what is trained after one, the provider alone knows."""
    started, paused = (_first(session, job, type_) for type_ in (EventType.JOB_STARTED, EventType.JOB_PAUSED))
    if started is None or job.status not in (JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.PAUSED):
        return 0.0
    return ((paused or clock.now()) - started).total_seconds()


def _first(session: Session, job: Job, type_: EventType) -> datetime | None:
    events = select(Event.created_at).where(Event.subject_id == job.id, Event.type == type_)
    return session.scalar(events.order_by(Event.number).limit(1))
