"""Find the models that a migration is asked to move."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.errors import InvalidRequest
from service.model_migrations.schemas import MOST_MODELS, MigrationCreate
from service.models.aliases.queries import get_alias
from service.models.queries import get_model, list_models
from service.models.shutdowns.queries import shutdown_dates
from service.models.tables import TunedModel


def selected_models(session: Session, team_id: str, body: MigrationCreate) -> list[TunedModel]:
    """Return the models that the request names, without checkpoints.

    Raises `NotFound`, and `InvalidRequest` for a base model, a checkpoint, or too many or no models.
    """
    if body.shutting_down_before is not None:
        found = _shutting_down(session, team_id, body.shutting_down_before)
        param = "shutting_down_before"
    else:
        names, param = body.models or [get_alias(session, team_id, str(body.alias)).model or ""], "models"
        if body.alias is not None:
            param = "alias"
        found = [_tuned(session, team_id, name, param) for name in dict.fromkeys(names)]
    if not 1 <= len(found) <= MOST_MODELS:
        raise InvalidRequest(
            f"{len(found)} models match. A migration moves between 1 and {MOST_MODELS} models: name them in "
            "'models'.",
            param=param,
            code="no_models_to_move" if not found else "too_many_models",
        )
    return found


def _shutting_down(session: Session, team_id: str, until: date) -> list[TunedModel]:
    """The team's models that stop answering on or before the day, oldest first."""
    dates = shutdown_dates(session)
    return [one for one in list_models(session, team_id)[::-1] if (dates.of_tuned(one) or date.max) <= until]


def _tuned(session: Session, team_id: str, name: str, param: str) -> TunedModel:
    if not name.startswith("ft:"):
        raise InvalidRequest(
            f"{name!r} is not a tuned model. A migration retrains tuned models; a base model needs none: "
            "point the alias at another base.",
            param=param,
            code="not_a_tuned_model",
        )
    model = get_model(session, team_id, name)
    if model.kind == "checkpoint":
        finished = session.scalar(
            select(TunedModel.id).where(
                TunedModel.team_id == team_id, TunedModel.job_id == model.job_id, TunedModel.kind == "model"
            )
        )
        raise InvalidRequest(
            f"{name!r} is a checkpoint, and another provider makes its checkpoints at other steps. Move the "
            f"model that its job finished with instead: {finished or 'it made none'}.",
            param=param,
            code="checkpoint_not_movable",
        )
    return model
