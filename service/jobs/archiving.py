"""Cancel the unfinished jobs of archived teams, if the admin who archived the team chose `cancel`."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.jobs.actions import request_action
from service.jobs.queries import locked_job
from service.jobs.states import TERMINAL, RequestedAction
from service.jobs.tables import Job
from service.teams.actions import LeftJobs
from service.teams.tables import Team


def cancel_left_jobs(session: Session, limit: int) -> int:
    """Request the cancellation of up to `limit` jobs of archived teams; returns how many.

    A chore calls this regularly, so it also finds a job that was being created while its team was archived.
    """
    unasked = or_(Job.requested.is_(None), Job.requested != RequestedAction.CANCEL)
    left = (
        select(Job.id)
        .join(Team, Team.id == Job.team_id)
        .where(Team.left_jobs == LeftJobs.CANCEL, Job.finished_at.is_(None), unasked)
        .limit(limit)
    )
    cancelled = 0
    for job_id in session.scalars(left).all():
        job = locked_job(session, job_id)
        if job.status not in TERMINAL:
            request_action(session, job, RequestedAction.CANCEL)
            cancelled += 1
    return cancelled
