"""Ancestors and descendants, by recursive queries over `parent_id`, always within one team."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from service.models.tables import TunedModel

Direction = Literal["ancestors", "descendants", "both"]

_COLUMNS = (
    "m.id, m.kind, m.parent_id, m.job_id, m.base_model, m.training_file, m.validation_file, m.created_at, "
    "m.deleted_at, m.migrated_from, (SELECT j.base_identity FROM jobs j WHERE j.id = m.job_id)"
)
_UP = text(f"""
    WITH RECURSIVE up AS (
        SELECT id, parent_id, 0 AS generation FROM tuned_models WHERE id = :model_id AND team_id = :team_id
        UNION ALL
        SELECT t.id, t.parent_id, up.generation - 1
        FROM up JOIN tuned_models t ON t.id = up.parent_id AND t.team_id = :team_id
    )
    SELECT {_COLUMNS}, up.generation FROM up JOIN tuned_models m USING (id)
""")  # noqa: S608 - constants of this module
# Breadth first, and only until `most` are found: these are the nearest.
_DOWN = text(f"""
    WITH RECURSIVE down AS (
        SELECT id, 0 AS generation FROM tuned_models WHERE id = :model_id AND team_id = :team_id
        UNION ALL
        SELECT t.id, down.generation + 1
        FROM down JOIN tuned_models t ON t.parent_id = down.id AND t.team_id = :team_id
        WHERE down.generation < :depth
    ), nearest AS MATERIALIZED (SELECT id, generation FROM down LIMIT :most)
    SELECT {_COLUMNS}, nearest.generation FROM nearest JOIN tuned_models m USING (id)
""")  # noqa: S608 - constants of this module
_COUNTERPARTS = text(f"""
    SELECT {_COLUMNS}, 0 FROM tuned_models m
    WHERE m.team_id = :team_id AND (
        m.migrated_from = ANY(string_to_array(:models, ' '))
        OR m.id IN (SELECT migrated_from FROM tuned_models WHERE id = ANY(string_to_array(:models, ' '))))
    ORDER BY m.created_at, m.id
""")  # noqa: S608 - constants of this module
# UNION visits each model once, even when some roots descend from others.
_BELOW = text(f"""
    WITH RECURSIVE below AS (
        SELECT id FROM tuned_models
        WHERE team_id = :team_id AND training_file = ANY(string_to_array(:files, ' '))
        UNION
        SELECT t.id FROM below JOIN tuned_models t ON t.parent_id = below.id AND t.team_id = :team_id
    ), first AS MATERIALIZED (SELECT id FROM below LIMIT :most)
    SELECT {_COLUMNS}, 0 FROM first JOIN tuned_models m USING (id) ORDER BY m.created_at, m.id
""")  # noqa: S608 - constants of this module


class Member(NamedTuple):
    """A model or checkpoint with the columns a graph needs; `generation` is its distance."""

    id: str
    kind: str
    parent_id: str | None
    job_id: str
    base_model: str
    training_file: str
    validation_file: str | None
    created_at: datetime
    deleted_at: datetime | None
    migrated_from: str | None
    base_identity: dict[str, str | None] | None
    generation: int


def ancestors(session: Session, model: TunedModel) -> list[Member]:
    """A model and its ancestors, in generations 0, -1, …."""
    return _members(session, _UP, {"model_id": model.id, "team_id": model.team_id})


def descendants(session: Session, model: TunedModel, depth: int, most: int) -> list[Member]:
    """A model and its descendants, in generations 0, 1, ….

    Returns the nearest `most` models, up to `depth` generations away.
    """
    params = {"model_id": model.id, "team_id": model.team_id, "depth": depth, "most": most}
    return _members(session, _DOWN, params)


def learned_from(session: Session, team_id: str, file_ids: Sequence[str], most: int) -> list[Member]:
    """Up to `most` of the models trained on any of the files, and their descendants, oldest first.

    Their `generation` is always 0.
    """
    return _members(session, _BELOW, {"team_id": team_id, "files": " ".join(file_ids), "most": most})


def counterparts(session: Session, team_id: str, model_ids: Collection[str]) -> list[Member]:
    """The models that migrations made of any of these, and those that these were made of.

    Their `generation` is always 0.
    """
    return _members(session, _COUNTERPARTS, {"team_id": team_id, "models": " ".join(model_ids)})


def chain(session: Session, model: TunedModel) -> list[TunedModel]:
    """A model's ancestors and itself, from the one tuned from the base to the model."""
    line = {one.id: one.generation for one in ancestors(session, model)}
    own = TunedModel.team_id == model.team_id, TunedModel.id.in_(line)
    return sorted(session.scalars(select(TunedModel).where(*own)), key=lambda one: line[one.id])


def _members(session: Session, walk: TextClause, params: dict[str, Any]) -> list[Member]:
    return [Member(*row) for row in session.execute(walk, params)]
