"""Tables of departments and of the teams allocated to them over time."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Department(Base):
    """A group of teams with a shared budget. Its account has the same id. Deleting it keeps the row."""

    __tablename__ = "departments"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class TeamAllocation(Base):
    """A team's department and cost center from `effective_from` on, until the team's next row.

    Each ledger entry stores those in force when it occurred.
    """

    __tablename__ = "team_allocations"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    effective_from: Mapped[datetime] = mapped_column(primary_key=True)
    department_id: Mapped[str | None] = mapped_column(ForeignKey("departments.id"), index=True)
    cost_center: Mapped[str | None]
    created_at: Mapped[datetime]
