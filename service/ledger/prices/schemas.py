"""Prices on the wire. Amounts are decimal strings in US dollars."""

from typing import Literal

from pydantic import model_validator

from service.catalog.price import STANDARD, Price, PriceKind, Unit
from service.catalog.prices import NewPrice, price_of
from service.catalog.tables import PriceRow
from service.core.clock import from_unix, unix
from service.core.http.wire import Name, Text, WireIn, WireOut
from service.ledger.fields import Amount, Moment
from service.ledger.money import usd
from service.settings.providers import ProviderKind


class PriceCreate(WireIn):
    """A new price, in force from `effective_from` on, which may be in the past or future.

    It never replaces an existing row. `amount_usd` is for `unit_quantity` units; `unit` must be the unit of
    the kind. Both are required so that a price per thousand cannot be mistaken for one per million.
    """

    provider_kind: ProviderKind
    model: Name
    method: Literal["supervised", "dpo", "reinforcement"] | None = None
    kind: PriceKind
    tier: Name = STANDARD
    unit: Unit
    unit_quantity: Literal[1, 1_000, 1_000_000]
    amount_usd: Amount
    effective_from: Moment
    source: Name

    @model_validator(mode="after")
    def _unit_fits(self) -> "PriceCreate":
        if self.unit != self.kind.unit:
            raise ValueError(f"'unit' must be '{self.kind.unit}' for {self.kind}, got '{self.unit}'")
        if self.unit == "hours" and self.unit_quantity != 1:
            raise ValueError("'unit_quantity' must be 1 for prices per hour")
        return self

    def as_new_price(self) -> NewPrice:
        """Convert to the catalogue's type."""
        fields = self.model_dump(exclude={"unit"}) | {"effective_from": from_unix(self.effective_from)}
        return NewPrice(**fields)


class PriceOut(WireOut):
    """A price. `text` puts it in words, such as "$25.00 per 1,000,000 tokens".

    `confirmed_at` is null for a price that was not taken from the provider itself; add the right one to
    confirm it.
    """

    object: Literal["price"] = "price"
    id: str
    provider_kind: str
    model: str
    method: str | None
    kind: str
    tier: str
    unit: str
    unit_quantity: int
    amount_usd: str
    text: str
    effective_from: int
    source: Text
    created_at: int
    confirmed_at: int | None


def price_out(row: PriceRow) -> PriceOut:
    """The wire form of a price."""
    price = price_of(row)
    return PriceOut(
        id=row.id,
        provider_kind=row.provider_kind,
        model=row.model,
        method=row.method,
        kind=row.kind,
        tier=row.tier,
        unit=price.unit,
        unit_quantity=row.unit_quantity,
        amount_usd=usd(row.amount_usd),
        text=_in_words(price),
        effective_from=unix(row.effective_from),
        source=row.source,
        created_at=unix(row.created_at),
        confirmed_at=None if row.confirmed_at is None else unix(row.confirmed_at),
    )


def _in_words(price: Price) -> str:
    per = (
        price.unit.removesuffix("s") if price.unit_quantity == 1 else f"{price.unit_quantity:,} {price.unit}"
    )
    return f"${usd(price.amount_usd)} per {per}"
