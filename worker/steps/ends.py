"""Ask a provider when its models end."""

from datetime import date

import structlog

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.models.shutdowns.announcements import record_ends
from service.providers.errors import NotConfigured
from service.providers.port import ProviderModel
from service.providers.registry import get_provider
from worker.provider_failures import retried

log = structlog.get_logger(__name__)


@retried
def ask_ends(lease: Lease) -> None:
    """Read the provider's list of models and keep the days it names."""
    try:
        provider = get_provider(lease.subject_id)
    except NotConfigured:  # taken out of the settings since
        with transaction() as session:
            work.finish(session, lease)
        return
    models = provider.list_models()
    days = {model.id: _day(model) for model in models}
    with transaction() as session:
        record_ends(session, lease.subject_id, days)
        work.finish(session, lease)


def _day(model: ProviderModel) -> date | None:
    if model.shutdown_date is None:
        return None
    try:
        return date.fromisoformat(model.shutdown_date[:10])
    except ValueError:
        log.warning("shutdown_date_unreadable", said=model.shutdown_date[:40])
        return None
