"""What to know before a plan is confirmed."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.jobs.admission.estimate import UNCONFIRMED
from service.model_migrations.moves import Move
from service.models.shutdowns.queries import ShutdownDates, shutdown_dates
from service.models.tables import TunedModel
from service.providers.kinds.capabilities import capabilities_of


def risks_of(session: Session, moves: Sequence[Move]) -> list[str]:
    """Return the risks of a plan, each once."""
    dates = shutdown_dates(session)
    moving = [move for move in moves if move.problem is None]
    found = [risk for move in moving for risk in _of_target(move, dates) + _of_source(session, move, dates)]
    return list(dict.fromkeys(found))


def _of_target(move: Move, dates: ShutdownDates) -> list[str]:
    target = move.target
    name = f"{target.provider}/{target.base.id}"
    found = [f"The training data is sent to {target.provider!r}. Check that it may go there."]
    if (day := dates.of_target(target)) is not None:
        found.append(f"{name} shuts down on {day}, together with the models tuned from it.")
    if not capabilities_of(target.base.provider_kind).served_at_once:
        found.append(
            f"A model at {target.provider!r} answers only once it is deployed, by the hour at its price: "
            "POST /v1/models/{id}/deployment. Its comparison waits for that."
        )
    if any(not one.price.is_confirmed for one in move.estimates):
        found.append(UNCONFIRMED)
    return found


def _of_source(session: Session, move: Move, dates: ShutdownDates) -> list[str]:
    if not move.generation.is_selected:
        return []
    found = []
    day = dates.of_tuned(session.get_one(TunedModel, move.generation.model))
    if move.comparison is not None and day is not None:
        found.append(f"{move.generation.model} stops answering on {day}. Compare it before that.")
    if move.comparison is None:
        found.append(f"{move.generation.model} is not compared, so no alias is switched to its successor.")
    return found
