"""What happens to a deployment whose next hour no budget covers, or that nobody uses."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from service.errors import BudgetExceeded
from service.events.actions import append
from service.events.types import EventType
from service.models.deployments.actions import stop
from service.models.deployments.metering import hold_ahead, last_request
from service.models.deployments.states import DeploymentState, StopReason
from service.models.deployments.tables import Deployment
from service.models.tables import TunedModel


def keep_funded(session: Session, model: TunedModel, deployment: Deployment, now: datetime) -> None:
    """Hold the next hour of a locked, ready deployment. If no budget covers it, say so once a day.

    Then it is undeployed if the team said so; otherwise it stays and its hours are flagged.
    """
    refusal = hold_ahead(session, deployment, now)
    if refusal is None:
        return
    undeploys = deployment.on_budget_end == "undeploy" and deployment.made_by == "tunehouse"
    _tell_unfunded(session, deployment, refusal, now, undeploys=undeploys)
    if undeploys:
        stop(session, model, deployment, StopReason.BUDGET)


def watch_idle(session: Session, model: TunedModel, deployment: Deployment, now: datetime) -> None:
    """Say once that a locked, ready deployment is idle; then it is undeployed if the team said so."""
    started = deployment.started_at
    if started is None or deployment.state != DeploymentState.READY:
        return
    since = max(deployment.last_used_at or started, started)
    deployment.last_used_at = last_request(session, deployment, since) or deployment.last_used_at
    since = max(deployment.last_used_at or started, started)
    if deployment.idle_after_hours is None or now - since < timedelta(hours=deployment.idle_after_hours):
        return
    undeploys = deployment.on_idle == "undeploy" and deployment.made_by == "tunehouse"
    append(
        session,
        team_id=deployment.team_id,
        subject_id=deployment.model_id,
        type=EventType.MODEL_DEPLOYMENT_IDLE,
        level="warn",
        message=(
            f"The deployed model has had no request since {since:%Y-%m-%d %H:%M} UTC. "
            + _becomes(deployment, undeploys=undeploys)
        ),
        data={"idle_since": int(since.timestamp()), "is_undeployed": undeploys},
        source_key=f"{deployment.id}:idle:{since.timestamp():.0f}:{undeploys}",
    )
    if undeploys:
        stop(session, model, deployment, StopReason.IDLE)


def _becomes(deployment: Deployment, *, undeploys: bool) -> str:
    if undeploys:
        return "It is being undeployed."
    return "It still costs money." if deployment.price_id else "It stays deployed, free of charge."


def _tell_unfunded(
    session: Session, deployment: Deployment, refusal: BudgetExceeded, now: datetime, *, undeploys: bool
) -> None:
    then = "It is being undeployed." if undeploys else "It stays deployed, and costs money."
    append(
        session,
        team_id=deployment.team_id,
        subject_id=deployment.model_id,
        type=EventType.MODEL_DEPLOYMENT_UNFUNDED,
        level="warn",
        message=f"No budget covers the next hour of the deployed model. {then} {refusal.message}",
        data={"is_undeployed": undeploys},
        source_key=f"{deployment.id}:unfunded:{now:%Y-%m-%d}:{undeploys}",
    )
