"""The state machine of a job: its statuses, what a team may request, and what a worker does next.

    validating_files ──► queued ──► running ──► succeeded
           │               │  ▲      │  │
           │               │  │      │  └──► pausing ──► paused
           │               │  │      │          │          │
           │               │  └──────┼──────────┼── resume ┘
           ▼               ▼         ▼          ▼
           └───────────────┴─────────┴──────────┴──────► failed | cancelled

The arrows between unfinished statuses are the provider's to choose: once a job was sent, its status is what
the provider reports. A finished job never changes.

`next_step` derives the next step from the facts in the row and not from a stored position, so that a worker
can crash anywhere and the next one resumes at the right place.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class JobStatus(StrEnum):
    """Where a job stands, in OpenAI's words."""

    VALIDATING_FILES = "validating_files"  # we check its files and copy them; then the provider checks them
    QUEUED = "queued"  # in our queue, then in the provider's
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


class RequestedAction(StrEnum):
    """What a team requested for an unfinished job, until its provider has been asked."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


# The statuses in which each action can be requested.
ALLOWED: dict[RequestedAction, frozenset[JobStatus]] = {
    RequestedAction.CANCEL: frozenset(JobStatus) - TERMINAL,
    RequestedAction.PAUSE: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}),
    RequestedAction.RESUME: frozenset({JobStatus.PAUSING, JobStatus.PAUSED}),
}


class JobStep(Enum):
    """What a worker does with a job next; each value says which transition that is."""

    NOTHING = "finished: nothing to do"
    ADMIT = "validating_files: wait for the file reports, then hold the estimated cost"
    COPY_FILES = "validating_files: copy the files to the provider"
    QUEUE = "validating_files → queued: files and budget are ready"
    CREATE = "queued → what the provider reports: create the provider job, at most once"
    CANCEL_UNSENT = "validating_files or queued → cancelled: the provider was never asked"
    REQUEST_ACTION = "ask the provider to cancel, pause or resume"
    FOLLOW = "copy status, events and results from the provider"


@dataclass(frozen=True)
class Facts:
    """What `next_step` decides by."""

    status: JobStatus
    admitted: bool
    files_copied: bool
    queued: bool
    create_intended: bool
    created: bool
    requested: RequestedAction | None


def next_step(job: Facts) -> JobStep:
    """The next step for a job with these facts."""
    if job.status in TERMINAL:
        return JobStep.NOTHING
    if job.created:
        return JobStep.REQUEST_ACTION if job.requested else JobStep.FOLLOW
    if job.create_intended:
        # The create may have reached the provider. Find out first, even when a cancel was requested.
        return JobStep.CREATE
    if job.requested is RequestedAction.CANCEL:
        return JobStep.CANCEL_UNSENT
    if not job.admitted:
        return JobStep.ADMIT
    if not job.files_copied:
        return JobStep.COPY_FILES
    return JobStep.CREATE if job.queued else JobStep.QUEUE


def status_from(provider_status: str, before: JobStatus) -> JobStatus:
    """The status of a job that was `before` when its provider reports `provider_status`.

    An unknown status changes nothing. A job that waited in our queue has valid files: it stays
    `queued` while the provider validates them again.
    """
    try:
        after = JobStatus(provider_status)
    except ValueError:
        return before
    return before if (before, after) == (JobStatus.QUEUED, JobStatus.VALIDATING_FILES) else after
