"""Deploy tuned models, take their deployments back, and wake those that sleep.

Locks are taken in the order model, deployment, account.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.hosting import hosting_price
from service.core import clock, ids, work
from service.errors import BudgetExceeded, Conflict
from service.events.actions import append
from service.events.types import EventType
from service.models.deployments.metering import charge_until, hold_first_hour, start_meter
from service.models.deployments.queries import living_of, lock_model
from service.models.deployments.states import DeploymentState, StopReason
from service.models.deployments.tables import Deployment
from service.models.queries import resolve
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import capabilities_of
from service.providers.registry import provider_settings

ADVANCE_DEPLOYMENT = "deployment.advance"  # the work item that takes a deployment one step further
DEFAULT_IDLE_HOURS = 4

WhenDone = Literal["notify", "undeploy"]


@dataclass(frozen=True)
class Guard:
    """What happens to a deployment that nobody uses, or whose next hour no budget covers."""

    idle_after_hours: int | None = DEFAULT_IDLE_HOURS
    on_idle: WhenDone = "notify"
    on_budget_end: WhenDone = "notify"
    wake_on_request: bool = False


def deploy(session: Session, model: TunedModel, key_id: str, guard: Guard) -> Deployment:
    """Deploy a locked model and hold the first hour, or change the guard of its deployment.

    Raises `PriceUnknown`, `BudgetExceeded`, and `Conflict` while it is being undeployed or was deployed by
    hand.
    """
    known = living_of(session, model.id, lock=True)
    if known is None:
        known = _add(session, model, "tunehouse", DeploymentState.DEPLOYING, key_id, guard)
        hold_first_hour(session, known)
        _tend(session, known)
        return known
    if known.made_by != "tunehouse" or known.state == DeploymentState.STOPPING:
        how = "deployed by hand" if known.made_by == "admin" else "being undeployed"
        raise Conflict(
            f"The model {model.id!r} is {how}. Deploy it once that deployment has ended.",
            code="model_deployed",
        )
    _set_guard(known, guard)
    if known.state == DeploymentState.ASLEEP:
        _wake(session, known)
    return known


def wake_named(session: Session, team_id: str, name: str) -> None:
    """Deploy a model of a team again that sleeps, and hold its first hour. Raises `BudgetExceeded`."""
    model = lock_model(session, team_id, resolve(session, team_id, name).model_id)
    known = living_of(session, model.id, lock=True)
    if known is not None and known.state == DeploymentState.ASLEEP:
        _wake(session, known)


def stop(session: Session, model: TunedModel, deployment: Deployment, reason: StopReason) -> None:
    """Take back a locked model's locked deployment that Tunehouse made. It answers no more at once."""
    model.deployment = None
    if deployment.state == DeploymentState.ASLEEP:
        deployment.state = DeploymentState.ENDED
    elif deployment.state in (DeploymentState.DEPLOYING, DeploymentState.READY):
        deployment.state = DeploymentState.STOPPING
        _tend(session, deployment)
    if deployment.stops_for is None or reason is not StopReason.IDLE:
        deployment.stops_for = reason.name.lower()
    session.flush()


def set_deployment(session: Session, model: TunedModel, name: str | None) -> None:
    """Set or remove the name of a locked model's deployment that was made by hand, and run its meter.

    Raises `Conflict` when the name serves another model or Tunehouse has deployed this one, `PriceUnknown`
    when nobody knows what hosting costs.
    """
    same = TunedModel.provider == model.provider, TunedModel.deployment == name, TunedModel.id != model.id
    if name is not None and session.scalar(select(TunedModel.id).where(*same)) is not None:
        raise Conflict(
            f"The deployment {name!r} serves another model of {model.provider!r}; remove it from that model "
            "first.",
            code="deployment_taken",
        )
    known = living_of(session, model.id, lock=True)
    if known is not None and known.made_by == "tunehouse":
        raise Conflict(
            f"Tunehouse has deployed the model {model.id!r}. Take that deployment back first, with DELETE.",
            code="model_deployed",
        )
    model.deployment = name
    if name is None and known is not None:
        end(session, known, clock.now())
    elif name is not None and known is None and _costs(model):
        _meter_by_hand(session, model)
    session.flush()


def end(session: Session, deployment: Deployment, at: datetime) -> None:
    """Charge what is left of a locked deployment until `at`, and release its hold."""
    charge_until(session, deployment, at, has_ended=True)
    deployment.ended_at = at
    work.hasten(session, ADVANCE_DEPLOYMENT, deployment.id)
    sleeps = deployment.stops_for == StopReason.IDLE.name.lower() and deployment.wake_on_request
    deployment.state = DeploymentState.ASLEEP if sleeps else DeploymentState.ENDED
    why = StopReason[deployment.stops_for.upper()].value if deployment.stops_for else "it was removed by hand"
    note = " It sleeps: the next request deploys it again." if sleeps else ""
    append(
        session,
        team_id=deployment.team_id,
        subject_id=deployment.model_id,
        type=EventType.MODEL_UNDEPLOYED,
        message=f"The model was undeployed because {why}.{note}",
    )


def fail(session: Session, deployment: Deployment, message: str) -> None:
    """Record that a locked deployment could not be made, and release its hold."""
    charge_until(session, deployment, clock.now(), has_ended=True)
    deployment.state, deployment.error, deployment.ended_at = DeploymentState.FAILED, message, clock.now()
    append(
        session,
        team_id=deployment.team_id,
        subject_id=deployment.model_id,
        type=EventType.MODEL_DEPLOYMENT_FAILED,
        level="error",
        message=f"The model could not be deployed: {message}",
    )


def _costs(model: TunedModel) -> bool:
    """Whether the model's provider serves deployments, which cost money."""
    return not capabilities_of(provider_settings(model.provider).kind).served_at_once


def _meter_by_hand(session: Session, model: TunedModel) -> None:
    made = _add(session, model, "admin", DeploymentState.READY, None, Guard())
    start_meter(made, clock.now())
    try:
        hold_first_hour(session, made)
    except BudgetExceeded:  # it costs money all the same; the meter says so
        made.held_until = made.metered_until
    _tend(session, made)


def _add(
    session: Session,
    model: TunedModel,
    made_by: str,
    state: DeploymentState,
    key_id: str | None,
    guard: Guard,
) -> Deployment:
    kind = provider_settings(model.provider).kind
    price = hosting_price(session, provider_kind=kind, base_model=model.base_model)
    made = Deployment(
        id=ids.new_id("dep_"),
        team_id=model.team_id,
        key_id=key_id,
        model_id=model.id,
        provider=model.provider,
        base_model=model.base_model,
        made_by=made_by,
        state=state,
        turn=1,
        price_id=None if price is None else price.id,
        created_at=clock.now(),
        **vars(guard),
    )
    session.add(made)
    session.flush()
    return made


def _set_guard(deployment: Deployment, guard: Guard) -> None:
    for name, value in vars(guard).items():
        setattr(deployment, name, value)


def _wake(session: Session, deployment: Deployment) -> None:
    deployment.state, deployment.turn = DeploymentState.DEPLOYING, deployment.turn + 1
    deployment.intended_at = deployment.started_at = deployment.metered_until = deployment.held_until = None
    deployment.provider_deployment = deployment.stops_for = deployment.ended_at = deployment.seen_at = None
    hold_first_hour(session, deployment)
    _tend(session, deployment)


def _tend(session: Session, deployment: Deployment) -> None:
    work.schedule(session, ADVANCE_DEPLOYMENT, deployment.id, team_id=deployment.team_id)
