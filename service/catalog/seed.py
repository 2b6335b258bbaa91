"""Add the prices that ship with Tunehouse to the price book."""

import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.catalog.files import KINDS, load
from service.catalog.price import STANDARD, PriceKind, served_as
from service.catalog.prices import NewPrice
from service.catalog.tables import PriceRow
from service.core import clock


def shipped_prices() -> Iterator[NewPrice]:
    """Yield every price in the data files. Raises ValueError if a list has a unit other than its kinds'."""
    for provider_kind in KINDS:
        for price_list in load(provider_kind).get("prices", []):
            yield from _read(provider_kind, price_list)
        yield from _hosting(provider_kind)


def _read(provider_kind: str, price_list: dict[str, Any]) -> Iterator[NewPrice]:
    for model, amounts in _amounts(provider_kind, price_list):
        for name, amount in amounts.items():
            kind = PriceKind(name)
            if kind.unit != price_list["unit"]:
                raise ValueError(
                    f"catalogue for {provider_kind}: {kind} of {model} must be in a list with unit "
                    f"'{kind.unit}', not '{price_list['unit']}'"
                )
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
                confirmed_at=clock.now() if price_list.get("is_confirmed", True) else None,
            )


def _hosting(provider_kind: str) -> Iterator[NewPrice]:
    """Yield a price for hosting a model tuned from each base that the kind's hosting price applies to."""
    entry = load(provider_kind)["hosting"]
    if Decimal(entry.get("usd_per_hour", "0")) == 0:
        return
    fitting = (
        one for one in load(provider_kind)["models"] if one.get("size_b", 0) <= entry.get("up_to_b", math.inf)
    )
    usd = {
        served_as(model["id"], tuned=True): {PriceKind.HOSTING_HOURS.value: entry["usd_per_hour"]}
        for model in fitting
    }
    yield from _read(provider_kind, entry | {"unit": "hours", "unit_quantity": 1, "usd": usd})


def _amounts(provider_kind: str, price_list: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the amounts of each model: its own, or those of the first bracket that its size fits."""
    yield from price_list.get("usd", {}).items()
    brackets = price_list.get("usd_by_size", [])
    for model in load(provider_kind)["models"] if brackets else []:
        if price_list.get("method") in (None, *model["methods"]):
            bracket = next(one for one in brackets if model["size_b"] <= one["up_to_b"])
            yield model["id"], {name: amount for name, amount in bracket.items() if name != "up_to_b"}


def sync_prices(session: Session) -> int:
    """Add the shipped prices that are missing from the price book, and return how many. Safe to repeat."""
    rows = [vars(price) | {"id": _stable_id(price), "created_at": clock.now()} for price in shipped_prices()]
    known = insert(PriceRow).on_conflict_do_nothing(constraint="uq_prices_natural_key")
    return len(session.scalars(known.returning(PriceRow.id), rows).all())


def _stable_id(price: NewPrice) -> str:
    """Derive an id that is the same in every installation, so that their exports can be compared."""
    key = (
        price.provider_kind,
        price.model,
        price.method,
        price.kind.value,
        price.tier,
        price.effective_from.isoformat(),
    )
    return "price_" + hashlib.sha256(repr(key).encode()).hexdigest()[:24]
