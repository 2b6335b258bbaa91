"""Routes for the budgets of the organization, teams and keys, and for the caller's own account."""

from fastapi import APIRouter
from sqlalchemy.orm import Session

from service.core.http.web import RequestSession
from service.ledger import queries
from service.ledger.budgets.actions import give_default_budget, set_budget
from service.ledger.budgets.schemas import (
    BudgetIn,
    BudgetOut,
    MeOut,
    OrganizationBudgetOut,
    TeamRef,
    budget_out,
    organization_out,
)
from service.ledger.tables import ORGANIZATION
from service.teams.access import Admin, CurrentCaller, Manager, Reader, own_team
from service.teams.actions import keep_in_service, on_create, team_in_service
from service.teams.idempotency import IdempotentRoute
from service.teams.keys.actions import note_bound
from service.teams.keys.authority import require_may_limit
from service.teams.keys.queries import get_key
from service.teams.queries import get_team
from service.teams.quotas.schemas import quotas_out
from service.teams.tables import Team

router = APIRouter(prefix="/v1", tags=["money"], route_class=IdempotentRoute)
on_create.append(give_default_budget)


@router.put("/organization/budget")
def set_organization_budget(body: BudgetIn, session: RequestSession, _: Admin) -> OrganizationBudgetOut:
    """Limit what all teams spend together. The budgets of departments, teams, keys and jobs apply too."""
    set_budget(session, ORGANIZATION, scope="organization", **body.model_dump())
    return _organization_budget(session)


@router.get("/organization/budget")
def retrieve_organization_budget(session: RequestSession, _: Admin) -> OrganizationBudgetOut:
    """Get the budget of all teams together: its limit, spending and holds, and a forecast."""
    return _organization_budget(session)


@router.put("/teams/{team_id}/budget")
def set_team_budget(team_id: str, body: BudgetIn, session: RequestSession, _: Admin) -> BudgetOut:
    """Set a team's budget. Past spending and open holds count against the new limit at once."""
    team = team_in_service(session, team_id)
    set_budget(session, team.id, **body.model_dump())
    return _team_budget(session, team)


@router.get("/teams/{team_id}/budget")
def retrieve_team_budget(team_id: str, session: RequestSession, caller: Reader) -> BudgetOut:
    """Get a team's budget: its limit, spending and holds in the current period, and a forecast."""
    return _team_budget(session, own_team(session, caller, team_id))


@router.put("/teams/{team_id}/keys/{key_id}/budget")
def set_key_budget(
    team_id: str, key_id: str, body: BudgetIn, session: RequestSession, caller: Manager
) -> BudgetOut:
    """Set the budget of one of the team's keys, which the keys that it creates share.

    The team's budget applies too. A key with a budget or limits of its own cannot set any key's budget.
    """
    team = own_team(session, caller, team_id)
    keep_in_service(session, team)
    require_may_limit(session, caller)
    key = get_key(session, team.id, key_id, lock=True)
    note_bound(session, key, "budget", is_set=body.limit_usd is not None)
    set_budget(session, team.id, scope="key", account_id=key.id, **body.model_dump())
    return _key_budget(session, team, key.id)


@router.get("/teams/{team_id}/keys/{key_id}/budget")
def retrieve_key_budget(team_id: str, key_id: str, session: RequestSession, caller: Reader) -> BudgetOut:
    """Get the budget of one of the team's keys. Without one, the limit is null and the counters are zero."""
    team = own_team(session, caller, team_id)
    return _key_budget(session, team, get_key(session, team.id, key_id).id)


@router.get("/me")
def me(session: RequestSession, caller: CurrentCaller) -> MeOut:
    """Get the calling key, its team and scopes, and the budgets and quotas that apply to it.

    `key_budget` is the key's own budget, or the one it shares with a parent key.
    """
    team = get_team(session, caller.team_id) if caller.team_id else None
    budget = budget_out(team.id, queries.budget_view(session, team.id)) if team else None
    own = queries.budget_view(session, team.id, caller.account_id) if team else None
    return MeOut(
        key_id=caller.key_id,
        is_admin=caller.is_admin,
        scopes=sorted(caller.scopes),
        team_id=caller.team_id,
        team=TeamRef.model_validate(team) if team else None,
        budget=budget,
        key_budget=budget_out(team.id, own) if team and own and own.limit_usd is not None else None,
        spent_usd=budget.spent_usd if budget else None,
        held_usd=budget.held_usd if budget else None,
        quotas=quotas_out(session, team.id) if team else None,
    )


def _organization_budget(session: Session) -> OrganizationBudgetOut:
    view = queries.organization_view(session)
    return organization_out(view, queries.forecast_of(session, view, None))


def _team_budget(session: Session, team: Team) -> BudgetOut:
    view = queries.budget_view(session, team.id)
    return budget_out(team.id, view, queries.forecast_of(session, view, team.id))


def _key_budget(session: Session, team: Team, key_id: str) -> BudgetOut:
    view = queries.budget_view(session, team.id, key_id)
    return budget_out(team.id, view, queries.forecast_of(session, view, team.id))
