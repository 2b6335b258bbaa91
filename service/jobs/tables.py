"""Jobs, their checkpoints, and what we know about their providers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Numeric, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base
from service.jobs.states import TERMINAL, Facts, JobStatus, RequestedAction

# With constants, so that an index of these rows serves it.
HAS_NO_METADATA = text("coalesce(metadata, '{}') = '{}'")


class Job(Base):
    """One fine-tuning job of a team.

    `method` and `hyperparameters` hold what was requested, then what the provider chose for "auto".
    `queued_at` is set once files and budget are ready. It orders the queue: it is the time of creation, or
    the time at which the job was put back at the end. `intended_at` is set and committed before the create
    call; from then on the provider may have the job. `sent_at` is when the last create call of unknown
    outcome began.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    key_id: Mapped[str]
    model: Mapped[str]  # as requested: a base, a tuned model or a checkpoint
    base_model: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("tuned_models.id"))
    provider: Mapped[str]
    provider_model: Mapped[str]
    method_type: Mapped[str]
    method: Mapped[dict[str, Any]]
    hyperparameters: Mapped[dict[str, Any] | None]
    training_file: Mapped[str]
    validation_file: Mapped[str | None]
    suffix: Mapped[str | None]
    seed: Mapped[int | None]
    labels: Mapped[dict[str, Any] | None] = mapped_column("metadata")
    integrations: Mapped[list[Any]]
    retrain_id: Mapped[str | None] = mapped_column(ForeignKey("retrains.id"))  # whose step the job is
    migration_id: Mapped[str | None]  # the model migration that waits for it, a floor above this one
    priority: Mapped[int] = mapped_column(server_default="0")
    request_hash: Mapped[bytes | None] = mapped_column(LargeBinary)

    status: Mapped[str]
    requested: Mapped[str | None]
    estimated_cost_usd: Mapped[Decimal | None] = mapped_column(Numeric)
    # the price that the job is charged at, whatever prices are added later
    price_id: Mapped[str]
    # tokens or hours, as in the catalogue when the job was created; later changes do not affect it
    billed_by: Mapped[str] = mapped_column(server_default="tokens")
    provider_training_file: Mapped[str | None]
    provider_validation_file: Mapped[str | None]
    queued_at: Mapped[datetime | None]
    intended_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    provider_job_id: Mapped[str | None]
    provider_status: Mapped[str | None]
    trained_tokens: Mapped[int | None] = mapped_column(BigInteger)
    training_seconds: Mapped[float | None]
    # the base by content, if the provider says: sha256, revision, licence
    base_identity: Mapped[dict[str, Any] | None]
    fine_tuned_model: Mapped[str | None]
    result_files: Mapped[list[str]] = mapped_column(ARRAY(String))
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]  # when its status or log last changed; paces the polling
    finished_at: Mapped[datetime | None]
    estimated_finish: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "team_id", "created_at"),
        Index(
            None,
            "metadata",
            postgresql_using="gin",
            postgresql_ops={"metadata": "jsonb_path_ops"},
            postgresql_with={"fastupdate": "off"},  # a list of pending entries is read with every look-up
        ),
        Index("ix_jobs_without_metadata", "team_id", "created_at", postgresql_where=HAS_NO_METADATA),
        UniqueConstraint("provider", "provider_job_id"),
        Index(None, "provider", "base_model", "intended_at"),
        Index(
            "ix_jobs_living", "provider", "base_model", postgresql_where=text("finished_at IS NULL")
        ),  # the queue and the polling read only these, however many jobs have finished
        Index("ix_jobs_unfinished", "team_id", postgresql_where=text("finished_at IS NULL")),
        Index(
            "ix_jobs_waiting",
            "provider",
            "base_model",
            "team_id",
            text("(-priority)"),
            "queued_at",
            "id",
            postgresql_include=["priority"],  # without the column itself, a count would read the rows
            postgresql_where=text("queued_at IS NOT NULL AND intended_at IS NULL AND finished_at IS NULL"),
        ),
        Index(
            "ix_jobs_at_work",
            "provider",
            "base_model",
            "team_id",
            postgresql_where=text("intended_at IS NOT NULL AND finished_at IS NULL"),
        ),
        Index("ix_jobs_sent", "provider", "base_model", "team_id", "intended_at"),
        Index("ix_jobs_key_id_request_hash", "key_id", "request_hash", "created_at"),
    )

    @property
    def has_ended(self) -> bool:
        """Whether the job is finished and will not change any more."""
        return JobStatus(self.status) in TERMINAL

    @property
    def our_names(self) -> dict[str, str]:
        """Our names for the provider's ids that its messages about this job may contain."""
        pairs = {
            self.provider_job_id: self.id,
            self.provider_training_file: self.training_file,
            self.provider_validation_file: self.validation_file,
            self.provider_model: self.model,
        }
        return {theirs: ours for theirs, ours in pairs.items() if theirs and ours}

    @property
    def facts(self) -> Facts:
        """The facts that decide the next step."""
        copied = self.provider_training_file is not None and (
            self.validation_file is None or self.provider_validation_file is not None
        )
        return Facts(
            status=JobStatus(self.status),
            admitted=self.estimated_cost_usd is not None,
            files_copied=copied,
            queued=self.queued_at is not None,
            create_intended=self.intended_at is not None,
            created=self.provider_job_id is not None,
            requested=RequestedAction(self.requested) if self.requested else None,
        )


class JobCheckpoint(Base):
    """A checkpoint of a job; `model_id` is the model to use or tune further."""

    __tablename__ = "job_checkpoints"

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    model_id: Mapped[str] = mapped_column(ForeignKey("tuned_models.id"))
    step: Mapped[int]
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("job_id", "step"),)


class ProviderWebhook(Base):
    """A provider's webhook that was received; another one of the same id is ignored."""

    __tablename__ = "provider_webhooks"

    provider: Mapped[str] = mapped_column(primary_key=True)
    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]


class ProviderBlock(Base):
    """What a provider does not accept at the moment; `model` is "*" if that applies to every model.

    `until` is None when only an administrator can lift it; `credentials` identifies the account it belongs
    to.
    """

    __tablename__ = "provider_blocks"

    provider: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    message: Mapped[str]
    credentials: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class ProviderSweep(Base):
    """When a provider was last searched for orphans."""

    __tablename__ = "provider_sweeps"

    provider: Mapped[str] = mapped_column(primary_key=True)
    ordered_at: Mapped[datetime]
    swept_at: Mapped[datetime | None]


class Orphan(Base):
    """A provider job or file that carries our stamp but had no row, and what was done about it."""

    __tablename__ = "provider_orphans"

    provider: Mapped[str] = mapped_column(primary_key=True)
    provider_object_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # job | file
    job_id: Mapped[str | None]  # as stamped; there may be no such job
    outcome: Mapped[str]  # reported | cancelled | deleted
    found_at: Mapped[datetime]
