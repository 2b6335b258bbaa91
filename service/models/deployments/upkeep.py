"""Deployments of archived teams and of models that have shut down, and those whose unit of work was lost."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from service.core import clock, work
from service.core.work import WorkItem
from service.models.deployments.actions import ADVANCE_DEPLOYMENT, end, stop
from service.models.deployments.queries import locked_with_model
from service.models.deployments.states import LIVING, TENDED, DeploymentState, StopReason
from service.models.deployments.tables import Deployment
from service.models.shutdowns.queries import shutdown_dates
from service.models.tables import TunedModel
from service.teams.tables import Team

_STOPPABLE = tuple(state for state in LIVING if state != DeploymentState.STOPPING)


def revive_deployments(session: Session, limit: int) -> int:
    """Schedule a step for each tended deployment without a unit of work; returns how many."""
    item = aliased(WorkItem)
    has_work = select(item.kind).where(item.kind == ADVANCE_DEPLOYMENT, item.subject_id == Deployment.id)
    lost = select(Deployment).where(Deployment.state.in_(TENDED), ~has_work.exists()).limit(limit)
    deployments = session.scalars(lost).all()
    for deployment in deployments:
        work.schedule(session, ADVANCE_DEPLOYMENT, deployment.id, team_id=deployment.team_id)
    return len(deployments)


def undeploy_archived(session: Session, limit: int) -> int:
    """Take back the deployments of archived teams, whose keys can send no requests; returns how many.

    One that was made by hand stays, and is charged, until an administrator removes it at the provider.
    """
    left = _stoppable().join(Team, Team.id == Deployment.team_id).where(Team.archived_at.is_not(None))
    return _stop(session, session.scalars(left.limit(limit)).all(), StopReason.ARCHIVED)


def end_shut_down(session: Session, limit: int) -> int:
    """End the deployments of models that have shut down; returns how many.

    The provider has taken back those made by hand on that day, so their meter stops at its start.
    """
    dates, today = shutdown_dates(session), clock.now().date()
    living = select(Deployment, TunedModel).join(TunedModel).where(Deployment.state.in_(_STOPPABLE))
    days = {
        deployment.id: (deployment.made_by, dates.of_tuned(model))
        for deployment, model in session.execute(living)
    }
    over = {id_: (by, day) for id_, (by, day) in days.items() if day is not None and day <= today}
    for deployment_id, (made_by, day) in list(over.items())[:limit]:
        model, deployment = locked_with_model(session, deployment_id)
        if made_by == "tunehouse":
            stop(session, model, deployment, StopReason.SHUTDOWN)
        elif deployment.state in LIVING:
            deployment.stops_for = StopReason.SHUTDOWN.name.lower()
            model.deployment = None
            end(session, deployment, datetime.combine(day, time(), UTC))
    return min(len(over), limit)


def _stoppable() -> Select[str]:
    return select(Deployment.id).where(Deployment.state.in_(_STOPPABLE), Deployment.made_by == "tunehouse")


def _stop(session: Session, deployment_ids: Sequence[str], reason: StopReason) -> int:
    for deployment_id in deployment_ids:
        model, deployment = locked_with_model(session, deployment_id)
        if deployment.state in _STOPPABLE:
            stop(session, model, deployment, reason)
    return len(deployment_ids)
