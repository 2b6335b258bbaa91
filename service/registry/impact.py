"""What ever learned from a content: every model and alias, through any number of generations."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.core.wire import WireOut
from service.datasets.tables import File
from service.errors import NotFound
from service.registry.aliases import Alias
from service.registry.family import below
from service.registry.tables import TunedModel

_MOST = 10_000


class ImpactModel(WireOut):
    """A model that learned from the content: in its own training, or through what it was tuned from."""

    id: str
    kind: Literal["model", "checkpoint"]
    job_id: str
    direct: bool
    deleted: bool


class ImpactOut(WireOut):
    """Everything that a dataset has reached, whichever upload of the same content it came by."""

    object: Literal["file.impact"] = "file.impact"
    file_id: str
    sha256: str
    same_content: list[str]
    models: list[ImpactModel]
    aliases: list[str]
    truncated: bool


def impact(session: Session, team_id: str, file_id: str) -> ImpactOut:
    """What descends from a file's content. Raises `NotFound`; a deleted file is still known."""
    file = session.scalar(select(File).where(File.team_id == team_id, File.id == file_id))
    if file is None:
        raise NotFound(f"There is no file {file_id!r}.", param="file_id")
    same = File.team_id == team_id, File.sha256 == file.sha256
    same_ids = list(session.scalars(select(File.id).where(*same).order_by(File.created_at)))
    # Validation data shapes no weights; what it was used to measure is not among what learned from it.
    trained = select(TunedModel.id).where(
        TunedModel.team_id == team_id, TunedModel.training_file.in_(same_ids)
    )
    direct = set(session.scalars(trained))
    reached = below(session, team_id, direct, _MOST + 1)
    names = [model.id for model in reached]
    pointing = Alias.team_id == team_id, Alias.model.in_(names)
    return ImpactOut(
        file_id=file_id,
        sha256=file.sha256,
        same_content=same_ids,
        models=[_model(model, model.id in direct) for model in reached[:_MOST]],
        aliases=list(session.scalars(select(Alias.name).where(*pointing).order_by(Alias.name))),
        truncated=len(reached) > _MOST,
    )


def _model(model: TunedModel, direct: bool) -> ImpactModel:
    return ImpactModel(
        id=model.id,
        kind="checkpoint" if model.kind == "checkpoint" else "model",
        job_id=model.job_id,
        direct=direct,
        deleted=model.deleted_at is not None,
    )
