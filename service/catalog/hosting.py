"""What each kind of provider charges for keeping a tuned model ready to answer."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from sqlalchemy.orm import Session

from service.catalog.files import load
from service.catalog.prices import Price, PriceKind, price_at, served_as
from service.errors import PriceUnknown

_HOUR_S = 3600


@dataclass(frozen=True)
class HostingTerms:
    """How a kind of provider bills deployed models.

    `usd_per_hour` is the shipped price of one hour, used or not; None if none is known. It applies to bases
    of at most `up_to_b` billion parameters, or to all. `billed_by_s` is what the provider rounds the time up
    to, in seconds. `source` says where this is published.
    """

    usd_per_hour: Decimal | None
    source: str
    up_to_b: float | None = None
    billed_by_s: int = _HOUR_S


@cache
def hosting_terms(provider_kind: str) -> HostingTerms:
    """The hosting terms of one kind of provider."""
    entry = load(provider_kind)["hosting"]
    price = entry.get("usd_per_hour")
    return HostingTerms(
        usd_per_hour=None if price is None else Decimal(price),
        source=entry["source"],
        up_to_b=entry.get("up_to_b"),
        billed_by_s=entry.get("billed_by_s", _HOUR_S),
    )


def hosting_price(session: Session, *, provider_kind: str, base_model: str) -> Price | None:
    """The price of hosting a model tuned from a base, or None where the provider says that it is free.

    Raises `PriceUnknown`.
    """
    try:
        return price_at(
            session,
            provider_kind=provider_kind,
            model=served_as(base_model, tuned=True),
            kind=PriceKind.HOSTING_HOURS,
        )
    except PriceUnknown:
        if hosting_terms(provider_kind).usd_per_hour == 0:
            return None
        raise
