"""Checkpoints: the model of a step, under a name that can be called and tuned further."""

from __future__ import annotations

from collections.abc import Mapping

from trainer.core import Core
from trainer.engines.base import Progress
from trainer.ids import new_id
from trainer.storage.records import CheckpointRecord, JobRecord, ModelRecord
from trainer.training.log import log_event
from trainer.training.spec import build_spec

METRIC_NAMES = (
    "step",
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
    "full_valid_macro_f1",
    "train_reward_margin",
    "full_valid_reward_margin",
    "train_reward_mean",
    "valid_reward_mean",
)


def save_checkpoints(core: Core, job: JobRecord, progress: Progress) -> None:
    """Have the engine save the checkpoints' models; outside any transaction, because it takes long."""
    if job.plan is None:
        return
    steps = [kept.step for kept in progress.earlier] + [progress.step] * progress.checkpoint
    for step in steps:
        path = core.files.model_path(_folder(job, step))
        path.mkdir(parents=True, exist_ok=True)
        core.engine.save(build_spec(core, job), job.plan, step, path)


def keep_checkpoint(
    core: Core, job: JobRecord, at: float, step: int, metrics: Mapping[str, float], *, is_last: bool
) -> None:
    """Name the saved model of this step; the last step's is the tuned model itself."""
    name = core.dialect.name_model(job.base, job.suffix, None if is_last else step)
    model = ModelRecord(
        id=name,
        base=job.base,
        parent=job.model,
        job_id=job.id,
        created_at=int(at),
        folder=_folder(job, step),
        is_checkpoint=not is_last,
    )
    core.store.models.put(model, owner="checkpoint" if not is_last else "")
    checkpoint = CheckpointRecord(
        id=new_id(core.dialect.checkpoint_prefix),
        job_id=job.id,
        created_at=int(at),
        model=name,
        step=step,
        metrics={key: metrics[key] for key in METRIC_NAMES if key in metrics},
    )
    core.store.checkpoints.put(checkpoint, owner=job.id)
    if is_last:
        job.fine_tuned_model = name
    else:
        log_event(core, job, at, f"Checkpoint created at step {step} with Snapshot ID: {name}")


def _folder(job: JobRecord, step: int) -> str:
    return f"{job.id}/{step}"
