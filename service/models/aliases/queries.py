"""Read aliases and their history."""

from collections.abc import Iterator, Sequence

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from service.errors import Conflict, NotFound
from service.models.aliases.tables import Alias, AliasChange
from service.models.tables import TunedModel


def alias_target(session: Session, team_id: str, name: str) -> str | None:
    """The model that the team's alias of that name points at; None when there is no such alias."""
    return session.scalar(select(Alias.model).where(Alias.team_id == team_id, Alias.name == name))


def get_alias(session: Session, team_id: str, name: str) -> Alias:
    """The team's alias of that name. Raises `NotFound`, also for a deleted one."""
    alias = session.get(Alias, (team_id, name))
    if alias is None or alias.model is None:
        raise NotFound(f"There is no alias {name!r}.", param="name")
    return alias


def list_aliases(session: Session, team_id: str) -> Sequence[Alias]:
    """The team's aliases by name."""
    own = Alias.team_id == team_id, Alias.model.is_not(None)
    return session.scalars(select(Alias).where(*own).order_by(Alias.name)).all()


def resolved_aliases(session: Session, team_id: str) -> Iterator[tuple[Alias, TunedModel | None]]:
    """The team's aliases by name, each with its tuned model; without those whose model was deleted."""
    pointed = select(Alias, TunedModel).outerjoin(
        TunedModel, and_(TunedModel.id == Alias.model, TunedModel.team_id == Alias.team_id)
    )
    own = pointed.where(Alias.team_id == team_id, Alias.model.is_not(None)).order_by(Alias.name)
    for alias, tuned in session.execute(own):
        if tuned is None or tuned.deleted_at is None:
            yield alias, tuned


def history(session: Session, team_id: str, name: str, limit: int = 100) -> Sequence[AliasChange]:
    """The latest changes of an alias, newest first."""
    own = AliasChange.team_id == team_id, AliasChange.name == name
    changes = select(AliasChange).where(*own).order_by(AliasChange.version.desc()).limit(limit)
    return session.scalars(changes).all()


def previous_model(session: Session, alias: Alias) -> str:
    """The model that the alias pointed at before its current one. Raises `Conflict` if there was none."""
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
            f"The alias {alias.name!r} has pointed at only one model, so there is nothing to roll back to.",
            code="nothing_to_roll_back",
        )
    return model
