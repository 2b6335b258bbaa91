"""Remove a deleted model at its provider."""

from datetime import timedelta

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.models.tables import TunedModel
from service.providers.errors import Rejected
from service.providers.registry import get_provider
from worker.provider_failures import come_back, retried

_REFUSED_PAUSE = timedelta(hours=1)


@retried
def delete_upstream(lease: Lease) -> None:
    """Delete the provider's model; it may be gone already."""
    with transaction() as session:
        model = session.get_one(TunedModel, lease.subject_id)
    try:
        get_provider(model.provider).delete_model(model.provider_model)
    except Rejected as refusal:  # deployed at Azure, or the key may not delete: an administrator must act
        come_back(lease, _REFUSED_PAUSE, refusal)
        return
    with transaction() as session:
        work.finish(session, lease)
