"""Every kind of work and the function that does its next step.

A step function gets the lease, does its claim → call → record, and ends the lease with
`work.finish` in the transaction that records the outcome. A test holds this table against the
kinds that the service schedules.
"""

from collections.abc import Callable, Mapping

from service.core.storage import REAP
from service.core.work import Lease
from service.datasets.actions import CHECK, EXPIRE
from service.datasets.copies import REMOVE
from service.datasets.counting import COUNT
from service.datasets.deriving import DERIVE
from service.events.actions import PUBLISH
from service.inference.comparisons.actions import ADVANCE as COMPARE
from service.jobs.copying import ADVANCE, COPY
from service.jobs.orphans import SWEEP
from service.jobs.reconcile import RECONCILE
from service.jobs.retrain_waking import RETRAIN
from service.registry.actions import DELETE_UPSTREAM
from service.registry.announcements import ASK_ENDS
from service.webhooks.actions import DELIVER
from worker.steps import (
    comparisons,
    copies,
    counting,
    datasets,
    deriving,
    ends,
    jobs,
    models,
    orphans,
    reconcile,
    retrains,
    webhooks,
)

STEPS: Mapping[str, Callable[[Lease], None]] = {
    ADVANCE: jobs.advance,
    COMPARE: comparisons.advance,
    COPY: copies.copy_file,
    REMOVE: copies.remove_copy,
    SWEEP: orphans.sweep_provider,
    RECONCILE: reconcile.reconcile,
    RETRAIN: retrains.advance,
    ASK_ENDS: ends.ask_ends,
    DELETE_UPSTREAM: models.delete_upstream,
    PUBLISH: webhooks.publish_event,
    DELIVER: webhooks.deliver,
    CHECK: datasets.check_file,
    COUNT: counting.count_tokens,
    EXPIRE: datasets.expire_file,
    DERIVE: deriving.derive,
    REAP: datasets.remove_content,
}
