"""Who descends from whom, by recursive query over the parent edges. Always within one team."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import String, any_, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from service.registry.tables import TunedModel

Direction = Literal["ancestors", "descendants", "both"]

_UP = text("""
    WITH RECURSIVE up AS (
        SELECT id, parent_id, 0 AS generation FROM tuned_models WHERE id = :model_id AND team_id = :team_id
        UNION ALL
        SELECT t.id, t.parent_id, up.generation - 1
        FROM up JOIN tuned_models t ON t.id = up.parent_id AND t.team_id = :team_id
    )
    SELECT id, generation FROM up
""")
# Breadth first, and only as far as `most` needs: the nearest are kept.
_DOWN = text("""
    WITH RECURSIVE down AS (
        SELECT id, 0 AS generation FROM tuned_models WHERE id = :model_id AND team_id = :team_id
        UNION ALL
        SELECT t.id, down.generation + 1
        FROM down JOIN tuned_models t ON t.parent_id = down.id AND t.team_id = :team_id
        WHERE down.generation < :depth
    )
    SELECT id, generation FROM down LIMIT :most
""")
# From many roots, of which some may descend from others: UNION visits each model once.
_BELOW = text("""
    WITH RECURSIVE below AS (
        SELECT id FROM tuned_models WHERE id = ANY(:roots) AND team_id = :team_id
        UNION
        SELECT t.id FROM below JOIN tuned_models t ON t.parent_id = below.id AND t.team_id = :team_id
    )
    SELECT id FROM below LIMIT :most
""")
_MEMBERS = text("""
    SELECT id, kind, parent_id, job_id, base_model, training_file, validation_file, created_at, deleted_at
    FROM tuned_models WHERE id = ANY(:ids) AND team_id = :team_id
""")


class Member(NamedTuple):
    """A model or checkpoint of a family, as far as a graph needs it."""

    id: str
    kind: str
    parent_id: str | None
    job_id: str
    base_model: str
    training_file: str
    validation_file: str | None
    created_at: datetime
    deleted_at: datetime | None


def ancestors(session: Session, model: TunedModel) -> Mapping[str, int]:
    """A model and all it was made through, with how many generations above it each is (0, -1, …)."""
    return _generations(session, _UP, {"model_id": model.id, "team_id": model.team_id})


def descendants(session: Session, model: TunedModel, depth: int, most: int) -> Mapping[str, int]:
    """A model and what was made from it, with how many generations below it each is (0, 1, …).

    Up to `depth` generations, and `most` models, the nearest ones.
    """
    params = {"model_id": model.id, "team_id": model.team_id, "depth": depth, "most": most}
    return _generations(session, _DOWN, params)


def members(session: Session, team_id: str, generations: Mapping[str, int]) -> list[Member]:
    """The models of these ids, elder generations first."""
    rows = session.execute(_MEMBERS, {"ids": list(generations), "team_id": team_id})
    found = [Member(*row) for row in rows]
    return sorted(found, key=lambda one: (generations[one.id], one.created_at, one.id))


def below(session: Session, team_id: str, roots: Collection[str], most: int) -> Sequence[TunedModel]:
    """At most `most` of the models `roots` and all that was made from them, oldest first."""
    ids = list(session.scalars(_BELOW, {"roots": list(roots), "team_id": team_id, "most": most}))
    own = TunedModel.team_id == team_id, TunedModel.id == any_(literal(ids, ARRAY(String)))
    return session.scalars(
        select(TunedModel).where(*own).order_by(TunedModel.created_at, TunedModel.id)
    ).all()


def chain(session: Session, model: TunedModel) -> list[TunedModel]:
    """The models that a model was made through and itself, the one made from the base first."""
    line = ancestors(session, model)
    own = TunedModel.team_id == model.team_id, TunedModel.id.in_(line)
    return sorted(session.scalars(select(TunedModel).where(*own)), key=lambda one: line[one.id])


def _generations(session: Session, walk: Any, params: dict[str, Any]) -> dict[str, int]:
    return {row.id: row.generation for row in session.execute(walk, params)}
