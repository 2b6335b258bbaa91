"""Remove a deleted model at its provider."""

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.providers.registry import get_provider
from service.registry.tables import TunedModel
from worker.provider_failures import retried


@retried
def delete_upstream(lease: Lease) -> None:
    """Delete the provider's model; one that is gone there already is fine."""
    with transaction() as session:
        model = session.get_one(TunedModel, lease.subject_id)
    get_provider(model.provider).delete_model(model.provider_model)
    with transaction() as session:
        work.finish(session, lease)
