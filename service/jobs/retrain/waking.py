"""Go on with a retrain as soon as the job of its step has ended."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core import work
from service.jobs.kinds import ADVANCE_RETRAIN
from service.jobs.retrain.tables import Retrain, RetrainStep
from service.jobs.tables import Job


def wake_retrain(session: Session, job: Job) -> None:
    """Have the retrain looked after whose step an ended job is; most jobs are no retrain's."""
    waiting = (
        select(RetrainStep.retrain_id)
        .join(Retrain, Retrain.id == RetrainStep.retrain_id)
        .where(RetrainStep.job_id == job.id, Retrain.status == "running")
    )
    retrain_id = session.scalar(waiting)
    if retrain_id is not None:
        work.schedule(session, ADVANCE_RETRAIN, retrain_id)
