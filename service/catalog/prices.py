"""Look prices up, and add to them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from service.catalog.price import STANDARD, Price, PriceKind, PriceTerms, hours, served_as
from service.catalog.tables import PriceRow
from service.core import clock, ids
from service.core.pages import Page, fetch_page
from service.errors import Conflict, PriceUnknown

__all__ = [
    "NewPrice",
    "Price",
    "PriceKind",
    "add_price",
    "hours",
    "list_prices",
    "price_at",
    "price_by_id",
    "price_of",
    "prices_at",
    "served_as",
    "unknown_price",
    "use_prices",
]


@dataclass(frozen=True, kw_only=True)
class NewPrice(PriceTerms):
    """A price to be added, and where it is published."""

    source: str


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
    """The price in force at a moment (default: now). Raises `PriceUnknown`, never falls back to zero.

    `model` is a base's id; for the use of a tuned model it is `served_as(base, tuned=True)`.
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
    """The prices of several kinds in one query, each as `price_at` finds it. Raises `PriceUnknown`."""
    moment = at or clock.now()
    # A price for this very method goes before one for all methods, whichever is newer.
    found = (
        select(PriceRow)
        .ext(distinct_on(PriceRow.kind))
        .where(
            PriceRow.provider_kind == provider_kind,
            PriceRow.model == model,
            PriceRow.tier == tier,
            PriceRow.kind.in_([kind.value for kind in kinds]),
            _for_method(method),
            PriceRow.effective_from <= moment,
        )
        .order_by(PriceRow.kind, PriceRow.method.is_(None), PriceRow.effective_from.desc())
    )
    prices = {PriceKind(row.kind): price_of(row) for row in session.scalars(found)}
    for kind in kinds:
        if kind not in prices:
            raise unknown_price(provider_kind, model, kind, method, tier, moment)
    return prices


def use_prices(
    session: Session, *, provider_kind: str, model: str, at: datetime | None = None
) -> Mapping[str, Mapping[PriceKind, Price]]:
    """Return every price in force for the use of a model, by tier and kind, in one query."""
    found = (
        select(PriceRow)
        .ext(distinct_on(PriceRow.tier, PriceRow.kind))
        .where(
            PriceRow.provider_kind == provider_kind,
            PriceRow.model == model,
            PriceRow.method.is_(None),
            PriceRow.effective_from <= (at or clock.now()),
        )
        .order_by(PriceRow.tier, PriceRow.kind, PriceRow.effective_from.desc())
    )
    book: dict[str, dict[PriceKind, Price]] = {}
    for row in session.scalars(found):
        book.setdefault(row.tier, {})[PriceKind(row.kind)] = price_of(row)
    return book


def _for_method(method: str | None) -> ColumnElement[bool]:
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
        f"No price is known for {kind} of '{model}'{by} at {provider_kind}, tier '{tier}', "
        f"on {at or clock.now():%Y-%m-%d}; nothing is used unpriced. "
        "An admin can add one with POST /v1/prices: "
        f'{{"provider_kind":"{provider_kind}","model":"{model}","kind":"{kind}","tier":"{tier}",'
        f'"unit":"{kind.unit}","unit_quantity":…,"amount_usd":"…","effective_from":…,"source":"…"}}.',
        param="model",
    )


def price_by_id(session: Session, price_id: str) -> Price:
    """The price of that id, which a job or request was given. Rows of the price book are never changed."""
    return price_of(session.get_one(PriceRow, price_id))


def price_of(row: PriceRow) -> Price:
    """A row as the value that computes amounts."""
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
    )


def list_prices(
    session: Session, *, filters: Mapping[str, str], after: str | None, limit: int
) -> Page[PriceRow]:
    """The price book, latest first; `filters` maps columns such as `model` to the value asked for."""
    rows = select(PriceRow).filter_by(**filters)
    return fetch_page(session, rows, sort=PriceRow.effective_from, id_=PriceRow.id, after=after, limit=limit)


def add_price(session: Session, price: NewPrice) -> PriceRow:
    """Add a row to the price book. Raises `Conflict` when one for the same thing has the same date."""
    values: dict[str, Any] = vars(price) | {"id": ids.new_id("price_"), "created_at": clock.now()}
    added: PriceRow | None = session.scalar(
        insert(PriceRow)
        .values(values)
        .on_conflict_do_nothing(constraint="uq_prices_natural_key")
        .returning(PriceRow)
    )
    if added is None:
        raise Conflict(
            "There is a price for this provider kind, model, method, kind and tier from that moment on, and "
            "prices are never edited: add one with another 'effective_from'.",
            param="effective_from",
            code="price_exists",
        )
    return added
