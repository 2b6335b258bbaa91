"""Aliases and their history."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.core.db import Base


class Alias(Base):
    """A team's name for a model. `model` is None once the alias is deleted; the row keeps its version."""

    __tablename__ = "aliases"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str | None]
    version: Mapped[int]

    __table_args__ = (Index(None, "team_id", "model"),)


class AliasChange(Base):
    """One change of an alias: by which key, when, and to which model (None: deleted)."""

    __tablename__ = "alias_changes"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str | None]
    key_id: Mapped[str]
    changed_at: Mapped[datetime]

    __table_args__ = (ForeignKeyConstraint(["team_id", "name"], ["aliases.team_id", "aliases.name"]),)
