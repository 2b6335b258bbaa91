"""Take a deployment one step further: make it, watch it and charge its hours, or take it back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from service.catalog import models as catalog
from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.events.actions import append
from service.events.types import EventType
from service.models.actions import DELETE_UPSTREAM
from service.models.deployments.actions import end, fail, stop
from service.models.deployments.guard import keep_funded, watch_idle
from service.models.deployments.metering import HOUR, charge_until, next_mark, start_meter
from service.models.deployments.queries import locked_with_model
from service.models.deployments.states import TENDED, DeploymentState, StopReason
from service.models.deployments.tables import Deployment
from service.models.tables import TunedModel
from service.providers.errors import OutcomeUnknown, ProviderError, Rejected, Retryable
from service.providers.port import DeploymentSpec, ProviderDeployment
from service.providers.registry import get_provider, provider_settings
from worker.provider_failures import come_back, noting_throttles, retried

log = structlog.get_logger(__name__)

_SOON = timedelta(seconds=10)
_WATCHED_EVERY = timedelta(minutes=5)
# An hour that the provider could not confirm is charged as uncertain this long after its end.
_PATIENCE = timedelta(minutes=15)

Record = Callable[[Session, TunedModel, Deployment], timedelta | None]


@retried
def advance(lease: Lease) -> None:
    """Do what the deployment's state asks for next."""
    with transaction() as session:
        deployment = session.get(Deployment, lease.subject_id)
        if deployment is None or deployment.state not in TENDED:
            work.finish(session, lease)
            return
        by_hand = deployment.made_by == "admin"
        state = DeploymentState(deployment.state)
    if by_hand:
        _record(lease, state, lambda session, model, known: _tended(session, model, known, None))
    elif state is DeploymentState.DEPLOYING:
        _deploy(lease)
    elif state is DeploymentState.READY:
        _tend(lease)
    else:
        _take_back(lease)


def _deploy(lease: Lease) -> None:
    with transaction() as session:
        _, deployment = locked_with_model(session, lease.subject_id)
        if deployment.state != DeploymentState.DEPLOYING:
            work.finish(session, lease, next_in=timedelta(0))
            return
        # Before the call: whatever becomes of it, the provider is asked to take back what may be there.
        deployment.intended_at = deployment.intended_at or clock.now()
    provider_name, spec = _spec(lease)
    try:
        with noting_throttles(provider_name):
            found = get_provider(provider_name).deploy(spec)
    except Rejected as refusal:
        found = ProviderDeployment(spec.known_id or "", "failed", problem=refusal.message)
    _record(
        lease,
        DeploymentState.DEPLOYING,
        lambda session, model, known: _deployed(session, model, known, found),
    )


def _deployed(
    session: Session, model: TunedModel, deployment: Deployment, found: ProviderDeployment
) -> timedelta | None:
    deployment.provider_deployment = found.id or deployment.provider_deployment
    if found.stage in ("failed", "gone"):
        # What was made until it failed is taken back, too.
        deployment.error = found.problem or "the provider does not say why"
        stop(session, model, deployment, StopReason.FAILED)
        return timedelta(0)
    if found.stage == "deploying":
        return _SOON
    now = clock.now()
    deployment.state, deployment.seen_at = DeploymentState.READY, now
    model.deployment = found.name
    # No earlier than we asked for it, whatever the provider's clock says.
    start_meter(deployment, min(max(found.started_at or now, deployment.intended_at or now), now))
    append(
        session,
        team_id=deployment.team_id,
        subject_id=model.id,
        type=EventType.MODEL_DEPLOYED,
        message="The model is deployed and answers requests.",
    )
    return timedelta(0)


def _tend(lease: Lease) -> None:
    provider_name, spec = _spec(lease)
    try:
        with noting_throttles(provider_name):
            found = get_provider(provider_name).get_deployment(spec)
    except (Retryable, OutcomeUnknown, Rejected) as failure:
        _charge_unconfirmed(lease, failure)
        raise Retryable(failure.message) from failure
    _record(lease, DeploymentState.READY, lambda session, model, known: _tended(session, model, known, found))


