"""What each kind of provider charges for keeping a tuned model ready to answer."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from service.catalog.files import load


@dataclass(frozen=True)
class HostingTerms:
    """The price of one hour of one tuned model, used or not; None if unknown. `source` says where from."""

    usd_per_hour: Decimal | None
    source: str


@cache
def hosting_terms(provider_kind: str) -> HostingTerms:
    """The hosting terms of one kind of provider."""
    entry = load(provider_kind)["hosting"]
    price = entry.get("usd_per_hour")
    return HostingTerms(None if price is None else Decimal(price), entry["source"])
