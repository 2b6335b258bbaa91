"""Every kind of work and the function that does its next step.

A step function gets the lease, does its claim → call → record, and ends the lease with
`work.finish` in the transaction that records the outcome. A test holds this table against the
kinds that the service schedules.
"""

from collections.abc import Callable, Mapping

from service.core.work import Lease
from service.events.actions import PUBLISH
from service.webhooks.actions import DELIVER
from worker.steps import webhooks

STEPS: Mapping[str, Callable[[Lease], None]] = {
    PUBLISH: webhooks.publish_event,
    DELIVER: webhooks.deliver,
}
