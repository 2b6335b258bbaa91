"""Renders rows as OpenAI's objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainer.core import Core
from trainer.storage.records import (
    CheckpointRecord,
    EventRecord,
    FileRecord,
    JobRecord,
    ModelRecord,
    PartRecord,
    UploadRecord,
)

Wire = dict[str, Any]


def show_list(data: Sequence[Wire], *, has_more: bool) -> Wire:
    """A page; the ids at its ends are those of its own data."""
    return {
        "object": "list",
        "data": list(data),
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def show_file(file: FileRecord) -> Wire:
    """A file, always processed: contents are checked before a row exists."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def show_upload(upload: UploadRecord, file: FileRecord | None) -> Wire:
    """An upload with its file once completed."""
    return {
        "id": upload.id,
        "object": "upload",
        "bytes": upload.size_bytes,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": upload.status,
        "file": show_file(file) if file else None,
    }


def show_part(part: PartRecord) -> Wire:
    """A part of an upload."""
    return {
        "id": part.id,
        "object": "upload.part",
        "created_at": part.created_at,
        "upload_id": part.upload_id,
    }


def show_job(core: Core, job: JobRecord) -> Wire:
    """A job; `auto` stays until validation has put numbers in its place."""
    kind = job.method["type"]
    inner = dict(job.method[kind])
    hyper = dict(inner["hyperparameters"])
    if job.plan:
        hyper |= {
            "n_epochs": job.plan.n_epochs,
            "batch_size": job.plan.batch_size,
            "learning_rate_multiplier": job.plan.learning_rate_multiplier,
            **{key: value for key, value in job.plan.extra.items() if key in hyper},
        }
    inner["hyperparameters"] = hyper
    status = job.status_shown or core.dialect.status_names.get(job.status, job.status)
    failure = job.failure
    return {
        "object": "fine_tuning.job",
        "id": job.id,
        "model": job.model,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "estimated_finish": job.estimated_finish,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": core.dialect.organization,
        "status": status,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "result_files": job.result_files,
        "trained_tokens": job.trained_tokens,
        "seed": job.seed,
        "hyperparameters": hyper if kind == "supervised" else None,
        "method": {"type": kind, kind: inner},
        "error": {
            "code": failure.code if failure else None,
            "message": failure.message if failure else None,
            "param": failure.param if failure else None,
        },
        "integrations": job.integrations,
        "metadata": job.metadata,
        "user_provided_suffix": job.suffix,
        # The one place where OpenAI's own jobs tell their seconds; Tunehouse prices device hours by it.
        "usage_metrics": {"training_seconds": round(job.training_s, 3)} if job.training_s else None,
        # Not in OpenAI's API: what the base was that the job trained, by content.
        "base_identity": job.plan.extra.get("base") if job.plan else None,
        "shared_with_openai": False,
        "eval_id": None,
    }


def show_event(event: EventRecord) -> Wire:
    """A line of a job's log."""
    return {
        "object": "fine_tuning.job.event",
        "id": event.id,
        "created_at": event.created_at,
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": event.data,
    }


def show_checkpoint(checkpoint: CheckpointRecord) -> Wire:
    """A checkpoint of a job."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": checkpoint.id,
        "created_at": checkpoint.created_at,
        "fine_tuned_model_checkpoint": checkpoint.model,
        "metrics": checkpoint.metrics,
        "fine_tuning_job_id": checkpoint.job_id,
        "step_number": checkpoint.step,
    }


def show_base(core: Core, name: str) -> Wire:
    """A base model on offer."""
    return _model(name, 1_700_000_000, core.engine.owner, core.control.shutdown_date(name))


def show_tuned(core: Core, model: ModelRecord) -> Wire:
    """A tuned model, shut down no later than its base. `root` is the path of its weights."""
    date = core.control.shutdown_date(model.id, model.base)
    shown = _model(model.id, model.created_at, core.engine.owner, date)
    if core.engine.keeps_weights:
        shown["root"] = str(core.files.model_path(model.folder).resolve())  # vLLM's own word for it
    return shown


def _model(name: str, created: int, owner: str, shutdown_date: str | None) -> Wire:
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": owner,
        "shutdown_date": shutdown_date,
    }
