"""Take a migration of models one step further."""

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.model_migrations import execution


def advance(lease: Lease) -> None:
    """Begin the next job or comparison, or record what ended. No network: they have their own steps."""
    with transaction() as session:
        pause = execution.advance(session, lease.subject_id)
        work.finish(session, lease, next_in=pause)
