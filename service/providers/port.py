"""What Tunehouse needs of a provider, in our words. Implementations translate to each one's wire."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, Protocol

# Our job's id in the provider job's metadata: what makes a job findable after an unknown outcome.
STAMP_KEY = "tunehouse_job"


@dataclass(frozen=True)
class ProviderJobSpec:
    """A job as the provider shall run it; ids are the provider's.

    `method` is OpenAI's `method` object with its hyperparameters, `metadata` at most 16 pairs of which
    `STAMP_KEY` is one.
    """

    model: str
    training_file_id: str
    validation_file_id: str | None
    method: Mapping[str, Any]
    suffix: str | None
    seed: int | None
    metadata: Mapping[str, str]
    integrations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class ProviderJob:
    """What the provider says of a job. `status` is one of OpenAI's, or an unknown one unchanged."""

    id: str
    status: str
    model: str
    created_at: datetime
    stamp: str | None = None
    finished_at: datetime | None = None
    estimated_finish: datetime | None = None
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    training_seconds: float | None = None
    result_file_ids: Sequence[str] = ()
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    error: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class ProviderFile:
    """A training file there, ours or not."""

    id: str
    filename: str
    created_at: datetime


@dataclass(frozen=True)
class ProviderEvent:
    """One line of the provider's log of a job; `data` is empty or metrics such as `step`, `train_loss`."""

    id: str
    created_at: datetime
    level: str
    message: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ProviderCheckpoint:
    """A usable snapshot of a job's model after some step."""

    id: str
    created_at: datetime
    model: str
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class ProviderModel:
    """A model that the provider can serve."""

    id: str
    shutdown_date: str | None = None


@dataclass(frozen=True)
class LineCounts:
    """Tokens of training lines by a base's own tokenizer; `truncated` counts lines too long for the base."""

    tokens: Sequence[int]
    truncated: int


@dataclass(frozen=True)
class Endpoint:
    """Where and with which headers the inference gateway reaches a provider; no slash ends `base_url`."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)  # hold the key; a logged repr would show it
    timeout_s: float


class Provider(Protocol):
    """One configured upstream. Every call may raise the errors of `service.providers.errors`.

    No call retries by itself: the step that makes it has a lease, an attempt count and a schedule.
    """

    name: str
    kind: str

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        """Copy a training file there and return the provider's file id; streams, never holds it whole."""
        ...

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        """The id of the newest usable file of that name, after an upload of unknown outcome.

        Looks back to `since` (the moment of the intent). Raises `OutcomeUnknown` when it had to stop before.
        """
        ...

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        """All training files there, ours or not, newest first, back to `since`."""
        ...

    def delete_file(self, file_id: str) -> None:
        """Remove a file there; one that is gone already is fine."""
        ...

    def read_file(self, file_id: str) -> bytes:
        """A result file's content as plain CSV (OpenAI sends base64). Raises `Rejected` beyond 16 MB."""
        ...

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        """Start a paid job. Raises `OutcomeUnknown` whenever it may have been created all the same."""
        ...

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        """The job whose metadata holds `stamp` under `STAMP_KEY`, if there is one; of several the oldest.

        Upstreams that ignore the filter are paged through back to `since` (the moment of the intent).
        Raises `OutcomeUnknown` when it had to stop before.
        """
        ...

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        """All jobs there, ours or not, newest first, back to `since`."""
        ...

    def get_job(self, job_id: str) -> ProviderJob:
        """The job as it stands now."""
        ...

    def cancel_job(self, job_id: str) -> ProviderJob:
        """Ask for the job to be cancelled. Raises `Rejected` when it has already ended."""
        ...

    def pause_job(self, job_id: str) -> ProviderJob:
        """Ask for the job to be paused."""
        ...

    def resume_job(self, job_id: str) -> ProviderJob:
        """Ask for a paused job to go on."""
        ...

    def iter_event_pages(self, job_id: str, known: frozenset[str]) -> Iterator[list[ProviderEvent]]:
        """The job's events since those in `known`, in pages, both oldest first.

        One page is held at a time. Of more than 10,000 new events the newest 10,000 are read.
        """
        ...

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        """The job's checkpoints, oldest first; 1,000 at most."""
        ...

    def list_models(self) -> list[ProviderModel]:
        """All models that the provider serves to us."""
        ...

    def count_tokens(self, model: str, examples: Sequence[Mapping[str, Any]]) -> LineCounts | None:
        """Training lines, at most 1,000, by the tokenizer of one of its bases; None where it counts none."""
        ...

    def delete_model(self, model: str) -> None:
        """Remove a tuned model there; one that is gone already is fine."""
        ...

    def costs_usd(self, start: datetime, end: datetime) -> Decimal | None:
        """What the provider says it charges for whole days (UTC) from `start` to before `end`.

        None where it does not tell, or not to our key.
        """
        ...

    def endpoint(self) -> Endpoint:
        """How to reach its inference routes."""
        ...

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> "WebhookHint":
        """Check a webhook's signature and say what it hints at. Raises `Rejected` when it is not genuine."""
        ...


@dataclass(frozen=True)
class WebhookHint:
    """A provider's webhook, verified: something happened to `provider_job_id`; ask, do not trust."""

    webhook_id: str
    type: str
    provider_job_id: str
