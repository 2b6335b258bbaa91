"""The states of a deployment.

    deploying ──► ready ──► stopping ──► ended
        ▲  │                   │
        │  └──► failed         └──► asleep
        └────────── wake ────────────┘

A deployment made by hand at the provider is ready or ended.
"""

from enum import StrEnum


class DeploymentState(StrEnum):
    """Where a deployment stands."""

    DEPLOYING = "deploying"
    READY = "ready"
    STOPPING = "stopping"  # answers no more, and costs money until its provider has taken it back
    ASLEEP = "asleep"  # taken back while it was idle; the next request deploys it again
    ENDED = "ended"
    FAILED = "failed"


TENDED = (DeploymentState.DEPLOYING, DeploymentState.READY, DeploymentState.STOPPING)
LIVING = (*TENDED, DeploymentState.ASLEEP)


class StopReason(StrEnum):
    """Why a deployment is taken back; completes the sentence "it was undeployed because ..."."""

    REQUEST = "it was requested"
    IDLE = "no request came"
    BUDGET = "no budget covers its next hour"
    DELETED = "the model was deleted"
    ARCHIVED = "the team was archived"
    SHUTDOWN = "the model shut down"
    FAILED = "it failed at the provider"
