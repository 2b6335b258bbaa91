"""Set the budget of the organization, a department, team, key or job."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.ledger.budgets.alerts import announce_due
from service.ledger.tables import Budget
from service.settings import settings
from service.teams.tables import Team

Period = Literal["month", "total"]

DEFAULT_THRESHOLDS = (50, 80, 100)

BudgetScope = Literal["organization", "department", "team", "key", "job"]

_LOCK = text("SELECT ledger_lock(ARRAY[CAST(:team_id AS text)], NULL)")
_LOCK_ONE = text("SELECT FROM accounts WHERE id = :account_id FOR UPDATE")
_OPEN = text("SELECT ledger_open(:team_id, :account_id, :scope)")
_OPEN_ORGANIZATION = text("SELECT ledger_open_organization()")


def set_budget(
    session: Session,
    team_id: str,
    *,
    limit_usd: Decimal | None,
    period: Period = "month",
    thresholds: Sequence[int] = DEFAULT_THRESHOLDS,
    held_thresholds: Sequence[int] = (),
    forecast_thresholds: Sequence[int] = (),
    scope: BudgetScope = "team",
    account_id: str | None = None,
) -> None:
    """Set or change the budget of a team, or of its key or job with the id `account_id`.

    For the scope `department`, `team_id` is the department's id, and for `organization` it is `ORGANIZATION`.
    Past spending and open holds count against the new limit at once. The thresholds are percentages of the
    limit: of what is spent, spent or held, and forecast; those already reached are announced now.
    The caller must check that the key or job belongs to the team.
    """
    account_id = account_id or team_id
    if scope == "organization":
        session.execute(_OPEN_ORGANIZATION)
        session.execute(_LOCK_ONE, {"account_id": account_id})
    elif scope == "department":  # `create_department` made its account
        session.execute(_LOCK_ONE, {"account_id": account_id})
    elif scope == "team":
        session.execute(_LOCK, {"team_id": team_id})
    else:
        session.execute(_OPEN, {"team_id": team_id, "account_id": account_id, "scope": scope})
    values = {
        "limit_usd": limit_usd,
        "period": period,
        "thresholds": sorted(set(thresholds)),
        "held_thresholds": sorted(set(held_thresholds)),
        "forecast_thresholds": sorted(set(forecast_thresholds)),
        "updated_at": func.clock_timestamp(),
    }
    row = insert(Budget).values(account_id=account_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["account_id"], set_=values))
    announce_due(session, account_id)


def give_default_budget(session: Session, team: Team) -> None:
    """Give a new team the budget that the settings have for new teams, if any."""
    limit = settings().default_team_budget_usd
    if limit is not None:
        set_budget(session, team.id, limit_usd=limit)
