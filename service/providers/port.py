"""The interface to a provider, in Tunehouse's terms. Each implementation translates it to its own API."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO, Literal, Protocol

from service.settings.providers import ProviderSettings


@dataclass(frozen=True)
class ProviderJobSpec:
    """A job to run at the provider; all ids in it are the provider's.

    `stamp` is our job's id: the provider job carries it where the kind of provider has room for it.
    `method` is OpenAI's `method` object with its hyperparameters.
    """

    model: str
    training_file_id: str
    validation_file_id: str | None
    method: Mapping[str, Any]
    suffix: str | None
    seed: int | None
    stamp: str
    integrations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class ProviderJob:
    """A job as the provider reports it. `status` is one of OpenAI's values, or any other text, unchanged.

    `billed_usd` is what the provider itself says that the job costs. `base_identity` is the base by content:
    `sha256`, `revision` and `licence`, where the provider says.
    """

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
    billed_usd: Decimal | None = None
    base_identity: Mapping[str, str | None] | None = None


@dataclass(frozen=True)
class ProviderFile:
    """A training file at the provider, whether Tunehouse uploaded it or not."""

    id: str
    filename: str
    created_at: datetime


@dataclass(frozen=True)
class FileState:
    """Whether a job can use a file at the provider; `problem` says why it never will."""

    is_ready: bool
    problem: str | None = None


@dataclass(frozen=True)
class ProviderEvent:
    """One entry in the provider's log of a job; `data` holds metrics such as `step` and `train_loss`."""

    id: str
    created_at: datetime
    level: str
    message: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class ProviderCheckpoint:
    """A usable snapshot of a job's model after a training step."""

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
    """Tokens of training lines by a base's own tokenizer; `truncated` counts lines too long for the base.

    `problems` says why the base cannot be trained on a line, by the line's number from 1.
    """

    tokens: Sequence[int]
    truncated: int
    problems: Mapping[int, str] = field(default_factory=dict)


DeploymentStage = Literal["deploying", "ready", "failed", "gone"]


@dataclass(frozen=True)
class DeploymentSpec:
    """A model to deploy, or the deployment of one.

    `model` and `base_model` are the provider's names; `serving_base` is the base's name where it is served.
    `stamp` names the deployment at the provider, and `known_id` is its id there, once known.
    """

    model: str
    base_model: str
    serving_base: str
    stamp: str
    known_id: str | None = None


@dataclass(frozen=True)
class ProviderDeployment:
    """A deployment as the provider reports it.

    `name` is what inference requests call the model. `started_at` is when it began to cost money, and
    `ended_at` when it stopped, as far as the provider says so.
    """

    id: str
    stage: DeploymentStage
    name: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """The URL and headers for inference requests to a provider; `base_url` has no trailing slash."""

    base_url: str
    headers: Mapping[str, str] = field(repr=False)  # hold the key; a logged repr would show it
    timeout_s: float


class Provider(Protocol):
    """A configured provider. Every call may raise the errors in `service.providers.errors`.

    Calls do not retry: the step that makes a call has a lease, an attempt count and a schedule.
    """

    name: str
    kind: str
    settings: ProviderSettings

    def close(self) -> None:
        """Close the connections; the provider cannot be used after this."""
        ...

    def upload_file(self, filename: str, content: BinaryIO) -> str:
        """Upload a training file as a stream and return the provider's id for it."""
        ...

    def find_file(self, filename: str, since: datetime | None = None) -> str | None:
        """Find the newest usable file with that name, after an upload with unknown outcome; return its id.

        Searches back to `since`, when the upload was planned. Raises `OutcomeUnknown` if it stops earlier.
        """
        ...

    def iter_files(self, since: datetime | None = None) -> Iterator[ProviderFile]:
        """List all training files at the provider, newest first, back to `since`."""
        ...

    def delete_file(self, file_id: str) -> None:
        """Delete a file. Succeeds if the file no longer exists."""
        ...

    def file_state(self, file_id: str) -> FileState:
        """Whether the provider has checked a file, at providers that check before a job can use it."""
        ...

    def read_file(self, file_id: str) -> bytes:
        """Read a result file as plain CSV (OpenAI sends base64). Raises `Rejected` if it exceeds 4 MB."""
        ...

    def create_job(self, spec: ProviderJobSpec) -> ProviderJob:
        """Start a paid job. Raises `OutcomeUnknown` if the job may exist although the call failed."""
        ...

    def find_job(self, stamp: str, since: datetime | None = None) -> ProviderJob | None:
        """Find the oldest job that carries `stamp`; None if there is none.

        If the provider ignores the filter, reads its pages back to `since`, when the job was planned.
        Raises `OutcomeUnknown` if it stops earlier.
        """
        ...

    def iter_jobs(self, since: datetime | None = None) -> Iterator[ProviderJob]:
        """List all jobs at the provider, newest first, back to `since`."""
        ...

    def get_job(self, job_id: str) -> ProviderJob:
        """Get the current state of a job."""
        ...

    def cancel_job(self, job_id: str) -> ProviderJob:
        """Request cancellation of a job. Raises `Rejected` if the job has already ended."""
        ...

    def pause_job(self, job_id: str) -> ProviderJob:
        """Request that a job pause."""
        ...

    def resume_job(self, job_id: str) -> ProviderJob:
        """Request that a paused job resume."""
        ...

    def iter_event_pages(self, job_id: str, known: frozenset[str]) -> Iterator[list[ProviderEvent]]:
        """Iterate over pages of the job's events that are not in `known`, oldest first.

        Holds one page in memory. If there are more than 10,000 new events, reads the newest 10,000.
        """
        ...

    def list_checkpoints(self, job_id: str) -> list[ProviderCheckpoint]:
        """List the job's checkpoints, oldest first, at most 1,000."""
        ...

    def list_models(self) -> list[ProviderModel]:
        """List all models that the configured key can use."""
        ...

    def count_tokens(self, model: str, examples: Sequence[Mapping[str, Any]]) -> LineCounts | None:
        """Count tokens in at most 1,000 examples with the tokenizer of `model`; None if unsupported."""
        ...

    def delete_model(self, model: str) -> None:
        """Delete a tuned model. Succeeds if the model no longer exists."""
        ...

    def deploy(self, spec: DeploymentSpec) -> ProviderDeployment:
        """Deploy a model, or take its deployment one step further; safe to repeat.

        Looks for a deployment with the stamp before it makes one. Raises `Rejected` if the provider refuses.
        """
        ...

    def get_deployment(self, spec: DeploymentSpec) -> ProviderDeployment:
        """Get the state of a deployment; its stage is "gone" if it does not exist."""
        ...

    def undeploy(self, spec: DeploymentSpec) -> None:
        """Take back a deployment, however far it got. Succeeds if it no longer exists."""
        ...

    def costs_usd(self, start: datetime, end: datetime) -> Decimal | None:
        """Get the provider's reported charges for whole UTC days, from `start` up to but excluding `end`.

        None if the provider does not report costs, or not to the configured key.
        """
        ...

    def verify_webhook(self, body: bytes, headers: Mapping[str, str]) -> "WebhookHint":
        """Verify a webhook's signature and return its content. Raises `Rejected` if verification fails."""
        ...


@dataclass(frozen=True)
class WebhookHint:
    """A verified webhook: `provider_job_id` may have changed. Read the job; do not rely on the webhook."""

    webhook_id: str
    type: str
    provider_job_id: str
