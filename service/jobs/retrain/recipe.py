"""Recipes: the chain of jobs that made a tuned model, base first, with the datasets of each job."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from service.files.tables import File, FileStatus, Purpose
from service.jobs.tables import Job
from service.models.lineage.family import chain
from service.models.tables import TunedModel


@dataclass(frozen=True)
class Dataset:
    """A training or validation file of a step, and the id of a usable file with its content, if any."""

    original: File
    living_id: str | None


@dataclass(frozen=True)
class RecipeLink:
    """One job of the chain, and the model or checkpoint that the next job starts from."""

    job: Job
    made: TunedModel
    training: Dataset
    validation: Dataset | None

    @property
    def checkpoint_step(self) -> int | None:
        """The step of the checkpoint that the next job starts from; None for the finished model."""
        return self.made.step if self.made.kind == "checkpoint" else None


def steps_to(session: Session, model: TunedModel) -> list[RecipeLink]:
    """Return the steps that lead from the base to a model or checkpoint, deleted models included."""
    line = chain(session, model)
    jobs = _jobs(session, model.team_id, [made.job_id for made in line])
    named = {made.training_file for made in line} | {made.validation_file for made in line}
    data = _datasets(session, model.team_id, [file_id for file_id in named if file_id])
    return [
        RecipeLink(
            job=jobs[made.job_id],
            made=made,
            training=data[made.training_file],
            validation=data[made.validation_file] if made.validation_file else None,
        )
        for made in line
    ]


def _jobs(session: Session, team_id: str, job_ids: Sequence[str]) -> Mapping[str, Job]:
    own = Job.team_id == team_id, Job.id.in_(job_ids)
    return {job.id: job for job in session.scalars(select(Job).where(*own))}


def _datasets(session: Session, team_id: str, file_ids: Collection[str]) -> Mapping[str, Dataset]:
    own = File.team_id == team_id, File.id.in_(file_ids)
    originals = session.scalars(select(File).where(*own)).all()
    living = _living(session, team_id, {file.sha256 for file in originals})
    found = {}
    for file in originals:
        ids = living.get(file.sha256, [])
        found[file.id] = Dataset(file, file.id if file.id in ids else next(iter(ids), None))
    return found


def _living(session: Session, team_id: str, hashes: Collection[str]) -> Mapping[str, list[str]]:
    """Map content hashes to usable files, newest first: a deleted file may have been uploaded again."""
    usable = (
        File.team_id == team_id,
        File.sha256.in_(hashes),
        File.purpose == Purpose.FINE_TUNE,
        File.status == FileStatus.PROCESSED,
        File.deleted_at.is_(None),
        or_(File.expires_at.is_(None), File.expires_at > func.now()),
    )
    found: dict[str, list[str]] = {}
    for file in session.execute(select(File.id, File.sha256).where(*usable).order_by(File.created_at.desc())):
        found.setdefault(file.sha256, []).append(file.id)
    return found
