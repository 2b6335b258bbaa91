"""Forecast spending from its current pace. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from service.ledger.charges import BudgetView
from service.ledger.closing.months import Month

PACE_DAYS = 7  # a whole week, so that quiet weekends are included
_DAY_S = 86_400
_STEP = Decimal("0.000001")


@dataclass(frozen=True)
class Forecast:
    """A budget's forecast: the month's cost at its end, and when the limit will be reached.

    `period_end_usd` is None for a total budget. `exhausted_at` is None without a limit, or if it will not be
    reached within the month (or, for a total budget, within 100 years).
    """

    usd_per_day: Decimal
    period_end_usd: Decimal | None
    exhausted_at: datetime | None


def pace(spent_usd: Decimal, first_at: datetime | None, now: datetime) -> Decimal:
    """Return US dollars per day, averaged over seven days, or over the team's age (at least one day)."""
    age_s = PACE_DAYS * _DAY_S if first_at is None else (now - first_at).total_seconds()
    days = Decimal(min(max(age_s, _DAY_S), PACE_DAYS * _DAY_S)) / _DAY_S
    return (spent_usd / days).quantize(_STEP)


def forecast(view: BudgetView, usd_per_day: Decimal, month: Month, now: datetime) -> Forecast:
    """Forecast a budget at a pace of `usd_per_day`. `month` is the current month."""
    monthly = view.period == "month"
    days_left = Decimal((month.end - now).total_seconds()) / _DAY_S
    at_end = (view.spent_usd + usd_per_day * days_left).quantize(_STEP) if monthly else None
    return Forecast(usd_per_day, at_end, _exhausted_at(view, usd_per_day, month if monthly else None, now))


def _exhausted_at(
    view: BudgetView, usd_per_day: Decimal, month: Month | None, now: datetime
) -> datetime | None:
    if view.limit_usd is None:
        return None
    left = view.limit_usd - view.spent_usd
    if left <= 0:
        return now
    if usd_per_day <= 0 or left / usd_per_day > 36_500:
        return None
    at = now + timedelta(seconds=float(left / usd_per_day * _DAY_S))
    return at if month is None or at < month.end else None
