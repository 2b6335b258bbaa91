"""The meter of a deployment: hold hosting ahead, and charge each hour of it once.

The charge of an hour, the time that the meter stands at and the hold for what follows are recorded in one
transaction, and the charge's key names the hour. So a process that dies, or a step that is repeated, charges
no hour twice and loses none: the next step charges all hours since.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from service.catalog.hosting import hosting_terms
from service.catalog.price import Price, PriceKind
from service.catalog.prices import hours, price_at, price_by_id
from service.core import clock
from service.errors import BudgetExceeded, PriceUnknown
from service.ledger.actions import place_hold, release_hold, settle
from service.ledger.charges import Charge, Review
from service.ledger.kinds import HOSTING_TAG, IDLE, USED
from service.ledger.tables import Entry
from service.models.deployments.tables import Deployment
from service.providers.errors import NotConfigured
from service.providers.registry import provider_settings

HOUR = timedelta(hours=1)
AHEAD = timedelta(minutes=15)  # how long before an hour begins it is held
_HOURS_AT_ONCE = 200  # after a long outage

_Period = tuple[datetime, datetime]


def hold_first_hour(session: Session, deployment: Deployment) -> None:
    """Hold an hour of a deployment that is about to be made. Raises `BudgetExceeded` with the figures."""
    price = _current_price(session, deployment)
    if price is not None:
        _hold(session, deployment, price.amount_for(1))


def start_meter(deployment: Deployment, started_at: datetime) -> None:
    """Let hosting cost money from `started_at` on; its first hour is held."""
    deployment.started_at = deployment.metered_until = started_at
    deployment.held_until = started_at + HOUR


def hold_ahead(session: Session, deployment: Deployment, now: datetime) -> BudgetExceeded | None:
    """Hold the hours until at least `AHEAD` from now; returns the refusal if a budget cannot cover them."""
    price, since = _current_price(session, deployment), deployment.metered_until
    if price is None or since is None or (deployment.held_until or since) > now + AHEAD:
        return None
    until = deployment.held_until or since
    while until <= now + AHEAD:
        until += HOUR
    try:
        _hold(session, deployment, price.amount_for(_hours(until - since)))
    except BudgetExceeded as refusal:
        return refusal
    deployment.held_until = until
    return None


def charge_until(
    session: Session,
    deployment: Deployment,
    until: datetime,
    *,
    is_certain: bool = True,
    has_ended: bool = False,
) -> None:
    """Charge a locked deployment's whole hours up to `until`; if it `has_ended`, also what is left of one.

    Unless `is_certain`, nobody could confirm that it was deployed: the charges are uncertain, for an admin to
    review. If it `has_ended`, its hold is released.
    """
    price, since = _current_price(session, deployment), deployment.metered_until
    if price is None or since is None:
        if since is not None:
            deployment.metered_until = max(since, until)
        if has_ended:
            release_hold(session, team_id=deployment.team_id, subject_id=deployment.id)
        return
    periods = _periods(deployment.provider, since, until, has_ended=has_ended)
    for first in range(0, len(periods), _HOURS_AT_ONCE):
        batch = periods[first : first + _HOURS_AT_ONCE]
        charges = _charges(session, deployment, price, batch, is_certain=is_certain)
        settle(session, team_id=deployment.team_id, subject_id=deployment.id, charges=charges)
        deployment.metered_until = batch[-1][1]
    if has_ended:
        release_hold(session, team_id=deployment.team_id, subject_id=deployment.id)
    elif periods:
        _hold_rest(session, deployment, price)


def next_mark(deployment: Deployment) -> datetime | None:
    """When the meter has something to do next; None while nothing costs money."""
    if deployment.price_id is None or deployment.metered_until is None or deployment.held_until is None:
        return None
    return min(deployment.metered_until + HOUR, max(deployment.held_until - AHEAD, clock.now() + AHEAD / 3))


def _periods(provider: str, since: datetime, until: datetime, *, has_ended: bool) -> list[_Period]:
    found = []
    while since + HOUR <= until:
        found.append((since, since + HOUR))
        since += HOUR
    if has_ended and since < until:
        found.append((since, since + _rounded_up(provider, until - since)))
    return found


def _rounded_up(provider: str, time: timedelta) -> timedelta:
    """As much of an hour as the provider bills for a part of it."""
    try:
        step = timedelta(seconds=hosting_terms(provider_settings(provider).kind).billed_by_s)
    except NotConfigured:
        step = HOUR
    return -(-time // step) * step


def _charges(
    session: Session, deployment: Deployment, price: Price, periods: Sequence[_Period], *, is_certain: bool
) -> list[Charge]:
    began = deployment.started_at or periods[0][0]
    used = _used_hours(session, deployment, periods[0][0], periods[-1][1])
    return [
        Charge(
            kind=PriceKind.HOSTING_HOURS,
            quantity=_hours(end - start),
            price=price if price.effective_from <= start else _price_at(session, price, start),
            unique_key=f"{deployment.id}:{deployment.turn}:{(start - began) // HOUR}",
            model=deployment.model_id,
            base_model=deployment.base_model,
            provider=deployment.provider,
            key_id=deployment.key_id,
            tags={HOSTING_TAG: USED if place in used else IDLE},
            occurred_at=min(end, clock.now()),
            began_at=start,
            review=_review(deployment, end, _hours(end - start), is_certain=is_certain),
        )
        for place, (start, end) in enumerate(periods)
    ]


def _review(deployment: Deployment, end: datetime, quantity: Decimal, *, is_certain: bool) -> Review | None:
    if not is_certain:
        reason = "its provider could not confirm that the model was deployed in this hour"
        return Review("uncertain", reason, None, quantity)
    # The last part of an hour may be rounded up to what the provider bills, beyond what is held.
    if deployment.held_until is None or end - HOUR >= deployment.held_until:
        reason = "the model stayed deployed although no budget covered this hour"
        return Review("above_budget", reason, quantity, Decimal(0))
    return None


def _used_hours(session: Session, deployment: Deployment, since: datetime, until: datetime) -> set[int]:
    """Which hours from `since` on had a request, by their number."""
    hour = func.floor(func.extract("epoch", Entry.occurred_at - since) / HOUR.total_seconds())
    return {
        int(number)
        for number in session.scalars(select(hour).where(*_requests(deployment, since, until)).distinct())
    }


def last_request(session: Session, deployment: Deployment, since: datetime) -> datetime | None:
    """When the latest request since `since` was charged to the model; None if there was none."""
    return session.scalar(
        select(func.max(Entry.occurred_at)).where(*_requests(deployment, since, clock.now()))
    )


def _requests(deployment: Deployment, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    """The condition for entries of requests to the model, one for each request."""
    return (
        Entry.team_id == deployment.team_id,
        Entry.model == deployment.model_id,
        Entry.kind == PriceKind.INPUT_TOKENS.value,
        Entry.corrects.is_(None),
        Entry.booked_at >= since,
        Entry.booked_at <= until,
    )


def _hold_rest(session: Session, deployment: Deployment, price: Price) -> None:
    """Hold what is still to come of the hours that were held, after their hold has ended with a charge."""
    since, until = deployment.metered_until, deployment.held_until
    if since is None or until is None or until <= since:
        return
    try:
        _hold(session, deployment, price.amount_for(_hours(until - since)))
    except BudgetExceeded:  # a limit was lowered, or other work cost more than it held
        deployment.held_until = since


def _hold(session: Session, deployment: Deployment, amount_usd: Decimal) -> None:
    place_hold(
        session,
        team_id=deployment.team_id,
        subject_id=deployment.id,
        amount_usd=amount_usd,
        key_id=deployment.key_id,
    )


def _current_price(session: Session, deployment: Deployment) -> Price | None:
    """The price in force now, which the deployment's row then names; None where hosting is free."""
    if deployment.price_id is None:
        return None
    price = _price_at(session, price_by_id(session, deployment.price_id), clock.now())
    deployment.price_id = price.id
    return price


def _price_at(session: Session, known: Price, at: datetime) -> Price:
    """The price for the same as a known one that was in force at a time."""
    try:
        return price_at(session, provider_kind=known.provider_kind, model=known.model, kind=known.kind, at=at)
    except PriceUnknown:  # the clocks of two machines differ, and the known price is the first
        return known


def _hours(time: timedelta) -> Decimal:
    return hours(time.total_seconds())
