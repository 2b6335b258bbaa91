"""Routes for the quotas of a team."""

from fastapi import APIRouter

from service.core.http.web import RequestSession
from service.teams.access import Admin, Reader, own_team
from service.teams.actions import team_in_service
from service.teams.idempotency import IdempotentRoute
from service.teams.quotas.actions import set_quotas
from service.teams.quotas.schemas import QuotasIn, QuotasOut, asked_quotas, quotas_out

router = APIRouter(prefix="/v1/teams/{team_id}/quotas", tags=["teams"], route_class=IdempotentRoute)


@router.put("")
def set_team_quotas(team_id: str, body: QuotasIn, session: RequestSession, _: Admin) -> QuotasOut:
    """Set a team's quotas. What exceeds a lower quota is kept."""
    team = team_in_service(session, team_id)
    set_quotas(session, team.id, asked_quotas(body))
    return quotas_out(session, team.id)


@router.get("")
def retrieve_team_quotas(team_id: str, session: RequestSession, caller: Reader) -> QuotasOut:
    """Get a team's quotas and their usage."""
    return quotas_out(session, own_team(session, caller, team_id).id)
