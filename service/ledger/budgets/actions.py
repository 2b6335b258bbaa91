"""Set limits."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.ledger.actions import tell_threshold
from service.ledger.tables import Budget

Period = Literal["month", "total"]

DEFAULT_THRESHOLDS = (50, 80, 100)

Scope = Literal["team", "key", "job"]

_LOCK = text("SELECT ledger_lock(ARRAY[CAST(:team_id AS text)], NULL)")
_OPEN = text("SELECT ledger_open(:team_id, :account_id, :scope)")
_TELL = text("SELECT * FROM ledger_tell_thresholds(ARRAY[CAST(:account_id AS text)])")


def set_budget(
    session: Session,
    team_id: str,
    *,
    limit_usd: Decimal | None,
    period: Period = "month",
    thresholds: Sequence[int] = DEFAULT_THRESHOLDS,
    scope: Scope = "team",
    account_id: str | None = None,
) -> None:
    """Set or change the budget of a team, or of one of its keys or jobs by the id `account_id`.

    What was spent and is held counts at once, under the new limit. `thresholds` are per cent of it; each that
    is crossed already is told of now. The caller sees to it that the key or job is the team's.
    """
    account_id = account_id or team_id
    if scope == "team":
        session.execute(_LOCK, {"team_id": team_id})
    else:
        session.execute(_OPEN, {"team_id": team_id, "account_id": account_id, "scope": scope})
    values = {
        "limit_usd": limit_usd,
        "period": period,
        "thresholds": sorted(set(thresholds)),
        "updated_at": func.clock_timestamp(),
    }
    row = insert(Budget).values(account_id=account_id, **values)
    session.execute(row.on_conflict_do_update(index_elements=["account_id"], set_=values))
    for crossed in session.execute(_TELL, {"account_id": account_id}).all():
        tell_threshold(session, crossed)
