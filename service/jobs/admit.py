"""Admit a job whose files were still being checked when it was created."""

from sqlalchemy.orm import Session

from service.catalog.offers import check_trainable
from service.core import clock
from service.jobs import admission
from service.jobs.actions import warn_of_shared_rows
from service.jobs.tables import Job
from service.ledger.queries import limits_of
from service.models.queries import resolve
from service.models.shutdowns.checks import check_not_shut_down


def admit(session: Session, job: Job) -> bool:
    """Check a locked job's files and hold its cost; False while a file is still being checked.

    Raises what `admission` raises: then the job cannot run.
    """
    target = resolve(session, job.team_id, job.model)
    check_trainable(target.offer, job.method_type, clock.now().date())
    check_not_shut_down(session, target)
    wanted = target.base.formats[job.method_type]
    file = admission.check_files(session, job.team_id, wanted, job.training_file, job.validation_file)
    if file is None:
        return False
    settings = job.method[job.method_type].get("hyperparameters", {})
    limit = limits_of(session, [job.id]).get(job.id)
    planned = admission.plan(session, target, job.method_type, settings, file, max_cost_usd=limit)
    job.estimated_cost_usd = admission.hold_cost(session, job.team_id, job.id, job.key_id, planned)
    warn_of_shared_rows(session, job, file)
    return True
