"""The table of deployments: models kept ready to answer, at providers that charge for it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Deployment(Base):
    """One model's deployment, by Tunehouse or by hand at the provider, with its meter and its idle guard.

    `state` is a `DeploymentState`. `turn` counts how often it was deployed: it sleeps and wakes. The meter:
    hosting began to cost at `started_at`, is charged until `metered_until` and held until `held_until`.
    `seen_at` is when the provider last confirmed that it is deployed. `price_id` is None where hosting is
    free. `stops_for` is why it was, or is being, undeployed.
    """

    __tablename__ = "deployments"

    id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    key_id: Mapped[str | None]
    model_id: Mapped[str] = mapped_column(ForeignKey("tuned_models.id"))
    provider: Mapped[str]
    base_model: Mapped[str]
    made_by: Mapped[str]  # tunehouse | admin
    state: Mapped[str]
    turn: Mapped[int]
    price_id: Mapped[str | None]
    provider_deployment: Mapped[str | None]
    intended_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    metered_until: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    stops_for: Mapped[str | None]
    idle_after_hours: Mapped[int | None]
    on_idle: Mapped[str]  # notify | undeploy
    on_budget_end: Mapped[str]  # notify | undeploy
    wake_on_request: Mapped[bool]
    last_used_at: Mapped[datetime | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("made_by IN ('tunehouse', 'admin')", name="maker_known"),
        CheckConstraint(
            "state IN ('deploying', 'ready', 'stopping', 'asleep', 'ended', 'failed')", name="state_known"
        ),
        Index(
            "uq_deployments_model_id_living",
            "model_id",
            unique=True,
            postgresql_where=text("state NOT IN ('ended', 'failed')"),
        ),
        Index(None, "team_id", "model_id"),
    )
