"""Rate limits of teams and keys that differ from the settings'."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class RateLimit(Base):
    """Requests and tokens a minute of a team or of one of its keys; what is None is as the settings say."""

    __tablename__ = "rate_limits"

    subject_id: Mapped[str] = mapped_column(primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"))
    requests_per_minute: Mapped[int | None]
    tokens_per_minute: Mapped[int | None]
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("requests_per_minute > 0 AND tokens_per_minute > 0", name="limits_positive"),
    )
