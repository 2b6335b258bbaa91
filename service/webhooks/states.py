"""The life of a delivery. Pure.

    pending ──2xx──────────────────────────────► delivered
     │  ▲ └──endpoint disabled or deleted──────► cancelled
     │  └────failure, schedule not yet spent
     └──────failure, schedule spent────────────► failed

A manual retry brings any delivery back to pending with a fresh schedule.
"""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands; part of the wire."""

    PENDING = "pending"  # an attempt is to come
    DELIVERED = "delivered"  # answered with 2xx
    FAILED = "failed"  # the schedule is spent
    CANCELLED = "cancelled"  # its endpoint was disabled or deleted first


class DisabledReason(StrEnum):
    """Why an endpoint gets nothing any more; part of the wire."""

    MANUAL = "manual"  # its owner said so
    GONE = "gone"  # it answered 410
    FAILING = "failing"  # days of nothing but failures
