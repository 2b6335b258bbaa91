"""The rows that survive a restart, as msgspec structs stored as JSON documents."""

from __future__ import annotations

from typing import Any

import msgspec


class FileRecord(msgspec.Struct, kw_only=True):
    """An uploaded or produced file; its content lies under `files/{id}` in the data directory."""

    id: str
    filename: str
    purpose: str
    size_bytes: int
    created_at: int
    expires_at: int | None = None


class UploadRecord(msgspec.Struct, kw_only=True):
    """An upload in parts; `expires_after` is what its file will get."""

    id: str
    filename: str
    purpose: str
    size_bytes: int
    created_at: int
    expires_at: int
    status: str = "pending"
    file_id: str | None = None
    file_expires_after_s: int | None = None


class PartRecord(msgspec.Struct, kw_only=True):
    """One part of an upload; its content lies under `parts/{id}`."""

    id: str
    upload_id: str
    size_bytes: int
    created_at: int


class JobFailure(msgspec.Struct):
    """Why a job failed, in OpenAI's three fields."""

    code: str
    message: str
    param: str | None = None


class PlanRecord(msgspec.Struct, kw_only=True):
    """The result of validation: numbers instead of `auto`, and the number of steps."""

    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    total_steps: int
    trained_tokens: int
    extra: dict[str, Any] = {}
    notes: list[str] = []
    """Warnings about the files, for the job's log."""


class JobRecord(msgspec.Struct, kw_only=True):
    """A fine-tuning job; `due_at` is when it next moves, by the trainer's clock, or None."""

    id: str
    model: str
    base: str
    training_file: str
    validation_file: str | None
    created_at: int
    seed: int
    method: dict[str, Any]
    suffix: str | None = None
    metadata: dict[str, str] | None = None
    integrations: list[dict[str, Any]] = []
    status: str = "validating_files"
    finished_at: int | None = None
    estimated_finish: int | None = None
    fine_tuned_model: str | None = None
    result_files: list[str] = []
    trained_tokens: int | None = None
    failure: JobFailure | None = None
    plan: PlanRecord | None = None
    step: int = 0
    tokens_so_far: int = 0
    training_s: float = 0.0
    due_at: float | None = None
    status_shown: str | None = None


class EventRecord(msgspec.Struct, kw_only=True):
    """One line of a job's log."""

    id: str
    created_at: int
    level: str
    message: str
    type: str = "message"
    data: dict[str, Any] = {}


class CheckpointRecord(msgspec.Struct, kw_only=True):
    """A model as it was at the end of one of the last epochs."""

    id: str
    job_id: str
    created_at: int
    model: str
    step: int
    metrics: dict[str, float]


class ModelRecord(msgspec.Struct, kw_only=True):
    """A tuned model or checkpoint; `folder` is where its engine keeps it, relative to `models/`."""

    id: str
    base: str
    parent: str
    job_id: str
    created_at: int
    folder: str
    is_checkpoint: bool = False


class DeliveryRecord(msgspec.Struct, kw_only=True):
    """A webhook delivery; `next_at` is its next attempt, in unix seconds of the real clock, or None."""

    id: str
    event_type: str
    body: str
    created_at: float
    next_at: float | None
    attempts: int = 0
    last_status: int | None = None
    delivered_at: float | None = None
