"""Read budgets and costs."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core import clock
from service.errors import Conflict, NotFound
from service.ledger.charges import BudgetView
from service.ledger.closing.months import present_month
from service.ledger.kinds import NOT_USE
from service.ledger.reports.forecast import PACE_DAYS, Forecast, forecast, pace
from service.ledger.rollups.sums import booked
from service.ledger.rollups.tables import DaySum
from service.ledger.tables import ORGANIZATION, Budget, Entry, HoldRow, LedgerAccount, numbered

_STANDING = text("""
    SELECT account_id, scope, limit_usd, period, period_name, spent_usd, held_usd, thresholds,
           held_thresholds, forecast_thresholds
    FROM budget_standings
    WHERE account_id = :account_id AND (team_id = :team_id OR CAST(:team_id AS text) IS NULL)""")


_ALL_TEAMS = text("""
    SELECT coalesce(sum(month_spent_usd) FILTER (WHERE month = ledger_month(clock_timestamp())), 0),
           coalesce(sum(held_usd), 0)
    FROM accounts WHERE scope = 'team'""")

# The column of the entries of an account that is not a team's.
_OWNER = {"key": "key_id", "job": "job_id", "department": "department_id"}


def budget_view(session: Session, team_id: str, account_id: str | None = None) -> BudgetView:
    """The budget and counters of a team, or of one of its keys or jobs.

    Without an account there is no limit, and the counters are zero.
    """
    ids = {"team_id": team_id, "account_id": account_id or team_id}
    row = session.execute(_STANDING, ids).one_or_none()
    if row is None:
        return _unlimited(ids["account_id"], "team" if account_id is None else "key")
    return BudgetView(**row._asdict())


def organization_view(session: Session) -> BudgetView:
    """The budget and counters of all teams together.

    Until the organization first gets a budget it has no account, and the counters are the sums of the teams'.
    """
    row = session.execute(_STANDING, {"account_id": ORGANIZATION, "team_id": None}).one_or_none()
    if row is not None:
        return BudgetView(**row._asdict())
    spent_usd, held_usd = session.execute(_ALL_TEAMS).one()
    return replace(_unlimited(ORGANIZATION, ORGANIZATION), spent_usd=spent_usd, held_usd=held_usd)


def _unlimited(account_id: str, scope: str) -> BudgetView:
    month = f"{clock.now():%Y-%m}"
    return BudgetView(account_id, scope, None, "month", month, Decimal(0), Decimal(0))


def standing(session: Session, account_id: str) -> BudgetView:
    """The budget and counters of an account of any team, key, job or department."""
    return BudgetView(
        **session.execute(_STANDING, {"account_id": account_id, "team_id": None}).one()._asdict()
    )


def forecast_of(session: Session, view: BudgetView, team_id: str | None) -> Forecast:
    """Forecast a budget from the last seven days' spending; `team_id` is None for those that teams share.

    Shared costs, adjustments and corrections are left out because they say nothing about the pace.
    """
    now = clock.now()
    entries = booked(team_id, now - timedelta(days=PACE_DAYS), now, by=None)
    used = ~entries.c.is_correction, entries.c.kind.not_in(NOT_USE)
    spent = select(func.coalesce(func.sum(entries.c.amount_usd), 0)).where(*used)
    if view.scope in _OWNER:
        spent = spent.where(entries.c[_OWNER[view.scope]] == view.account_id)
    first_at = _first_at(session, view, team_id)
    usd_per_day = pace(Decimal(session.scalar(spent) or 0), first_at, now)
    return forecast(view, usd_per_day, present_month(), now)


def _first_at(session: Session, view: BudgetView, team_id: str | None) -> datetime | None:
    """When the account's spending can have begun. Both questions are answered by an index."""
    if team_id is not None:
        return session.scalar(select(Entry.booked_at).where(Entry.team_id == team_id, numbered(0, 1)))
    first = session.scalar(select(func.min(DaySum.day)))
    return None if first is None else datetime.combine(first, time(), UTC)


def limits_of(session: Session, account_ids: Collection[str]) -> Mapping[str, Decimal]:
    """The limits of these keys or jobs; those without a limit are left out."""
    limited = select(Budget.account_id, Budget.limit_usd).where(Budget.account_id.in_(account_ids))
    return {row.account_id: row.limit_usd for row in session.execute(limited) if row.limit_usd is not None}


def held_for(session: Session, team_id: str, subject_id: str) -> Decimal:
    """The amount reserved for one piece of work; zero without a hold."""
    hold = session.get(HoldRow, (team_id, subject_id), populate_existing=True)
    return Decimal(0) if hold is None else hold.amount_usd


def entry_numbered(session: Session, team_id: str, number: int) -> Entry:
    """Return a team's entry by its number. Raises `NotFound`, or `Conflict` if it is archived."""
    entry = session.scalar(select(Entry).where(Entry.team_id == team_id, numbered(number - 1, number)))
    if entry is not None:
        return entry
    account = session.get(LedgerAccount, team_id)
    if account is not None and 0 < number <= account.last_number:  # entries are numbered without gaps
        raise Conflict(
            f"The entry {number} of team {team_id} is in an archived month, so nothing can refer to it. "
            "Leave out 'entry_number', and name it in the reason.",
            param="entry_number",
            code="entry_archived",
        )
    raise NotFound(f"Team {team_id} has no ledger entry {number}.", param="entry_number")


def quantity_charged(session: Session, job_id: str, kind: PriceKind) -> Decimal:
    """The quantity of one kind charged to a job. Repricing does not change it."""
    charged = select(func.coalesce(func.sum(Entry.quantity), 0))
    return Decimal(session.scalar(charged.where(Entry.job_id == job_id, Entry.kind == kind.value)) or 0)


def cost_of_job(session: Session, job_id: str) -> Decimal:
    """A job's cost to date."""
    spent = select(func.coalesce(func.sum(Entry.amount_usd), 0)).where(Entry.job_id == job_id)
    return Decimal(session.scalar(spent) or 0)
