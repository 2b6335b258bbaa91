"""The states of a webhook delivery.

    pending ──2xx──────────────────────────────► delivered
     │  ▲ └──endpoint disabled or deleted──────► cancelled
     │  └────failure, retries left
     └──────failure, no retries left───────────► failed

A manual retry returns any delivery to pending with a new schedule.
"""

from enum import StrEnum


class DeliveryState(StrEnum):
    """The state of a delivery, as the API returns it."""

    PENDING = "pending"  # another attempt is scheduled
    DELIVERED = "delivered"  # the receiver answered with 2xx
    FAILED = "failed"  # no retries are left
    CANCELLED = "cancelled"  # its endpoint was disabled or deleted first


class DisabledReason(StrEnum):
    """Why an endpoint is disabled, as the API returns it."""

    MANUAL = "manual"  # its owner disabled it
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # every delivery failed for days
