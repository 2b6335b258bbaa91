"""Remove a deleted model at its provider."""

from datetime import timedelta

from service.core import clock, work
from service.core.db import transaction
from service.core.work import Lease
from service.models.deployments.actions import end
from service.models.deployments.queries import living_of, locked_with_model
from service.models.deployments.states import StopReason
from service.models.tables import TunedModel
from service.providers.errors import Rejected
from service.providers.registry import get_provider
from worker.provider_failures import come_back, retried

_REFUSED_PAUSE = timedelta(hours=1)
_STILL_DEPLOYED = timedelta(minutes=5)


@retried
def delete_upstream(lease: Lease) -> None:
    """Delete the provider's model; it may be gone already."""
    with transaction() as session:
        model = session.get_one(TunedModel, lease.subject_id)
        living = living_of(session, model.id)
        if living is not None and living.made_by == "tunehouse":  # whose end hastens this work
            work.finish(session, lease, next_in=_STILL_DEPLOYED)
            return
    try:
        get_provider(model.provider).delete_model(model.provider_model)
    except Rejected as refusal:  # deployed at Azure, or the key may not delete: an administrator must act
        come_back(lease, _REFUSED_PAUSE, refusal)
        return
    with transaction() as session:
        living = living_of(session, lease.subject_id)
        if living is not None:  # made by hand: a provider that deletes a model has taken its deployment back
            _, deployment = locked_with_model(session, living.id)
            deployment.stops_for = StopReason.DELETED.name.lower()
            end(session, deployment, clock.now())
        work.finish(session, lease)
