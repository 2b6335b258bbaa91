"""Change aliases."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core import clock
from service.models.aliases.tables import Alias, AliasChange


def point(session: Session, *, team_id: str, name: str, model: str | None, key_id: str) -> Alias:
    """Point an alias at a model (None deletes it) and record the change. The switch is atomic."""
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
