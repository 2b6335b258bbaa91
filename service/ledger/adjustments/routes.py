"""Routes for adjustments."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from service.core.http.pages import ListOut, fetch_page, list_out
from service.core.http.web import RequestSession
from service.ledger.adjustments.actions import adjust
from service.ledger.adjustments.schemas import AdjustmentCreate, AdjustmentOut, adjustments_out
from service.ledger.adjustments.tables import CostAdjustment
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute
from service.teams.queries import get_team

router = APIRouter(prefix="/v1/costs/adjustments", tags=["money"], route_class=IdempotentRoute)


@router.post("")
def create_adjustment(body: AdjustmentCreate, session: RequestSession, caller: Admin) -> AdjustmentOut:
    """Credit or charge a team by hand. Statements list it under adjustments."""
    get_team(session, body.team_id)
    adjustment = adjust(session, body.as_new(), created_by=caller.key_id)
    return adjustments_out(session, [adjustment])[0]


@router.get("")
def list_adjustments(
    session: RequestSession,
    _: Admin,
    team_id: Annotated[str | None, Query(description="Only of this team.")] = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ListOut[AdjustmentOut]:
    """List the adjustments of one team or of all teams, newest first."""
    rows = select(CostAdjustment)
    if team_id is not None:
        rows = rows.where(CostAdjustment.team_id == team_id)
    page = fetch_page(
        session, rows, sort=CostAdjustment.created_at, id_=CostAdjustment.id, after=after, limit=limit
    )
    return list_out(adjustments_out(session, page.rows), page.has_more)
