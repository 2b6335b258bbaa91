"""The route for coming shutdowns."""

from fastapi import APIRouter

from service.catalog.offers import offers
from service.core import clock
from service.core.http.web import RequestSession, Route
from service.models.shutdowns.queries import Affected, Shutdown, affected, shutdown_dates
from service.models.shutdowns.schemas import ShutdownsOut, shutdown_out
from service.teams.access import Reader

router = APIRouter(prefix="/v1/shutdowns", tags=["models"], route_class=Route)


@router.get("")
def list_shutdowns(session: RequestSession, caller: Reader) -> ShutdownsOut:
    """List coming shutdowns of base models, with the team's models and aliases that each affects.

    A shutdown in the past is listed while one of the team's models or aliases still depends on it.
    """
    today = clock.now().date()
    dates = shutdown_dates(session)
    own = dict(affected(session, dates, team_id=caller.team))
    for (provider, base), day in dates.of_bases.items():
        if day >= today:
            own.setdefault(Shutdown(caller.team, provider, base, day), Affected())
    training = {(offer.provider_name, offer.model.id): offer.model.trains_until for offer in offers()}
    found = [
        shutdown_out(one, losses, training.get((one.provider, one.base_model)), today)
        for one, losses in own.items()
    ]
    return ShutdownsOut(data=sorted(found, key=lambda one: (one.shutdown_date, one.model, one.provider)))
