"""Look up and add prices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from service.catalog.price import STANDARD, Price, PriceKind, PriceTerms, hours, served_as
from service.catalog.tables import PriceRow
from service.core import clock, ids
from service.core.http.pages import Page, fetch_page
from service.errors import Conflict, PriceUnknown

__all__ = [
    "NewPrice",
    "Price",
    "PriceKind",
    "add_price",
    "hours",
    "in_force",
    "list_prices",
    "price_at",
    "price_by_id",
    "price_of",
    "prices_at",
    "served_as",
    "unknown_price",
    "use_prices",
]


Given = str | BindParameter[str]


@dataclass(frozen=True, kw_only=True)
class NewPrice(PriceTerms):
    """A price to add, and where it is published; `confirmed_at` is None if somebody must still check it."""

    source: str
    confirmed_at: datetime | None = field(default_factory=clock.now)


def price_at(
    session: Session,
    *,
    provider_kind: str,
    model: str,
    kind: PriceKind,
    method: str | None = None,
    tier: str = STANDARD,
    at: datetime | None = None,
) -> Price:
    """Return the price in force at `at`, by default now. Raises `PriceUnknown`; never falls back to zero.

    `model` is the id of a base. For using a tuned model, pass `served_as(base, tuned=True)`.
    """
    found = prices_at(
        session, provider_kind=provider_kind, model=model, kinds=(kind,), method=method, tier=tier, at=at
    )
    return found[kind]


def prices_at(
    session: Session,
    *,
    provider_kind: str,
    model: str,
    kinds: Collection[PriceKind],
    method: str | None = None,
    tier: str = STANDARD,
    at: datetime | None = None,
) -> Mapping[PriceKind, Price]:
    """Return the prices of several kinds, each as `price_at` does, in one query. Raises `PriceUnknown`."""
    moment = at or clock.now()
    found = in_force(provider_kind, model, method, tier, moment)
    found = found.where(PriceRow.kind.in_([kind.value for kind in kinds]))
    prices = {PriceKind(row.kind): price_of(row) for row in session.scalars(found)}
    for kind in kinds:
        if kind not in prices:
            raise unknown_price(provider_kind, model, kind, method, tier, moment)
    return prices


def in_force(
    provider_kind: Given, model: Given, method: Given | None, tier: Given, at: Any
) -> Select[PriceRow]:
    """Select the price of each kind that is in force at a moment; the arguments may be bind parameters.

    A price for the method takes precedence over one for all methods, even over a newer one.
    """
    return (
        select(PriceRow)
        .ext(distinct_on(PriceRow.kind))
        .where(
            PriceRow.provider_kind == provider_kind,
            PriceRow.model == model,
            PriceRow.tier == tier,
            _for_method(method),
            PriceRow.effective_from <= at,
        )
        .order_by(PriceRow.kind, PriceRow.method.is_(None), PriceRow.effective_from.desc())
    )


def use_prices(
    session: Session, *, provider_kind: str, model: str, at: datetime | None = None
) -> Mapping[str, Mapping[PriceKind, Price]]:
    """Return every price in force for requests to a model, by tier and kind, in one query."""
    found = (
        select(PriceRow)
        .ext(distinct_on(PriceRow.tier, PriceRow.kind))
        .where(
            PriceRow.provider_kind == provider_kind,
            PriceRow.model == model,
            PriceRow.method.is_(None),
            PriceRow.kind != PriceKind.HOSTING_HOURS.value,  # no request pays for it
            PriceRow.effective_from <= (at or clock.now()),
        )
        .order_by(PriceRow.tier, PriceRow.kind, PriceRow.effective_from.desc())
    )
    book: dict[str, dict[PriceKind, Price]] = {}
    for row in session.scalars(found):
        book.setdefault(row.tier, {})[PriceKind(row.kind)] = price_of(row)
    return book


def _for_method(method: Given | None) -> ColumnElement[bool]:
    every = PriceRow.method.is_(None)
    return every if method is None else or_(every, PriceRow.method == method)


def unknown_price(
    provider_kind: str,
    model: str,
    kind: PriceKind,
    method: str | None = None,
    tier: str = STANDARD,
    at: datetime | None = None,
) -> PriceUnknown:
    """Return the error that names a missing price and how an admin adds it."""
    by = f" by method '{method}'" if method else ""
    return PriceUnknown(
        f"There is no price for {kind} of '{model}'{by} at {provider_kind}, tier '{tier}', "
        f"on {at or clock.now():%Y-%m-%d}. Tunehouse refuses use without a price. "
        "An admin can add one with POST /v1/prices: "
        f'{{"provider_kind":"{provider_kind}","model":"{model}","kind":"{kind}","tier":"{tier}",'
        f'"unit":"{kind.unit}","unit_quantity":…,"amount_usd":"…","effective_from":…,"source":"…"}}.',
        param="model",
    )


def price_by_id(session: Session, price_id: str) -> Price:
    """Return the price with an id that a job or request has stored. Prices are never changed or deleted."""
    return price_of(session.get_one(PriceRow, price_id))


def price_of(row: PriceRow) -> Price:
    """Convert a row to a `Price`."""
    return Price(
        id=row.id,
        provider_kind=row.provider_kind,
        model=row.model,
        method=row.method,
        kind=PriceKind(row.kind),
        tier=row.tier,
        unit_quantity=row.unit_quantity,
        amount_usd=row.amount_usd,
        effective_from=row.effective_from,
        is_confirmed=row.confirmed_at is not None,
    )


def list_prices(
    session: Session, *, filters: Mapping[str, str], after: str | None, limit: int
) -> Page[PriceRow]:
    """Return a page of the price book, latest first. `filters` maps columns such as `model` to values."""
    rows = select(PriceRow).filter_by(**filters)
    return fetch_page(session, rows, sort=PriceRow.effective_from, id_=PriceRow.id, after=after, limit=limit)


def add_price(session: Session, price: NewPrice) -> PriceRow:
    """Add a price. Raises `Conflict` if there is one with the same terms and `effective_from`."""
    values: dict[str, Any] = vars(price) | {"id": ids.new_id("price_"), "created_at": clock.now()}
    added: PriceRow | None = session.scalar(
        insert(PriceRow)
        .values(values)
        .on_conflict_do_nothing(constraint="uq_prices_natural_key")
        .returning(PriceRow)
    )
    if added is None:
        raise Conflict(
            "A price for this provider kind, model, method, kind and tier already starts at this "
            "'effective_from', and prices are never edited. Send another 'effective_from'.",
            param="effective_from",
            code="price_exists",
        )
    return added
