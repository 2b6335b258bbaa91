"""The prices that ship with Tunehouse, and bringing them into the price book."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.files import KINDS, load
from service.catalog.price import STANDARD, PriceKind
from service.catalog.prices import NewPrice
from service.catalog.tables import PriceRow
from service.core import clock


def shipped_prices() -> Iterator[NewPrice]:
    """Every price in the data files. Raises ValueError where a list's unit is not its kind's."""
    for provider_kind in KINDS:
        for price_list in load(provider_kind).get("prices", []):
            yield from _read(provider_kind, price_list)


def _read(provider_kind: str, price_list: dict[str, Any]) -> Iterator[NewPrice]:
    for model, amounts in price_list["usd"].items():
        for name, amount in amounts.items():
            kind = PriceKind(name)
            if kind.unit != price_list["unit"]:
                raise ValueError(f"{provider_kind}: {model} has {kind} in a list per {price_list['unit']}")
            yield NewPrice(
                provider_kind=provider_kind,
                model=model,
                method=price_list.get("method"),
                kind=kind,
                tier=price_list.get("tier", STANDARD),
                unit_quantity=price_list["unit_quantity"],
                amount_usd=Decimal(amount),
                effective_from=datetime.combine(price_list["effective_from"], time(), UTC),
                source=price_list["source"],
            )


def sync_prices(session: Session) -> int:
    """Add the shipped prices that the price book lacks, and return how many; run it as often as you like."""
    rows = [vars(price) | {"id": _stable_id(price), "created_at": clock.now()} for price in shipped_prices()]
    known = insert(PriceRow).on_conflict_do_nothing(constraint="uq_prices_natural_key")
    return len(session.scalars(known.returning(PriceRow.id), rows).all())


def _stable_id(price: NewPrice) -> str:
    """The same id in every installation, so that exports of two of them can be compared."""
    key = (
        price.provider_kind,
        price.model,
        price.method,
        price.kind.value,
        price.tier,
        price.effective_from.isoformat(),
    )
    return "price_" + hashlib.sha256(repr(key).encode()).hexdigest()[:24]
