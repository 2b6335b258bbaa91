"""Record under which deployment a provider serves a model."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.errors import Conflict
from service.models.tables import TunedModel


def set_deployment(session: Session, model: TunedModel, name: str | None) -> None:
    """Set or remove a locked model's deployment. Raises `Conflict` when it serves another model."""
    same = TunedModel.provider == model.provider, TunedModel.deployment == name, TunedModel.id != model.id
    if name is not None and session.scalar(select(TunedModel.id).where(*same)) is not None:
        raise Conflict(
            f"The deployment {name!r} serves another model of {model.provider!r}; remove it from that model "
            "first.",
            code="deployment_taken",
        )
    model.deployment = name
    session.flush()
