"""Routes for costs that teams share."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from service.core.http.pages import ListOut, fetch_page, list_out
from service.core.http.web import RequestSession
from service.ledger.closing.months import month_named
from service.ledger.money import usd
from service.ledger.reports.names import add_names
from service.ledger.shared.actions import as_json, create_rule, end_rule
from service.ledger.shared.queries import amount_in, get_rule, shares_in
from service.ledger.shared.schemas import (
    SharedCostCreate,
    SharedCostOut,
    ShareOut,
    SharesOut,
    shared_cost_out,
)
from service.ledger.shared.tables import SharedCostMonth, SharedCostRule
from service.teams.access import Admin
from service.teams.idempotency import IdempotentRoute

router = APIRouter(prefix="/v1/costs/shared", tags=["money"], route_class=IdempotentRoute)

MonthName = Annotated[str, Query(description="A calendar month (UTC), such as 2026-11.")]


@router.post("")
def create_shared_cost(body: SharedCostCreate, session: RequestSession, caller: Admin) -> SharedCostOut:
    """Divide a bill, such as a deployment's hosting, among the teams by their use, month by month."""
    return shared_cost_out(create_rule(session, body.as_rule(), created_by=caller.key_id))


@router.get("")
def list_shared_costs(
    session: RequestSession,
    _: Admin,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ListOut[SharedCostOut]:
    """List shared costs, ended ones too, newest first."""
    page = fetch_page(
        session,
        select(SharedCostRule),
        sort=SharedCostRule.created_at,
        id_=SharedCostRule.id,
        after=after,
        limit=limit,
    )
    return list_out([shared_cost_out(rule) for rule in page.rows], page.has_more)


@router.get("/{shared_cost_id}")
def retrieve_shared_cost(shared_cost_id: str, session: RequestSession, _: Admin) -> SharedCostOut:
    """Get a shared cost."""
    return shared_cost_out(get_rule(session, shared_cost_id))


@router.post("/{shared_cost_id}/end")
def end_shared_cost(shared_cost_id: str, session: RequestSession, _: Admin) -> SharedCostOut:
    """End a shared cost now. To change one, end it and create another."""
    rule = get_rule(session, shared_cost_id)
    end_rule(rule)
    return shared_cost_out(rule)


@router.get("/{shared_cost_id}/shares")
def list_shares(shared_cost_id: str, month: MonthName, session: RequestSession, _: Admin) -> SharesOut:
    """List what each team owes for a month. Shares are booked when the month closes."""
    rule, wanted = get_rule(session, shared_cost_id), month_named(month)
    done = session.get(SharedCostMonth, (rule.id, wanted.start.date()))
    shares = done.shares if done else [as_json(share) for share in shares_in(session, rule, wanted)]
    rows = add_names(session, ["team_id", "department_id"], shares)[1]
    return SharesOut(
        shared_cost_id=rule.id,
        month=wanted.name,
        status="booked" if done else "provisional",
        amount_usd=usd(done.amount_usd if done else amount_in(rule, wanted)),
        data=[ShareOut(**row) for row in rows],
    )
