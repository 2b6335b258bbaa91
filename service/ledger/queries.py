"""Read budgets and costs."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from service.catalog.price import PriceKind
from service.core import clock
from service.ledger.charges import ADJUSTMENT, BudgetView
from service.ledger.closing.months import present_month
from service.ledger.reports.forecast import PACE_DAYS, Forecast, forecast, pace
from service.ledger.rollups.sums import booked
from service.ledger.tables import Budget, Entry, HoldRow

_STANDING = text(
    "SELECT scope, limit_usd, period, period_name, spent_usd, held_usd, thresholds FROM budget_standings "
    "WHERE account_id = :account_id AND team_id = :team_id"
)


def budget_view(session: Session, team_id: str, account_id: str | None = None) -> BudgetView:
    """The budget and counters of a team, or of one of its keys or jobs.

    Without an account there is no limit, and the counters are zero.
    """
    ids = {"team_id": team_id, "account_id": account_id or team_id}
    row = session.execute(_STANDING, ids).one_or_none()
    if row is None:
        nothing = Decimal(0)
        return BudgetView(
            ids["account_id"],
            "team" if account_id is None else "key",
            None,
            "month",
            f"{clock.now():%Y-%m}",
            nothing,
            nothing,
            (),
        )
    return BudgetView(account_id=ids["account_id"], **row._asdict())


def forecast_of(session: Session, view: BudgetView, team_id: str) -> Forecast:
    """Forecast the budget of a team, or of one of its keys or jobs, from the last seven days' spending.

    Adjustments and corrections are left out because they say nothing about the pace.
    """
    now = clock.now()
    entries = booked(team_id, now - timedelta(days=PACE_DAYS), now, by=None)
    used = ~entries.c.is_correction, entries.c.kind != ADJUSTMENT
    spent = select(func.coalesce(func.sum(entries.c.amount_usd), 0)).where(*used)
    if view.scope != "team":
        column = entries.c.key_id if view.scope == "key" else entries.c.job_id
        spent = spent.where(column == view.account_id)
    first_at = session.scalar(select(func.min(Entry.booked_at)).where(Entry.team_id == team_id))
    usd_per_day = pace(Decimal(session.scalar(spent) or 0), first_at, now)
    return forecast(view, usd_per_day, present_month(), now)


def limits_of(session: Session, account_ids: Collection[str]) -> Mapping[str, Decimal]:
    """The limits of these keys or jobs; those without a limit are left out."""
    limited = select(Budget.account_id, Budget.limit_usd).where(Budget.account_id.in_(account_ids))
    return {row.account_id: row.limit_usd for row in session.execute(limited) if row.limit_usd is not None}


def held_for(session: Session, team_id: str, subject_id: str) -> Decimal:
    """The amount reserved for one piece of work; zero without a hold."""
    hold = session.get(HoldRow, (team_id, subject_id), populate_existing=True)
    return Decimal(0) if hold is None else hold.amount_usd


def quantity_charged(session: Session, job_id: str, kind: PriceKind) -> Decimal:
    """The quantity of one kind charged to a job. Repricing does not change it."""
    charged = select(func.coalesce(func.sum(Entry.quantity), 0))
    return Decimal(session.scalar(charged.where(Entry.job_id == job_id, Entry.kind == kind.value)) or 0)


def cost_of_job(session: Session, job_id: str) -> Decimal:
    """A job's cost to date."""
    spent = select(func.coalesce(func.sum(Entry.amount_usd), 0)).where(Entry.job_id == job_id)
    return Decimal(session.scalar(spent) or 0)


def costs_by_job(session: Session, team_id: str, job_ids: Collection[str]) -> Mapping[str, Decimal]:
    """The cost to date of each of the team's jobs; jobs without charges are left out."""
    own = Entry.team_id == team_id, Entry.job_id.in_(job_ids)
    rows = session.execute(
        select(Entry.job_id, func.sum(Entry.amount_usd)).where(*own).group_by(Entry.job_id)
    )
    return {job_id: amount for job_id, amount in rows if job_id is not None}
