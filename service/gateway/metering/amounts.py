"""The most that a request may cost, before it is sent, and its actual cost afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct

from service.catalog.price import STANDARD, Price, PriceKind
from service.gateway.body import DEFAULT_TOOL_CALLS, Asked
from service.gateway.fields.examine import Demand
from service.gateway.fields.tags import COUNTED_BY
from service.gateway.metering import tiers
from service.gateway.metering.usage import Usage
from service.gateway.payer import Payer
from service.gateway.targets import Priced, Prices
from service.ledger.charges import Charge, LostUse, Review

# English has about 4 bytes per token, Chinese in UTF-8 about 3; a smaller divisor would hold too much budget.
_BYTES_PER_TOKEN = 3

_INPUT = (PriceKind.CACHED_INPUT_TOKENS, PriceKind.CACHE_WRITE_TOKENS, PriceKind.AUDIO_INPUT_TOKENS)
_OUTPUT = (PriceKind.AUDIO_OUTPUT_TOKENS,)


class Terms(Struct, frozen=True):
    """The prices that one request was let in at: its model's, and the tiers it may be served at."""

    priced: Priced
    tiers: Sequence[str]
    meters: frozenset[PriceKind]
    tool_calls: int

    def price(self, kind: PriceKind, tier: Prices) -> Price | None:
        """Return the price of a meter at a tier, or the standard one where the tier has none of its own."""
        return tier.get(kind) or self.priced.prices.get(kind)


def terms(asked: Asked, demand: Demand, priced: Priced) -> Terms:
    """Return the terms of a request. Raises `PriceUnknown` when it asks for something without a price."""
    for kind in demand.meters:
        if kind not in priced.prices:
            raise priced.unknown(kind)
    calls = DEFAULT_TOOL_CALLS if asked.max_tool_calls is None else asked.max_tool_calls
    return Terms(priced, tiers.asked(demand.tier, priced), frozenset(demand.meters), calls)


def plain(priced: Priced) -> Terms:
    """Return the terms of a request that asks for nothing but tokens at the standard tier."""
    return Terms(priced, (STANDARD,), frozenset(), 0)


def input_estimate(asked: Asked, context_tokens: int) -> int:
    """Return the tokens of input that the body rarely exceeds: an image has more bytes than tokens."""
    return min(asked.size_bytes // _BYTES_PER_TOKEN + 1, context_tokens)


def output_estimate(asked: Asked, context_tokens: int, default_tokens: int) -> int:
    """Return the tokens of output: the caller's limit, else `default_tokens`, for each answer.

    Without a limit the model's own would be the only true bound, and a few idle requests would reserve a
    whole budget; what exceeds the default is still charged.
    """
    limit = asked.max_output_tokens
    each = default_tokens if limit is None else limit
    return min(each, context_tokens) * asked.answers


def hold_usd(terms: Terms, input_tokens: int, output_tokens: int) -> Decimal:
    """Return the US dollars to reserve: the tokens at the dearest tier and meter asked for, and its calls."""
    return max(_hold_at(terms, terms.priced.tiers[tier], input_tokens, output_tokens) for tier in terms.tiers)


def _hold_at(terms: Terms, tier: Prices, input_tokens: int, output_tokens: int) -> Decimal:
    read = _dearest(terms, tier, PriceKind.INPUT_TOKENS, _INPUT).amount_for(input_tokens)
    written = _dearest(terms, tier, PriceKind.OUTPUT_TOKENS, _OUTPUT).amount_for(output_tokens)
    tools = (price.amount_for(calls) for price, calls in _tool_calls(terms, tier))
    return sum(tools, read + written)


def _tool_calls(terms: Terms, tier: Prices) -> Iterator[tuple[Price, int]]:
    """Yield the hosted tools that may be used, each with the most calls or sessions."""
    for kind in terms.meters:
        price = terms.price(kind, tier)
        if price is not None and kind.unit != "tokens":
            yield price, 1 if kind.unit == "sessions" else terms.tool_calls


def _dearest(terms: Terms, tier: Prices, plain: PriceKind, others: Sequence[PriceKind]) -> Price:
    others = [kind for kind in others if kind in terms.meters]
    if not others:
        return tier[plain]
    found = [tier[plain], *(price for kind in others if (price := terms.price(kind, tier)))]
    return max(found, key=lambda price: price.amount_usd / price.unit_quantity)


def lost_use(
    terms: Terms, input_tokens: int, output_tokens: int, path: str, tags: Mapping[str, str]
) -> LostUse:
    """Return what to charge if the request's process dies: what is held, at the dearest tier asked for."""
    prices = terms.priced.tiers[tiers.dearest(terms.tiers, terms.priced)]
    target = terms.priced.target
    return LostUse(
        model=target.model_id,
        base_model=target.base.id,
        provider=target.provider,
        endpoint=path.removeprefix("/"),
        tags=tags,
        quantities={
            prices[PriceKind.INPUT_TOKENS].id: input_tokens,
            prices[PriceKind.OUTPUT_TOKENS].id: output_tokens,
        }
        | {price.id: calls for price, calls in _tool_calls(terms, prices)},
    )


def charges(
    usage: Usage,
    terms: Terms,
    caller: Payer,
    subject_id: str,
    tags: dict[str, str],
    *,
    request_tags: Mapping[str, str] = MappingProxyType({}),
    answered_tier: str | None = None,
    reviews: Mapping[PriceKind, Review] = MappingProxyType({}),
    began_at: datetime | None = None,
) -> list[Charge]:
    """Return the ledger rows of one request; `reviews` mark those of their kind for review.

    There is always one row for its input, others where there is something to charge, so the rows of kind
    `input_tokens` count the requests.
    """
    _, tier, doubt = tiers.charged(answered_tier, terms.tiers, terms.priced)
    doubts = [*usage.doubts, *([doubt] if doubt else [])]
    rows = list(_rows(usage, terms, tier, doubts))
    if doubts:
        why = f"the answer has parts that Tunehouse does not expect: {', '.join(doubts)}"
        reviews = {PriceKind.INPUT_TOKENS: Review("implausible", why)} | dict(reviews)
    target = terms.priced.target
    return [
        Charge(
            kind=price.kind,
            quantity=quantity,
            price=price,
            unique_key=subject_id,
            model=target.model_id,
            base_model=target.base.id,
            provider=target.provider,
            key_id=caller.key_id,
            tags=tags | {COUNTED_BY: usage.counted_by},
            request_tags=request_tags,
            began_at=began_at,
            review=reviews.get(price.kind),
        )
        for price, quantity in rows
    ]


def _rows(usage: Usage, terms: Terms, tier: Prices, doubts: list[str]) -> Iterator[tuple[Price, int]]:
    plain_input, plain_output = usage.input_tokens, usage.output_tokens
    others: list[tuple[Price, int]] = []
    for kind, quantity in usage.parts.items():
        price = tier.get(kind) if kind is PriceKind.CACHED_INPUT_TOKENS else terms.price(kind, tier)
        if price is not None:
            others.append((price, quantity))
            plain_input -= quantity if kind in _INPUT else 0
            plain_output -= quantity if kind in _OUTPUT else 0
        elif kind not in (PriceKind.CACHED_INPUT_TOKENS, PriceKind.CACHE_WRITE_TOKENS):
            # Those two are input where a model has no price of its own for them; this nobody asked for.
            doubts.append(f"unpriced:{kind.value}")
    yield tier[PriceKind.INPUT_TOKENS], plain_input
    if plain_output:
        yield tier[PriceKind.OUTPUT_TOKENS], plain_output
    yield from others
