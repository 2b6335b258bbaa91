"""Service tiers: which one a request may be served at, and which one an answer was."""

from collections.abc import Sequence

from service.catalog.price import SERVICE_TIERS, STANDARD, PriceKind
from service.errors import InvalidRequest
from service.gateway.targets import Priced, Prices

# OpenAI's words for tiers that the price book names otherwise.
_BOOK_NAMES = {"default": STANDARD, "fast": "priority"}
ASKABLE = ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")


def asked(tier: str | None, priced: Priced) -> Sequence[str]:
    """Return the tiers, as the price book names them, at which a request may be served.

    `auto` may be any with a price; any other tier may fall back to the standard one.
    Raises `InvalidRequest` for an unknown tier and `PriceUnknown` for one without a price.
    """
    if tier is None or tier == "default":
        return (STANDARD,)
    if tier not in ASKABLE:
        raise InvalidRequest(
            f"'service_tier' must be one of: {', '.join(ASKABLE)}.",
            param="service_tier",
            code="unsupported_parameter",
        )
    if tier == "auto":
        return [name for name in SERVICE_TIERS if name in priced.tiers]
    name = _BOOK_NAMES.get(tier, tier)
    if name not in priced.tiers:
        raise priced.unknown(PriceKind.INPUT_TOKENS, name)
    return (STANDARD, name)


def dearest(tiers: Sequence[str], priced: Priced) -> str:
    """Return the tier with the highest price of output."""
    if len(tiers) == 1:
        return tiers[0]
    return max(tiers, key=lambda tier: priced.tiers[tier][PriceKind.OUTPUT_TOKENS].amount_usd)


def charged(answered: str | None, tiers: Sequence[str], priced: Priced) -> tuple[str, Prices, str | None]:
    """Return the tier that an answer is charged at, its prices, and a doubt if the answer does not say.

    `answered` is the `service_tier` of the answer, `tiers` those it could be.
    """
    # Providers other than OpenAI do not say; then the only tier that was asked for is meant.
    said = tiers[0] if answered is None and len(tiers) == 1 else answered or ""
    name = _BOOK_NAMES.get(said, said)
    if name in tiers:
        return name, priced.tiers[name], None
    bound = dearest(tiers, priced)
    return bound, priced.tiers[bound], f"service_tier:{(answered or 'missing')[:40]}"
