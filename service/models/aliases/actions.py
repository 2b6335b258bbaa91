"""Aliases: a stable name of a team's that points at a model, with every change on record."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.core import clock
from service.core.db import Base
from service.errors import Conflict, NotFound


class Alias(Base):
    """A name and what it points at now; without a model it was deleted, and its history goes on."""

    __tablename__ = "aliases"

    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str | None]
    version: Mapped[int]

    __table_args__ = (Index(None, "team_id", "model"),)


class AliasChange(Base):
    """One change of an alias, by whom and when; without a model it was a deletion."""

    __tablename__ = "alias_changes"

    team_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str | None]
    key_id: Mapped[str]
    changed_at: Mapped[datetime]

    __table_args__ = (ForeignKeyConstraint(["team_id", "name"], ["aliases.team_id", "aliases.name"]),)


def aimed_at(session: Session, team_id: str, name: str) -> str | None:
    """The model that the team's alias of that name points at, if there is one."""
    return session.scalar(select(Alias.model).where(Alias.team_id == team_id, Alias.name == name))


def get_alias(session: Session, team_id: str, name: str) -> Alias:
    """The team's alias of that name. Raises `NotFound`, for a deleted one too."""
    alias = session.get(Alias, (team_id, name))
    if alias is None or alias.model is None:
        raise NotFound(f"There is no alias {name!r}.", param="name")
    return alias


def list_aliases(session: Session, team_id: str) -> Sequence[Alias]:
    """The team's aliases by name."""
    own = Alias.team_id == team_id, Alias.model.is_not(None)
    return session.scalars(select(Alias).where(*own).order_by(Alias.name)).all()


def history(session: Session, team_id: str, name: str, limit: int = 100) -> Sequence[AliasChange]:
    """The latest changes of an alias, newest first."""
    own = AliasChange.team_id == team_id, AliasChange.name == name
    changes = select(AliasChange).where(*own).order_by(AliasChange.version.desc()).limit(limit)
    return session.scalars(changes).all()


def point(session: Session, *, team_id: str, name: str, model: str | None, key_id: str) -> Alias:
    """Point an alias at a model (None deletes it) and note the change; the switch is atomic."""
    new = insert(Alias).values(team_id=team_id, name=name, model=model, version=1)
    switched = new.on_conflict_do_update(
        index_elements=["team_id", "name"], set_={"model": model, "version": Alias.version + 1}
    )
    alias: Alias = session.scalars(
        switched.returning(Alias), execution_options={"populate_existing": True}
    ).one()
    session.add(
        AliasChange(
            team_id=team_id,
            name=name,
            version=alias.version,
            model=model,
            key_id=key_id,
            changed_at=clock.now(),
        )
    )
    session.flush()
    return alias


def before_last(session: Session, alias: Alias) -> str:
    """What the alias pointed at before its last change. Raises `Conflict` when it never pointed elsewhere."""
    earlier = (
        select(AliasChange.model)
        .where(
            AliasChange.team_id == alias.team_id,
            AliasChange.name == alias.name,
            AliasChange.version < alias.version,
            AliasChange.model.is_not(None),
            AliasChange.model != alias.model,
        )
        .order_by(AliasChange.version.desc())
    )
    model = session.scalar(earlier.limit(1))
    if model is None:
        raise Conflict(
            f"The alias {alias.name!r} never pointed at another model.", code="nothing_to_roll_back"
        )
    return model
