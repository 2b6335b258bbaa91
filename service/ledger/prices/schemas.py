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
    """A new price. It never replaces an existing row."""

    provider_kind: ProviderKind
    """The kind of provider that it applies to."""
    model: Name
    """The model, as the provider's price list names it."""
    method: Literal["supervised", "dpo", "reinforcement"] | None = None
    """The training method that it applies to; null means all."""
    kind: PriceKind
    """What is charged."""
    tier: Name = STANDARD
    """The service tier, such as `standard` or `flex`."""
    unit: Unit
    """The unit of the kind, to say that you know it."""
    unit_quantity: Literal[1, 1_000, 1_000_000]
    """How many units `amount_usd` is for, so that thousands and millions are not confused."""
    amount_usd: Amount
    """The price of `unit_quantity` units."""
    effective_from: Moment
    """From when it applies, in the past or future, in unix seconds."""
    source: Name
    """Where it is published, such as an address."""

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
    """A price."""

    object: Literal["price"] = "price"
    id: str
    provider_kind: str
    """The kind of provider that it applies to."""
    model: str
    """The model, as the provider's price list names it."""
    method: str | None
    """The training method that it applies to; null means all."""
    kind: str
    """What is charged."""
    tier: str
    """The service tier, such as `standard` or `flex`."""
    unit: str
    """What is counted: `tokens`, `hours`, `calls` or `sessions`."""
    unit_quantity: int
    """How many units `amount_usd` is for."""
    amount_usd: str
    """The price of `unit_quantity` units."""
    text: str
    """The price in words, such as "$25.00 per 1,000,000 tokens"."""
    effective_from: int
    """From when it applies, in unix seconds."""
    source: Text
    """Where it is published."""
    created_at: int
    confirmed_at: int | None
    """When the provider confirmed it, in unix seconds; null for a copy of a third party. Add the right
    price to confirm it."""


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
