"""Repair orphans: holds without work, and unfinished jobs without a unit of work.

A hold without an expiry belongs to a job or a comparison, whose hold and unit of work begin and end in the
same transactions. So a statement that sees one without the other has found a bug, not a race, and can repair
it at once.
"""

from collections.abc import Sequence

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from service.core import work
from service.core.work import WorkItem
from service.jobs.kinds import ADVANCE_JOB
from service.jobs.tables import Job
from service.ledger.actions import settle_many
from service.ledger.charges import Settlement
from service.ledger.tables import HoldRow


def orphaned_holds(session: Session, limit: int) -> Sequence[tuple[str, str]]:
    """Holds that nothing will release, as (team, subject).

    They have no expiry, and there is neither an unfinished job nor a unit of work of that id.
    """
    living = and_(Job.id == HoldRow.subject_id, Job.team_id == HoldRow.team_id, Job.finished_at.is_(None))
    tended = select(WorkItem.kind).where(WorkItem.subject_id == HoldRow.subject_id)
    orphans = (
        select(HoldRow.team_id, HoldRow.subject_id)
        .where(HoldRow.expires_at.is_(None), ~select(Job.id).where(living).exists(), ~tended.exists())
        .order_by(HoldRow.placed_at)
        .limit(limit)
    )
    return [(row.team_id, row.subject_id) for row in session.execute(orphans)]


def release_orphans(session: Session, limit: int) -> list[str]:
    """Release the holds that nothing else will release; returns their subjects."""
    gone = [Settlement(team_id, subject_id) for team_id, subject_id in orphaned_holds(session, limit)]
    if gone:
        settle_many(session, gone)
    return [hold.subject_id for hold in gone]


def revive_jobs(session: Session, limit: int) -> int:
    """Schedule a step for each unfinished job without a unit of work; returns how many."""
    item = aliased(WorkItem)
    tended = select(item.kind).where(item.kind == ADVANCE_JOB, item.subject_id == Job.id)
    lost = select(Job.id, Job.team_id).where(Job.finished_at.is_(None), ~tended.exists()).limit(limit)
    jobs = session.execute(lost).all()
    for job_id, team_id in jobs:
        work.schedule(session, ADVANCE_JOB, job_id, team_id=team_id)
    return len(jobs)