def _tended(
    session: Session, model: TunedModel, deployment: Deployment, found: ProviderDeployment | None
) -> timedelta | None:
    """Charge and hold; `found` is None for a deployment made by hand, which the provider's key cannot see."""
    now = clock.now()
    if found is not None and found.stage == "gone":
        _end_gone(session, model, deployment, found, now)
        return None
    has_failed = found is not None and found.stage == "failed"
    if not has_failed:
        # Before the charge, which flags hours that were not held: after an outage no budget was asked yet.
        keep_funded(session, model, deployment, now)
    charge_until(session, deployment, now)
    deployment.seen_at = now
    if found is not None and has_failed:
        deployment.error = found.problem
        stop(session, model, deployment, StopReason.FAILED)
        return timedelta(0)
    watch_idle(session, model, deployment, now)
    if deployment.state == DeploymentState.STOPPING:
        return timedelta(0)
    mark = next_mark(deployment)
    return _WATCHED_EVERY if mark is None else max(min(_WATCHED_EVERY, mark - now), timedelta(0))


def _end_gone(
    session: Session, model: TunedModel, deployment: Deployment, found: ProviderDeployment, now: datetime
) -> None:
    """End a deployment that somebody else took back: until when it cost money, only the provider can say."""
    model.deployment = None
    seen = deployment.seen_at or now
    if found.ended_at is not None:
        end(session, deployment, min(max(found.ended_at, seen), now))
        return
    charge_until(session, deployment, seen)
    charge_until(session, deployment, now, is_certain=False, has_ended=True)
    end(session, deployment, now)


def _charge_unconfirmed(lease: Lease, failure: ProviderError) -> None:
    """Charge hours as uncertain whose end the provider could not confirm for a while."""
    with transaction() as session:
        _, deployment = locked_with_model(session, lease.subject_id)
        since = deployment.metered_until
        if deployment.state == DeploymentState.READY and since and since + HOUR + _PATIENCE < clock.now():
            log.warning("hosting_unconfirmed", deployment_id=deployment.id, reason=failure.message)
            charge_until(session, deployment, clock.now() - _PATIENCE, is_certain=False)


def _take_back(lease: Lease) -> None:
    with transaction() as session:
        deployment = session.get_one(Deployment, lease.subject_id)
        was_begun = deployment.intended_at is not None
    if was_begun:
        provider_name, spec = _spec(lease)
        try:
            with noting_throttles(provider_name):
                get_provider(provider_name).undeploy(spec)
        except ProviderError as failure:
            _record(lease, DeploymentState.STOPPING, _still_there, finishes=False)
            if isinstance(failure, Rejected):
                come_back(lease, _WATCHED_EVERY, failure)
                return
            raise
    _record(lease, DeploymentState.STOPPING, _taken_back)


def _still_there(session: Session, model: TunedModel, deployment: Deployment) -> timedelta | None:
    charge_until(session, deployment, clock.now())
    return None


def _taken_back(session: Session, model: TunedModel, deployment: Deployment) -> timedelta | None:
    if deployment.error is not None and deployment.started_at is None:
        fail(session, deployment, deployment.error)
    else:
        end(session, deployment, clock.now())
    work.hasten(session, DELETE_UPSTREAM, model.id)
    return None


def _record(lease: Lease, state: DeploymentState, record: Record, *, finishes: bool = True) -> None:
    """Record an outcome, unless the deployment has left `state` meanwhile; then the next step is due now."""
    with transaction() as session:
        model, deployment = locked_with_model(session, lease.subject_id)
        next_in: timedelta | None = timedelta(0)
        if deployment.state == state:
            next_in = record(session, model, deployment)
        if finishes:
            is_over = deployment.state not in TENDED
            work.finish(session, lease, next_in=None if is_over else next_in)


def _spec(lease: Lease) -> tuple[str, DeploymentSpec]:
    with transaction() as session:
        deployment = session.get_one(Deployment, lease.subject_id)
        model = session.get_one(TunedModel, deployment.model_id)
        spec = DeploymentSpec(
            model=model.provider_model,
            base_model=model.base_model,
            serving_base=model.base_model,
            stamp=f"{deployment.id}-{deployment.turn}",
            known_id=deployment.provider_deployment,
        )
        base = catalog.find(provider_settings(model.provider).kind, model.base_model)
        return deployment.provider, spec if base is None or base.serving_id is None else replace(
            spec, serving_base=base.serving_id
        )
