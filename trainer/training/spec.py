"""Builds the engine's view of a job."""

from __future__ import annotations

from trainer.core import Core
from trainer.engines.base import TrainSpec
from trainer.storage.records import JobRecord


def build_spec(core: Core, job: JobRecord) -> TrainSpec:
    """The engine's view of a job. The folder of a deleted parent model is still used."""
    kind = job.method["type"]
    options = job.method[kind]
    parent = core.store.models.get(job.model) if job.model != job.base else None
    base = core.base(job.base)
    return TrainSpec(
        job_id=job.id,
        base=job.base,
        parent=core.files.model_path(parent.folder) if parent else None,
        method=kind,
        completes=base is not None and base.completes,
        hyperparameters={k: v for k, v in options["hyperparameters"].items() if v != "auto"},
        method_options=options,
        seed=job.seed,
        training_file=job.training_file,
        training_path=core.files.path(job.training_file),
        validation_file=job.validation_file,
        validation_path=core.files.path(job.validation_file) if job.validation_file else None,
        work_dir=core.files.model_path(job.id),
    )
