"""Every model and alias trained on a content, directly or through any number of parent models."""

from typing import Literal

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from service.errors import NotFound
from service.files.tables import File
from service.models.lineage.contents import files_made_from
from service.models.lineage.family import learned_from

# Searched upwards from the aliases, which are few, so that the answer is complete whatever `limit` says.
_ALIASES = text("""
    WITH RECURSIVE up AS (
        SELECT a.name, t.parent_id, t.training_file
        FROM aliases a JOIN tuned_models t ON t.id = a.model AND t.team_id = a.team_id
        WHERE a.team_id = :team_id
        UNION
        SELECT up.name, t.parent_id, t.training_file
        FROM up JOIN tuned_models t ON t.id = up.parent_id AND t.team_id = :team_id
    )
    SELECT DISTINCT name FROM up WHERE training_file = ANY(string_to_array(:files, ' ')) ORDER BY name
""")


class ImpactModel(msgspec.Struct):
    """A model trained on the content: `direct` in its own training, else through a parent model."""

    id: str
    kind: str
    job_id: str
    direct: bool
    deleted: bool


class Impact(msgspec.Struct):
    """Every model and alias trained on a content; `schemas.ImpactOut` describes its wire form."""

    file_id: str
    sha256: str
    same_content: list[str]
    derived: list[str]
    models: list[ImpactModel]
    aliases: list[str]
    truncated: bool
    object: Literal["file.impact"] = "file.impact"


def impact(session: Session, team_id: str, file_id: str, limit: int) -> Impact:
    """The models and aliases trained on a file's content, also of a deleted file. Raises `NotFound`."""
    file = session.scalar(select(File).where(File.team_id == team_id, File.id == file_id))
    if file is None:
        raise NotFound(f"There is no file {file_id!r}.", param="file_id")
    same = File.team_id == team_id, File.sha256 == file.sha256
    same_ids = list(session.scalars(select(File.id).where(*same).order_by(File.created_at, File.id)))
    # Validation data does not change weights, so models that were only measured on it are not included.
    derived = list(files_made_from(session, team_id, file.sha256))
    direct = {*same_ids, *derived}
    reached = learned_from(session, team_id, [*same_ids, *derived], limit + 1)
    return Impact(
        file_id=file_id,
        sha256=file.sha256,
        same_content=same_ids,
        derived=derived,
        models=[
            ImpactModel(one.id, one.kind, one.job_id, one.training_file in direct, one.deleted_at is not None)
            for one in reached[:limit]
        ],
        aliases=list(session.scalars(_ALIASES, {"team_id": team_id, "files": " ".join(direct)})),
        truncated=len(reached) > limit,
    )
