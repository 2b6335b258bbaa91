"""Quotas of teams that differ from the settings'."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class TeamQuota(Base):
    """A team's own limit for one quota, which replaces the default from the settings."""

    __tablename__ = "team_quotas"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    most: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("most >= 0", name="most_not_negative"),)
