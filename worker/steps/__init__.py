"""The table of all kinds of work and their step functions.

A step function gets the lease, makes its calls, and ends the lease with `work.finish` in the transaction that
records the outcome. A test compares this table with the kinds that the service schedules.
"""

from collections.abc import Callable, Mapping

from service.audit.export.actions import EXPORT
from service.comparisons.actions import ADVANCE_COMPARISON
from service.core.storage import REAP
from service.core.work import Lease
from service.events.actions import PUBLISH
from service.files.actions import CHECK, EXPIRE
from service.files.copies import REMOVE
from service.files.counting import COUNT
from service.files.derived.actions import DERIVE
from service.jobs.kinds import (
    ADVANCE_JOB,
    ADVANCE_RETRAIN,
    COPY_FILE,
    LIST_JOBS,
    RECONCILE_PROVIDER,
    SWEEP_PROVIDER,
)
from service.models.actions import ADVANCE_MIGRATION, DELETE_UPSTREAM
from service.models.deployments.actions import ADVANCE_DEPLOYMENT
from service.models.shutdowns.actions import POLL
from service.webhooks.actions import DELIVER
from worker.steps import (
    audit,
    comparisons,
    copies,
    counting,
    datasets,
    deployments,
    deriving,
    jobs,
    listing,
    model_migrations,
    models,
    orphans,
    reconcile,
    retrains,
    shutdowns,
    webhooks,
)

STEPS: Mapping[str, Callable[[Lease], None]] = {
    ADVANCE_JOB: jobs.advance,
    ADVANCE_COMPARISON: comparisons.advance,
    COPY_FILE: copies.copy_file,
    REMOVE: copies.remove_copy,
    LIST_JOBS: listing.list_jobs,
    SWEEP_PROVIDER: orphans.sweep_provider,
    RECONCILE_PROVIDER: reconcile.reconcile,
    ADVANCE_RETRAIN: retrains.advance,
    ADVANCE_MIGRATION: model_migrations.advance,
    ADVANCE_DEPLOYMENT: deployments.advance,
    POLL: shutdowns.poll_shutdowns,
    DELETE_UPSTREAM: models.delete_upstream,
    PUBLISH: webhooks.publish_event,
    DELIVER: webhooks.deliver,
    CHECK: datasets.check_file,
    COUNT: counting.count_tokens,
    EXPIRE: datasets.expire_file,
    DERIVE: deriving.derive,
    EXPORT: audit.export,
    REAP: datasets.remove_content,
}
