"""What a request may cost before it is sent, and what it did cost after. Pure."""

from decimal import Decimal

from service.catalog.prices import PriceKind
from service.gateway.body import Asked
from service.gateway.payer import Payer
from service.gateway.targets import Priced
from service.gateway.usage import Usage
from service.ledger.charges import Charge

# English has some 4 bytes to a token, Chinese in UTF-8 some 3; less would hold too much of the budget.
_BYTES_PER_TOKEN = 3


def input_estimate(asked: Asked, context_tokens: int) -> int:
    """Tokens of input that the body can hardly exceed: an image is far longer in bytes than in tokens."""
    return min(asked.size_bytes // _BYTES_PER_TOKEN + 1, context_tokens)


def output_estimate(asked: Asked, context_tokens: int, default_tokens: int) -> int:
    """Tokens of output: what the caller allows, else `default_tokens`, for each answer.

    Without a limit the model's own would be the only true bound, and a few idle requests would pin a whole
    budget (a known failure of other gateways); what exceeds the default is still charged in full.
    """
    limit = asked.max_output_tokens
    each = default_tokens if limit is None else limit
    return min(each, context_tokens) * asked.answers


def hold_usd(asked: Asked, priced: Priced, default_tokens: int) -> Decimal:
    """US dollars to reserve for a request."""
    context = priced.target.base.context_tokens
    read = priced.prices[PriceKind.INPUT_TOKENS].amount_for(input_estimate(asked, context))
    written = output_estimate(asked, context, default_tokens)
    return read + priced.prices[PriceKind.OUTPUT_TOKENS].amount_for(written)


def charges(
    usage: Usage, priced: Priced, caller: Payer, subject_id: str, tags: dict[str, str]
) -> list[Charge]:
    """The ledger rows of one request: always one for its input, others where there is something to charge.

    So the rows of kind `input_tokens` count the requests.
    """
    cached = usage.cached_tokens if PriceKind.CACHED_INPUT_TOKENS in priced.prices else 0
    quantities = {
        PriceKind.INPUT_TOKENS: usage.input_tokens - cached,
        PriceKind.CACHED_INPUT_TOKENS: cached,
        PriceKind.OUTPUT_TOKENS: usage.output_tokens,
    }
    target = priced.target
    return [
        Charge(
            kind=kind,
            quantity=quantity,
            price=priced.prices[kind],
            unique_key=f"{subject_id}:{kind.value}",
            model=target.model_id,
            base_model=target.base.id,
            provider=target.provider,
            key_id=caller.key_id,
            tags=tags | {"counted_by": usage.counted_by},
        )
        for kind, quantity in quantities.items()
        if quantity or kind is PriceKind.INPUT_TOKENS
    ]
