"""Tables of departments and of which team belonged where, when."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Department(Base):
    """Several teams with a budget above theirs; its account has the same id. A deleted one keeps its row."""

    __tablename__ = "departments"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class TeamAllocation(Base):
    """The department and cost center of a team from a moment on, until the next row of that team.

    Each ledger entry carries those of the moment it occurred at.
    """

    __tablename__ = "team_allocations"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    effective_from: Mapped[datetime] = mapped_column(primary_key=True)
    department_id: Mapped[str | None] = mapped_column(ForeignKey("departments.id"), index=True)
    cost_center: Mapped[str | None]
    created_at: Mapped[datetime]
