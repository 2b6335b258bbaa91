"""The page of a team's budget, and of its keys' budgets."""

from decimal import Decimal, InvalidOperation

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from service.core.clock import now
from service.core.http.web import RequestSession
from service.errors import TunehouseError
from service.ledger.budgets.routes import (
    retrieve_key_budget,
    retrieve_organization_budget,
    retrieve_team_budget,
    set_organization_budget,
    set_team_budget,
)
from service.ledger.budgets.schemas import BudgetIn
from service.ledger.queries import limits_of
from service.pages.forms import Posted
from service.pages.listing import Column, Field, Listing, amount
from service.pages.render import Refilled, leave, show
from service.pages.words import moment
from service.teams.access import Admin, Caller, Reader
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.routes import list_keys
from service.teams.keys.scopes import Scope

router = APIRouter(route_class=IdempotentRoute)

_MOST_KEYS = 1000


@router.get("/budget")
def budget(request: Request, session: RequestSession, caller: Reader) -> Response:
    """Show the budget: what is spent, held and left, and whether it lasts."""
    return _page(request, session, caller)


@router.post("/budget")
def set_limit(request: Request, form: Posted, session: RequestSession, caller: Admin) -> Response:
    """Set the limit of the team, or of all teams together."""
    text = form.get("limit_usd", "").strip()
    try:
        body = BudgetIn(
            limit_usd=Decimal(text) if text else None,
            period="total" if form.get("period") == "total" else "month",
        )
        if caller.team_id is None:
            set_organization_budget(body, session, caller)
        else:
            set_team_budget(caller.team, body, session, caller)
    except (ValidationError, InvalidOperation) as wrong:
        error = "Write the limit as a number of US dollars, such as 500 or 12.50."
        raise Refilled(_page(request, session, caller, text, error)) from wrong
    except TunehouseError as refusal:
        raise Refilled(_page(request, session, caller, text, refusal.message)) from refusal
    return leave(request, "/budget", "The budget is set." if text else "The budget is removed.")


def _page(
    request: Request, session: Session, caller: Caller, text: str | None = None, error: str = ""
) -> Response:
    if caller.team_id is None:
        found = retrieve_organization_budget(session, caller)  # refuses who is not an admin, below
        keys = Listing("keys", "Keys with a budget", (), [])
    else:
        found = retrieve_team_budget(caller.team, session, caller)  # type: ignore[assignment] # same figures
        keys = _keys(session, caller)
    limit = found.limit_usd or ""
    return show(
        request,
        "budget.html",
        lists=[keys],
        status=422 if error else 200,
        budget=found,
        month=f"{now():%B}",
        exhausted=moment(found.forecast.exhausted_at)
        if found.forecast and found.forecast.exhausted_at
        else None,
        text=limit if text is None else text,
        error=error,
    )


def _keys(session: Session, caller: Caller) -> Listing:
    rows = []
    if Scope.MANAGE in caller.scopes:
        keys = list_keys(caller.team, session, caller, limit=_MOST_KEYS).data
        limited = limits_of(session, [key.id for key in keys])
        for key in keys:
            if key.id not in limited:
                continue
            own = retrieve_key_budget(caller.team, key.id, session, caller)
            rows.append(
                (
                    Field(key.name, sub=key.prefix),
                    amount(own.limit_usd, sub="per month" if own.period == "month" else "in total"),
                    amount(own.spent_usd),
                    amount(own.remaining_usd),
                )
            )
    return Listing(
        "keys",
        "Keys with a budget of their own",
        (Column("Key"), Column("Limit, USD", True), Column("Spent, USD", True), Column("Left, USD", True)),
        rows,
        empty="No key has a budget of its own; all share the team's.",
    )
