"""Take a retrain one step further."""

from service.core import work
from service.core.db import transaction
from service.core.work import Lease
from service.jobs.retrain import actions as retrain


def advance(lease: Lease) -> None:
    """Create the next job, or record the outcome of the last. No network: jobs have their own steps."""
    with transaction() as session:
        pause = retrain.advance(session, lease.subject_id)
        work.finish(session, lease, next_in=pause)
