"""Ask a provider for its models' shutdown dates."""

from datetime import date

import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.models.shutdowns.actions import record_shutdowns
from service.providers.errors import NotConfigured
from service.providers.port import ProviderModel
from service.providers.registry import get_provider
from worker.provider_failures import retried

log = structlog.get_logger(__name__)


@retried
def poll_shutdowns(lease: Lease) -> None:
    """List the provider's models and record the shutdown dates that it names."""
    try:
        provider = get_provider(lease.subject_id)
    except NotConfigured:  # removed from the settings since the poll was scheduled
        with transaction() as session:
            work.finish(session, lease)
        return
    days = {model.id: _day(model) for model in provider.list_models()}
    with transaction() as session:
        record_shutdowns(session, lease.subject_id, days)
        work.finish(session, lease)


def _day(model: ProviderModel) -> date | None:
    if model.shutdown_date is None:
        return None
    try:
        return date.fromisoformat(model.shutdown_date[:10])
    except ValueError:
        log.warning("shutdown_date_unreadable", shutdown_date=model.shutdown_date[:40])
        return None
