"""The table of tuned models and checkpoints, each with the model it was tuned from."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class TunedModel(Base):
    """A model that a job produced, or one of its checkpoints.

    `id` is our name for it (`ft:{base}:{slug}:{suffix}:{8}`), `provider_model` the provider's, `deployment`
    the deployment that serves it, if any (Azure). `parent_id` is the tuned model or
    checkpoint that the job started from; without one, it started from `base_model`. A deleted model keeps its
    row because its descendants refer to it. `shutdown_date` is the date that its
    provider names for it or for an ancestor; without one, the date of its base applies.
    `migrated_from` is the model, often at another provider, that a migration made this one to replace.
    """

    __tablename__ = "tuned_models"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    kind: Mapped[str]  # model | checkpoint
    provider: Mapped[str]
    provider_model: Mapped[str]
    deployment: Mapped[str | None]
    base_model: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("tuned_models.id"))
    job_id: Mapped[str]
    step: Mapped[int | None]
    training_file: Mapped[str]
    validation_file: Mapped[str | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    shutdown_date: Mapped[date | None]
    migrated_from: Mapped[str | None] = mapped_column(ForeignKey("tuned_models.id"))

    __table_args__ = (
        Index(None, "team_id", "created_at"),
        Index(None, "team_id", "training_file"),
        Index(None, "parent_id"),
        Index(None, "migrated_from"),
        UniqueConstraint("job_id", "provider_model"),
        # A provider model belongs to one team: deleting it is theirs alone to do.
        UniqueConstraint("provider", "provider_model"),
        # A deployment serves one model. Sharing its name would send one team's requests to another's model.
        UniqueConstraint("provider", "deployment"),
    )
