"""The life of a job, on one screen. Pure.

    validating_files ──► queued ──► running ──► succeeded
           │               │  ▲      │ │
           │               │  │      │ └──► pausing ──► paused ──► queued
           └───────────────┴──┼──────┴────────┴───────────┴──► failed | cancelled
                              └─ the provider may move a job among the living states as it likes

What we do next follows from what we know, not from a stored position: `next_step` reads the facts of the
row, so a crash anywhere resumes at the right place.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class JobStatus(StrEnum):
    """OpenAI's words for where a job stands."""

    VALIDATING_FILES = "validating_files"  # our checks, the copy to the provider, then the provider's checks
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


class Wish(StrEnum):
    """What the team asked of a living job and the provider has not been told yet."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


# From which states a wish makes sense; others are refused at the door.
ALLOWED: dict[Wish, frozenset[JobStatus]] = {
    Wish.CANCEL: frozenset(JobStatus) - TERMINAL,
    Wish.PAUSE: frozenset({JobStatus.QUEUED, JobStatus.RUNNING}),
    Wish.RESUME: frozenset({JobStatus.PAUSING, JobStatus.PAUSED}),
}


class Step(Enum):
    """What a worker does with a job next."""

    NOTHING = "it has ended"
    ADMIT = "wait for its files' reports, then hold its estimated cost"
    COPY_FILES = "copy its files to the provider"
    QUEUE = "let it wait for its turn at the provider"
    CREATE = "create the provider job, at most once"
    CANCEL_UNSENT = "end it without the provider ever hearing of it"
    SEND_WISH = "tell the provider to cancel, pause or resume"
    FOLLOW = "ask the provider how it stands"


@dataclass(frozen=True)
class Facts:
    """What `next_step` decides by."""

    status: JobStatus
    admitted: bool
    files_copied: bool
    queued: bool
    create_intended: bool
    created: bool
    wish: Wish | None


def next_step(job: Facts) -> Step:
    """The next thing to do for a job in this condition."""
    if job.status in TERMINAL:
        return Step.NOTHING
    if job.created:
        return Step.SEND_WISH if job.wish else Step.FOLLOW
    if job.create_intended:
        # A create may be on its way: find out before anything else, a wish to cancel included.
        return Step.CREATE
    if job.wish is Wish.CANCEL:
        return Step.CANCEL_UNSENT
    if not job.admitted:
        return Step.ADMIT
    if not job.files_copied:
        return Step.COPY_FILES
    return Step.CREATE if job.queued else Step.QUEUE


def status_from(provider_status: str, before: JobStatus) -> JobStatus:
    """Our status after the provider said `provider_status`; a word we do not know changes nothing.

    A job that waited in our queue has valid files: that the provider checks them too takes it nowhere back.
    """
    try:
        after = JobStatus(provider_status)
    except ValueError:
        return before
    return before if (before, after) == (JobStatus.QUEUED, JobStatus.VALIDATING_FILES) else after
